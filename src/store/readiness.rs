//! Readiness as it is kept: the rules of the gate, the versions and sprints there are, how they stood
//! on each day, and which replica takes the day's snapshots.
//!
//! The rules are settings like the others (`settings`), under names of their own. A day is written
//! once and never changed: the number of days since 1 January 1970, UTC.

use std::collections::BTreeMap;

use sea_orm::FromQueryResult;

use super::settings::{PROJECT, SITE, Scope};
use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::issue::{Named, StatusCategory};
use crate::domain::readiness::{Gate, Measures, RuleName, RuleSetting, Target, Verdict};

/// What the name of a rule's setting begins with.
const RULE: &str = "gate:";

/// What was decided about the gate of a project.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decided {
    /// For the whole site.
    pub site: Gate,
    /// For the project itself.
    pub project: Gate,
}

impl Decided {
    /// What holds in the project.
    #[must_use]
    pub fn gate(&self) -> Gate {
        self.site.with(&self.project)
    }
}

#[derive(FromQueryResult)]
struct RuleRow {
    scope: String,
    name: String,
    value: String,
}

/// What was decided about the gate of a project. Rows that say nothing known are passed over.
pub async fn rules(on: &impl Conn, site: SiteId, project_key: &str) -> Result<Decided, StoreError> {
    let mut sql = Sql::new("SELECT scope, name, value FROM setting WHERE site_id = ");
    let rows: Vec<RuleRow> = sql
        .bind(site)
        .push(" AND scope IN ")
        .list([SITE.to_owned(), format!("{PROJECT}{project_key}")])
        .with(" AND name LIKE ", format!("{RULE}%"))
        .all(on)
        .await?;
    let mut decided = Decided::default();
    for row in rows {
        let rule = row.name.strip_prefix(RULE).and_then(RuleName::from_code);
        if let (Some(rule), Some(setting)) = (rule, RuleSetting::read(&row.value)) {
            let gate = match row.scope.as_str() {
                SITE => &mut decided.site,
                _ => &mut decided.project,
            };
            gate.set(rule, setting);
        }
    }
    Ok(decided)
}

/// Keeps a decision about a rule and who made it; `None` takes it back, so that it is inherited.
pub async fn decide(
    on: &impl Conn,
    site: SiteId,
    scope: Scope<'_>,
    (rule, setting): (RuleName, Option<RuleSetting>),
    by: Option<&str>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let (scope, name) = (scope.name(), format!("{RULE}{}", rule.code()));
    let Some(setting) = setting else {
        Sql::new("DELETE FROM setting WHERE site_id = ")
            .bind(site)
            .with(" AND scope = ", scope)
            .with(" AND name = ", name)
            .run(on)
            .await?;
        return Ok(());
    };
    Sql::new("INSERT INTO setting (site_id, scope, name, value, changed_by, changed_ms) ")
        .rows([[
            site.into(),
            scope.into(),
            name.into(),
            setting.to_string().into(),
            by.map(str::to_owned).into(),
            now_ms.into(),
        ]])
        .push(" ON CONFLICT (site_id, scope, name) DO UPDATE SET value = excluded.value,")
        .push(" changed_by = excluded.changed_by, changed_ms = excluded.changed_ms")
        .run(on)
        .await?;
    Ok(())
}

/// A version or a sprint that issues of a project name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The project's key.
    pub project_key: String,
    /// Which version or sprint.
    pub target: Target,
    /// Whether an issue of it is not done. An issue is in its newest sprint only.
    pub is_open: bool,
    /// When an issue of it last changed, milliseconds since the Unix epoch.
    pub changed_ms: i64,
}

#[derive(FromQueryResult)]
struct PlannedRow {
    project_key: String,
    fix_versions: String,
    sprints: String,
    is_open: i32,
    changed_ms: i64,
}

