//! Settings as rows: one row per decided setting, for the whole site or for one project.
//!
//! A row that says nothing known (an older or newer build wrote it) is passed over: the setting is
//! then inherited. What settings mean is `domain::settings`.

use std::sync::Arc;

use sea_orm::FromQueryResult;

use super::shown_status;
use super::sql::Sql;
use super::{Conn, SiteId, StoreError};
use crate::domain::coverage::{self, Choices};
use crate::domain::rule::Rule;
use crate::domain::settings::{Overrides, OwnRule, RuleName, Settings, SiteSettings, TypeNames};
use crate::domain::statuses::{CustomStatus, Statuses};

/// The scope of a whole site.
pub(super) const SITE: &str = "site";
/// What the scope of a project begins with; its key follows.
pub(super) const PROJECT: &str = "project:";
const COVERABLE: &str = "coverable-types";
const DEFECTS: &str = "defect-types";
const WITHOUT_FIX: &str = "resolutions-without-fix";
const VERIFIED: &str = "verified-statuses";
const MAIN_BRANCHES: &str = "main-branches";
const GOOD: &str = "good-statuses";
const BAD: &str = "bad-statuses";
const RULE: &str = "rule:";
/// A rule of the site's own: its name follows.
const OWN_RULE: &str = "own-rule:";
/// How results count: the name of the choice follows.
const COVERAGE: &str = "coverage:";
/// A status for runs: its number follows.
const STATUS: &str = "run-status:";

/// Where a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// In every project that does not decide otherwise.
    Site,
    /// In the project with this key.
    Project(&'a str),
}

impl Scope<'_> {
    pub(super) fn name(self) -> String {
        match self {
            Self::Site => SITE.to_owned(),
            Self::Project(key) => format!("{PROJECT}{key}"),
        }
    }
}

/// One decision; `None` takes it back, so that the setting is inherited again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Issue types that tests cover.
    Coverable(Option<TypeNames>),
    /// Issue types that are defects.
    Defects(Option<TypeNames>),
    /// Resolutions that close a defect without a fix, by id or name.
    ResolutionsWithoutFix(Option<Vec<String>>),
    /// Statuses (Jira's ids) for verified defects.
    VerifiedStatuses(Option<Vec<String>>),
    /// Branches whose failures are no accident.
    MainBranches(Option<Vec<String>>),
    /// Statuses (Jira's ids) for issues whose tests became good.
    GoodStatuses(Option<Vec<String>>),
    /// Statuses (Jira's ids) for issues whose tests became bad.
    BadStatuses(Option<Vec<String>>),
    /// Whether a rule acts.
    Rule(RuleName, Option<bool>),
}

/// A decided setting as it is stored: scope, name, value.
#[derive(FromQueryResult, serde::Deserialize)]
pub(super) struct Row {
    scope: String,
    name: String,
    value: String,
}

/// Everything decided on a site.
pub async fn of_site(on: &impl Conn, site: SiteId) -> Result<SiteSettings, StoreError> {
    let rows: Vec<Row> = Sql::new("SELECT scope, name, value FROM setting")
        .with(" WHERE site_id = ", site)
        .all(on)
        .await?;
    Ok(gather(rows))
}

/// What holds in one project.
pub async fn of_project(
    on: &impl Conn,
    site: SiteId,
    project_key: &str,
) -> Result<Settings, StoreError> {
    let scopes = [SITE.to_owned(), Scope::Project(project_key).name()];
    let rows: Vec<Row> = Sql::new("SELECT scope, name, value FROM setting")
        .with(" WHERE site_id = ", site)
        .push(" AND scope IN ")
        .list(scopes)
        .all(on)
        .await?;
    Ok(gather(rows).of_project(project_key))
}

/// Keeps a decision and who made it (an account id); the same decision again changes nothing.
pub async fn decide(
    on: &impl Conn,
    site: SiteId,
    scope: Scope<'_>,
    decision: &Decision,
    by: Option<&str>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let (name, value) = row_of(decision);
    keep(on, site, scope, &name, value, by, now_ms).await?;
    match decision {
        Decision::Coverable(_) => shown_status::mark_all(on, site, now_ms).await,
        _ => Ok(()),
    }
}

/// Keeps what was decided about counting results, in the place of all that was decided before.
pub async fn decide_coverage(
    on: &impl Conn,
    site: SiteId,
    scope: Scope<'_>,
    choices: &Choices,
    by: Option<&str>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let mut chosen = choices.entries();
    for name in Choices::of(&coverage::Settings::default()).entries().keys() {
        let value = chosen.remove(name).map(|value| value.to_string());
        let name = format!("{COVERAGE}{name}");
        keep(on, site, scope, &name, value, by, now_ms).await?;
    }
    shown_status::mark_all(on, site, now_ms).await
}