/// The versions and sprints that live issues name: of one project, or of all. Open ones first, and
/// within that those first that changed last.
pub async fn planned(
    on: &impl Conn,
    site: SiteId,
    project_key: Option<&str>,
) -> Result<Vec<Planned>, StoreError> {
    let mut sql = Sql::new(
        "SELECT project_key, fix_versions, sprints, \
         MAX(CASE WHEN status_category = ",
    );
    sql.bind(StatusCategory::Done.code())
        .push(" THEN 0 ELSE 1 END) AS is_open, MAX(updated_ms) AS changed_ms FROM issue")
        .with(" WHERE site_id = ", site)
        .push(" AND jira_id IS NOT NULL AND deleted_ms IS NULL")
        .push(" AND (fix_versions <> '[]' OR sprints <> '[]')");
    if let Some(key) = project_key {
        sql.with(" AND project_key = ", key);
    }
    let rows: Vec<PlannedRow> = sql
        .push(" GROUP BY project_key, fix_versions, sprints")
        .all(on)
        .await?;
    let mut found: BTreeMap<(String, Target), (bool, i64)> = BTreeMap::new();
    for row in rows {
        let is_open = row.is_open == 1;
        let versions = names(&row.fix_versions).into_iter();
        let versions = versions.map(|name| (Target::Version(name), is_open));
        let sprints = names(&row.sprints);
        let newest = sprints.len().saturating_sub(1);
        let sprints = sprints.into_iter().enumerate();
        let sprints = sprints.map(|(n, name)| (Target::Sprint(name), is_open && n == newest));
        for (target, is_open) in versions.chain(sprints) {
            let entry = found.entry((row.project_key.clone(), target));
            let held = entry.or_insert((false, row.changed_ms));
            *held = (held.0 || is_open, held.1.max(row.changed_ms));
        }
    }
    let mut planned: Vec<Planned> = found
        .into_iter()
        .map(|((project_key, target), (is_open, changed_ms))| Planned {
            project_key,
            target,
            is_open,
            changed_ms,
        })
        .collect();
    planned.sort_by_key(|one| (!one.is_open, std::cmp::Reverse(one.changed_ms)));
    Ok(planned)
}

/// The names in a list of the mirror; one that cannot be read names nothing.
fn names(list: &str) -> Vec<String> {
    let named: Vec<Named> = serde_json::from_str(list).unwrap_or_default();
    let names = named.into_iter().map(|one| one.name);
    names.filter(|name| !name.is_empty()).collect()
}

/// How a version or a sprint stood on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// Days since 1 January 1970, UTC.
    pub day: i64,
    /// The verdict.
    pub verdict: Verdict,
    /// The measures.
    pub measures: Measures,
}

#[derive(FromQueryResult)]
struct DayRow {
    day: i64,
    verdict: String,
    measures: String,
}

/// The newest `limit` days of a version or a sprint that were kept, the oldest of them first.
pub async fn days(
    on: &impl Conn,
    site: SiteId,
    project_key: &str,
    target: &Target,
    limit: u32,
) -> Result<Vec<Day>, StoreError> {
    let mut sql = Sql::new("SELECT day, verdict, measures FROM readiness_day WHERE site_id = ");
    let rows: Vec<DayRow> = sql
        .bind(site)
        .with(" AND project_key = ", project_key)
        .with(" AND scope = ", target.name())
        .with(" ORDER BY day DESC LIMIT ", i64::from(limit))
        .all(on)
        .await?;
    let corrupt = |day: i64, what: String| StoreError::Corrupt {
        table: "readiness_day",
        id: format!("{project_key} {} {day}", target.name()),
        what,
    };
    rows.into_iter()
        .rev()
        .map(|row| {
            Ok(Day {
                day: row.day,
                verdict: Verdict::from_name(&row.verdict)
                    .ok_or_else(|| corrupt(row.day, format!("verdict {}", row.verdict)))?,
                measures: serde_json::from_str(&row.measures)
                    .map_err(|why| corrupt(row.day, format!("measures: {why}")))?,
            })
        })
        .collect()
}

/// Keeps a day; one that is kept already stays as it is. Returns whether it was kept now.
pub async fn keep_day(
    on: &impl Conn,
    site: SiteId,
    project_key: &str,
    target: &Target,
    day: &Day,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new(
        "INSERT INTO readiness_day (site_id, project_key, scope, day, verdict, measures, \
         computed_ms) ",
    );
    let kept = sql
        .rows([[
            site.into(),
            project_key.into(),
            target.name().into(),
            day.day.into(),
            day.verdict.name().into(),
            serde_json::to_string(&day.measures)
                .unwrap_or_default()
                .into(),
            now_ms.into(),
        ]])
        .push(" ON CONFLICT (site_id, project_key, scope, day) DO NOTHING")
        .run(on)
        .await?;
    Ok(kept == 1)
}

/// The keys of the projects with issues that name this version or sprint by Jira's id of it.
pub async fn planning(
    on: &impl Conn,
    site: SiteId,
    target: &Target,
    id: &str,
) -> Result<Vec<String>, StoreError> {
    let column = match target {
        Target::Version(_) => "fix_versions",
        Target::Sprint(_) => "sprints",
    };
    let mut sql = Sql::new("SELECT DISTINCT project_key FROM issue WHERE site_id = ");
    let rows = sql
        .bind(site)
        .with(
            &format!(" AND deleted_ms IS NULL AND {column} LIKE "),
            format!("%\"id\":\"{id}\"%"),
        )
        .push(" ORDER BY project_key")
        .raw(on)
        .await?;
    let keys = rows.iter().map(|row| row.try_get_by_index(0));
    Ok(keys.collect::<Result<_, _>>()?)
}