/// Keeps what a custom status is, or that there is none with this number any more. The caller holds
/// the statuses of the site (`store::statuses::hold`) while it chooses number and name.
pub async fn decide_status(
    on: &impl Conn,
    site: SiteId,
    code: i16,
    status: Option<&CustomStatus>,
    by: Option<&str>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let value = status.map(|status| serde_json::to_string(status).unwrap_or_default());
    let name = format!("{STATUS}{code}");
    keep(on, site, Scope::Site, &name, value, by, now_ms).await?;
    shown_status::mark_all(on, site, now_ms).await
}

/// Keeps a rule of the site's own under its name, in the place of the one that was there; `None` takes
/// it away. Who calls this has checked it.
pub async fn decide_own_rule(
    on: &impl Conn,
    site: SiteId,
    name: &str,
    rule: Option<&Rule>,
    by: Option<&str>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let value = rule.map(|rule| serde_json::to_string(rule).unwrap_or_default());
    let name = format!("{OWN_RULE}{name}");
    keep(on, site, Scope::Site, &name, value, by, now_ms).await
}

/// Keeps a value under a name; none takes it back.
pub(super) async fn keep(
    on: &impl Conn,
    site: SiteId,
    scope: Scope<'_>,
    name: &str,
    value: Option<String>,
    by: Option<&str>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let scope = scope.name();
    let Some(value) = value else {
        Sql::new("DELETE FROM setting")
            .with(" WHERE site_id = ", site)
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
            value.into(),
            by.map(str::to_owned).into(),
            now_ms.into(),
        ]])
        .push(" ON CONFLICT (site_id, scope, name) DO UPDATE SET value = excluded.value,")
        .push(" changed_by = excluded.changed_by, changed_ms = excluded.changed_ms")
        .run(on)
        .await?;
    Ok(())
}

fn row_of(decision: &Decision) -> (String, Option<String>) {
    let types = |names: &TypeNames| serde_json::to_string(names).unwrap_or_default();
    let texts = |texts: &[String]| serde_json::to_string(texts).unwrap_or_default();
    match decision {
        Decision::Coverable(names) => (COVERABLE.to_owned(), names.as_ref().map(types)),
        Decision::Defects(names) => (DEFECTS.to_owned(), names.as_ref().map(types)),
        Decision::ResolutionsWithoutFix(names) => {
            (WITHOUT_FIX.to_owned(), names.as_deref().map(texts))
        }
        Decision::VerifiedStatuses(ids) => (VERIFIED.to_owned(), ids.as_deref().map(texts)),
        Decision::MainBranches(names) => (MAIN_BRANCHES.to_owned(), names.as_deref().map(texts)),
        Decision::GoodStatuses(ids) => (GOOD.to_owned(), ids.as_deref().map(texts)),
        Decision::BadStatuses(ids) => (BAD.to_owned(), ids.as_deref().map(texts)),
        Decision::Rule(rule, is_on) => (
            format!("{RULE}{}", rule.code()),
            is_on.map(|is_on| if is_on { "on" } else { "off" }.to_owned()),
        ),
    }
}

/// What rows of one site decide.
pub(super) fn gather(rows: Vec<Row>) -> SiteSettings {
    let mut all = SiteSettings::default();
    let mut custom: Vec<CustomStatus> = Vec::new();
    for row in rows {
        if row.name.starts_with(STATUS) && row.scope == SITE {
            custom.extend(serde_json::from_str(&row.value));
            continue;
        }
        if let Some(name) = row.name.strip_prefix(OWN_RULE) {
            all.own_rules.push(OwnRule::read(name, &row.value));
            continue;
        }
        let over = match row.scope.strip_prefix(PROJECT) {
            Some(key) => all.projects.entry(key.to_owned()).or_default(),
            None => &mut all.site,
        };
        apply(over, &row.name, &row.value);
    }
    all.own_rules.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    custom.sort_unstable_by_key(|status| status.code);
    all.statuses = Arc::new(Statuses { custom });
    all
}