/// How a version or a sprint stood when it came to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// The project's key.
    pub project_key: String,
    /// Which version or sprint.
    pub target: Target,
    /// What told of its end. A version may be released again.
    pub cause: String,
    /// When this was worked out, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The verdict.
    pub verdict: Verdict,
    /// The measures.
    pub measures: Measures,
}

#[derive(FromQueryResult)]
struct EndingRow {
    cause: String,
    at_ms: i64,
    verdict: String,
    measures: String,
}

/// Keeps an ending; one that is kept already stays as it is. Returns whether it was kept now.
pub async fn keep_ending(
    on: &impl Conn,
    site: SiteId,
    ending: &Ending,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new(
        "INSERT INTO readiness_ending (site_id, project_key, scope, cause, at_ms, verdict, measures) ",
    );
    let kept = sql
        .rows([[
            site.into(),
            ending.project_key.as_str().into(),
            ending.target.name().into(),
            ending.cause.as_str().into(),
            ending.at_ms.into(),
            ending.verdict.name().into(),
            serde_json::to_string(&ending.measures)
                .unwrap_or_default()
                .into(),
        ]])
        .push(" ON CONFLICT (site_id, project_key, scope, cause) DO NOTHING")
        .run(on)
        .await?;
    Ok(kept == 1)
}

/// The endings of a version or a sprint, the latest first.
pub async fn endings(
    on: &impl Conn,
    site: SiteId,
    project_key: &str,
    target: &Target,
) -> Result<Vec<Ending>, StoreError> {
    let mut sql =
        Sql::new("SELECT cause, at_ms, verdict, measures FROM readiness_ending WHERE site_id = ");
    let rows: Vec<EndingRow> = sql
        .bind(site)
        .with(" AND project_key = ", project_key)
        .with(" AND scope = ", target.name())
        .push(" ORDER BY at_ms DESC, cause LIMIT 100")
        .all(on)
        .await?;
    let corrupt = |what: String| StoreError::Corrupt {
        table: "readiness_ending",
        id: format!("{project_key} {}", target.name()),
        what,
    };
    rows.into_iter()
        .map(|row| {
            Ok(Ending {
                project_key: project_key.to_owned(),
                target: target.clone(),
                verdict: Verdict::from_name(&row.verdict)
                    .ok_or_else(|| corrupt(format!("verdict {}", row.verdict)))?,
                measures: serde_json::from_str(&row.measures)
                    .map_err(|why| corrupt(format!("measures: {why}")))?,
                cause: row.cause,
                at_ms: row.at_ms,
            })
        })
        .collect()
}

/// Whether all snapshots of a day have been taken.
pub async fn is_taken(on: &impl Conn, site: SiteId, day: i64) -> Result<bool, StoreError> {
    let mut sql = Sql::new("SELECT 1 FROM readiness_sweep WHERE site_id = ");
    let rows = sql.bind(site).with(" AND day >= ", day).raw(on).await?;
    Ok(!rows.is_empty())
}

/// Takes the snapshots of a day upon this replica until `until_ms`; false when another one has them,
/// or when they have been taken.
pub async fn take_over(
    on: &impl Conn,
    site: SiteId,
    day: i64,
    now_ms: i64,
    until_ms: i64,
) -> Result<bool, StoreError> {
    Sql::new("INSERT INTO readiness_sweep (site_id, day, lease_until_ms) ")
        .rows([[site.into(), (day - 1).into(), 0_i64.into()]])
        .push(" ON CONFLICT (site_id) DO NOTHING")
        .run(on)
        .await?;
    let mut sql = Sql::new("UPDATE readiness_sweep SET lease_until_ms = ");
    let taken = sql
        .bind(until_ms)
        .with(" WHERE site_id = ", site)
        .with(" AND day < ", day)
        .with(" AND lease_until_ms <= ", now_ms)
        .run(on)
        .await?;
    Ok(taken == 1)
}

/// Notes that all snapshots of a day have been taken.
pub async fn note_taken(on: &impl Conn, site: SiteId, day: i64) -> Result<(), StoreError> {
    let mut sql = Sql::new("UPDATE readiness_sweep SET lease_until_ms = 0, day = ");
    sql.bind(day)
        .with(" WHERE site_id = ", site)
        .with(" AND day < ", day)
        .run(on)
        .await?;
    Ok(())
}