fn apply(over: &mut Overrides, name: &str, value: &str) {
    let types = || serde_json::from_str::<TypeNames>(value).ok();
    let texts = || serde_json::from_str::<Vec<String>>(value).ok();
    match name {
        WITHOUT_FIX => over.resolutions_without_fix = texts(),
        VERIFIED => over.verified_statuses = texts(),
        MAIN_BRANCHES => over.main_branches = texts(),
        GOOD => over.good_statuses = texts(),
        BAD => over.bad_statuses = texts(),
        COVERABLE => over.coverable = types(),
        DEFECTS => over.defects = types(),
        _ if name.starts_with(COVERAGE) => {
            let name = name.strip_prefix(COVERAGE).unwrap_or_default();
            if let Ok(value) = serde_json::from_str(value) {
                over.coverage = std::mem::take(&mut over.coverage).and(name, value);
            }
        }
        _ => {
            let rule = name.strip_prefix(RULE).and_then(RuleName::from_code);
            if let (Some(rule), "on" | "off") = (rule, value) {
                over.rules.insert(rule, value == "on");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::run::Effect;
    use crate::store::Store;

    #[tokio::test]
    async fn decisions_are_kept_by_scope_and_can_be_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("s.db").display());
        Store::migrate(&url).await.unwrap();
        let store = Store::open(&url, 2).await.unwrap();
        let (site, other) = (SiteId(1), SiteId(2));
        let shop = Scope::Project("SHOP");
        let story = Decision::Coverable(Some(TypeNames::new(["Story"])));

        let txn = store.write().await.unwrap();
        decide(&*txn, site, shop, &story, Some("ann"), 5)
            .await
            .unwrap();
        decide(&*txn, site, shop, &story, Some("bob"), 6)
            .await
            .unwrap();
        let off = Decision::Rule(RuleName::D3, Some(false));
        decide(&*txn, site, Scope::Site, &off, None, 7)
            .await
            .unwrap();
        txn.commit().await.unwrap();

        let found = of_project(store.read(), site, "SHOP").await.unwrap();
        assert!(!found.is_coverable("Epic") && !found.is_on(RuleName::D3));
        assert_eq!(
            of_site(store.read(), site)
                .await
                .unwrap()
                .of_project("SHOP"),
            found
        );
        assert_eq!(
            of_project(store.read(), other, "SHOP").await.unwrap(),
            Settings::default()
        );

        let txn = store.write().await.unwrap();
        decide(&*txn, site, shop, &Decision::Coverable(None), None, 8)
            .await
            .unwrap();
        txn.commit().await.unwrap();
        assert!(
            of_project(store.read(), site, "SHOP")
                .await
                .unwrap()
                .is_coverable("Epic")
        );
    }

    #[tokio::test]
    async fn how_results_count_is_kept_choice_by_choice_and_statuses_for_the_site() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("s.db").display());
        Store::migrate(&url).await.unwrap();
        let store = Store::open(&url, 2).await.unwrap();
        let site = SiteId(1);
        let choices = |json: &str| serde_json::from_str::<Choices>(json).unwrap();
        let settled = CustomStatus {
            code: 100,
            name: "Settled".to_owned(),
            colour: "#36b37e".to_owned(),
            is_final: true,
            effect: Effect::Ok,
            rank: 50,
        };

        let txn = store.write().await.unwrap();
        let (everywhere, shop) = (
            choices(r#"{"freshnessDays": 30, "strictOutdated": true}"#),
            choices(r#"{"strictOutdated": false, "excludedLabels": ["wip"]}"#),
        );
        decide_coverage(&*txn, site, Scope::Site, &everywhere, None, 5)
            .await
            .unwrap();
        decide_coverage(&*txn, site, Scope::Project("SHOP"), &shop, None, 6)
            .await
            .unwrap();
        decide_status(&*txn, site, 100, Some(&settled), None, 7)
            .await
            .unwrap();
        txn.commit().await.unwrap();

        let found = of_project(store.read(), site, "SHOP")
            .await
            .unwrap()
            .coverage;
        assert_eq!(found.freshness_days, Some(30));
        assert_eq!(
            (found.strict_outdated, found.excluded_labels.len()),
            (false, 1)
        );
        let status = found.statuses.parse("settled").unwrap();
        assert_eq!(found.effect(status), Some(Effect::Ok));
        assert_eq!(
            of_site(store.read(), site).await.unwrap().projects["SHOP"].coverage,
            shop
        );

        let txn = store.write().await.unwrap();
        let less = choices(r#"{"strictOutdated": true}"#);
        decide_coverage(&*txn, site, Scope::Project("SHOP"), &less, None, 8)
            .await
            .unwrap();
        decide_status(&*txn, site, 100, None, None, 9)
            .await
            .unwrap();
        txn.commit().await.unwrap();
        let found = of_project(store.read(), site, "SHOP")
            .await
            .unwrap()
            .coverage;
        assert!(found.strict_outdated && found.excluded_labels.is_empty());
        assert_eq!(found.statuses.parse("settled"), None);
    }
}
