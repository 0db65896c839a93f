//! Finding tests, executions, plans, sets, preconditions and issues: by query, by ids, and by what
//! they belong to. A search counts all it finds and returns the ids of one page.
//!
//! What a kind of thing does not have (a test has no version) is empty: no value of it is found.

use uuid::Uuid;

use super::folders::within;
use super::readiness::planned;
use super::{Conn, SiteId, Sql, StoreError};
use crate::domain::folder::FolderPath;
use crate::domain::jql::{Condition, Field, Order, Query, Test};
use crate::domain::keys::{ExecutionKey, GroupKey, GroupKind, PlanKey, TestKey};
use crate::domain::readiness::Target;

/// What is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Tests that are not put away.
    Test,
    /// Test executions.
    Execution,
    /// Test plans.
    Plan,
    /// Test sets or preconditions.
    Group(GroupKind),
    /// Issues that Jira told of and still has.
    Issue,
}

impl Kind {
    /// What an issue of this kind is called; issues have types of their own.
    #[must_use]
    pub const fn issue_type(self) -> Option<&'static str> {
        match self {
            Self::Test => Some("Test"),
            Self::Execution => Some("Test Execution"),
            Self::Plan => Some("Test Plan"),
            Self::Group(GroupKind::TestSet) => Some("Test Set"),
            Self::Group(GroupKind::Precondition) => Some("Precondition"),
            Self::Issue => None,
        }
    }

    const fn table(self) -> &'static str {
        match self {
            Self::Test => "test_case",
            Self::Execution => "execution",
            Self::Plan => "plan",
            Self::Group(_) => "test_group",
            Self::Issue => "issue",
        }
    }

    /// When it last changed, as far as that is kept.
    const fn changed(self) -> &'static str {
        match self {
            Self::Test => "coalesce(x.version_ms, x.created_ms)",
            Self::Execution => {
                "(CASE WHEN x.finished_ms > x.created_ms THEN x.finished_ms ELSE x.created_ms END)"
            }
            Self::Plan => "x.created_ms",
            Self::Group(_) => "x.changed_ms",
            Self::Issue => "x.updated_ms",
        }
    }

    /// Project and number that a key of this kind names.
    fn key(self, text: &str) -> Option<(String, i64)> {
        match self {
            Self::Test => {
                let key: TestKey = text.parse().ok()?;
                Some((key.project, key.number))
            }
            Self::Execution => {
                let key: ExecutionKey = text.parse().ok()?;
                Some((key.project, key.number))
            }
            Self::Plan => {
                let key: PlanKey = text.parse().ok()?;
                Some((key.project, key.number))
            }
            Self::Group(kind) => {
                let key: GroupKey = text.parse().ok()?;
                (key.kind == kind).then_some((key.project, key.number))
            }
            Self::Issue => None,
        }
    }
}

/// What it must belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// Tests that were put into this plan.
    PlanTests(Uuid),
    /// Tests that this execution has runs of.
    ExecutionTests(Uuid),
    /// Tests of this set or precondition.
    GroupTests(Uuid),
    /// Tests that cover this issue, by our id of its mirror row.
    CoveringTests(Uuid),
    /// Tests of this type; whether tests without one, of a kind (its code), are of it too.
    TestType(String, Option<i16>),
    /// Preconditions for tests of this type.
    GroupType(String),
    /// Tests or preconditions in this folder of this owner, and, if so said, in those below it.
    Folder(Uuid, FolderPath, bool),
    /// Executions of the plan with this key.
    PlanExecutions(String),
    /// Executions that have a run of this test.
    TestExecutions(Uuid),
    /// Executions that have a run of this version of this test.
    VersionExecutions(Uuid, i32),
    /// Plans that this test was put into.
    TestPlans(Uuid),
    /// The plan with this key.
    PlanNamed(PlanKey),
    /// Sets or preconditions of this test.
    TestGroups(Uuid),
    /// Issues that this test covers.
    CoveredIssues(Uuid),
    /// Issues of these types, by name, compared without case.
    IssueTypes(Vec<String>),
    /// What was changed since, in milliseconds since the Unix epoch.
    ChangedSince(i64),
}

/// A search.
#[derive(Debug, Clone)]
pub struct Search<'a> {
    /// What for.
    pub kind: Kind,
    /// The keys of the only projects that are looked at; all, when there is none.
    pub projects: &'a [String],
    /// A query.
    pub query: Option<&'a Query>,
    /// Our ids, of which it must have one.
    pub ids: Option<&'a [Uuid]>,
    /// The key, the name or an id of its project.
    pub project: Option<&'a str>,
    /// What it must belong to.
    pub of: &'a [Of],
    /// How many to pass over.
    pub start: i64,
    /// How many to return.
    pub limit: i64,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// How many there are.
    pub total: i64,
    /// Our ids of those on the page, in order.
    pub ids: Vec<Uuid>,
}

/// Searches.
pub async fn find(on: &impl Conn, site: SiteId, search: &Search<'_>) -> Result<Found, StoreError> {
    let open_sprints = open_sprints(on, site, search.query).await?;
    let total: Option<i64> = condition(site, search, &open_sprints, "SELECT count(*)")
        .scalar(on)
        .await?;
    let total = total.unwrap_or(0);
    if total <= search.start || search.limit == 0 {
        return Ok(Found {
            total,
            ids: Vec::new(),
        });
    }
    let mut sql = condition(site, search, &open_sprints, "SELECT x.id");
    order(&mut sql, search);
    let rows = sql
        .with(" LIMIT ", search.limit)
        .with(" OFFSET ", search.start)
        .raw(on)
        .await?;
    let ids = rows.iter().map(|row| row.try_get_by_index(0));
    Ok(Found {
        total,
        ids: ids.collect::<Result<_, _>>()?,
    })
}

/// The names of sprints under way, when the query asks for them.
async fn open_sprints(
    on: &impl Conn,
    site: SiteId,
    query: Option<&Query>,
) -> Result<Vec<String>, StoreError> {
    fn asks(condition: &Condition) -> bool {
        match condition {
            Condition::All(all) | Condition::Any(all) => all.iter().any(asks),
            Condition::Not(inner) => asks(inner),
            Condition::Clause(_, test) => matches!(test, Test::OpenSprints(_)),
        }
    }
    let condition = query.and_then(|query| query.condition.as_ref());
    if !condition.is_some_and(asks) {
        return Ok(Vec::new());
    }
    let all = planned(on, site, None).await?.into_iter();
    let open = all.filter(|one| one.is_open);
    let names = open.filter_map(|one| match one.target {
        Target::Sprint(name) => Some(name),
        Target::Version(_) => None,
    });
    Ok(names.collect())
}

/// The statement up to its order; `x` is what is searched for, `p` its project.
fn condition(site: SiteId, search: &Search<'_>, open_sprints: &[String], select: &str) -> Sql {
    let kind = search.kind;
    let mut sql = Sql::new(select);
    sql.push(" FROM ").push(kind.table()).push(" x");
    if kind != Kind::Issue {
        sql.push(" JOIN project p ON p.site_id = x.site_id AND p.id = x.project_id");
    }
    sql.with(" WHERE x.site_id = ", site);
    match kind {
        Kind::Test => {
            sql.push(" AND x.archived_ms IS NULL");
        }
        Kind::Group(kind) => {
            sql.with(" AND x.kind = ", kind.code());
        }
        Kind::Issue => {
            sql.push(" AND x.jira_id IS NOT NULL AND x.deleted_ms IS NULL");
        }
        Kind::Execution | Kind::Plan => {}
    }
    if !search.projects.is_empty() {
        sql.push(" AND ").push(project_key(kind)).push(" IN ");
        sql.list(search.projects.iter().map(String::as_str));
    }
    if let Some(ids) = search.ids {
        sql.push(" AND x.id IN ")
            .list_filled_up(ids.iter().copied());
    }
    if let Some(project) = search.project {
        sql.push(" AND ");
        push_project(&mut sql, site, kind, project);
    }
    for of in search.of {
        sql.push(" AND ");
        push_of(&mut sql, site, kind, of);
    }
    if let Some(condition) = search.query.and_then(|query| query.condition.as_ref()) {
        sql.push(" AND ");
        let asked = Asked {
            site,
            kind,
            open_sprints,
        };
        asked.push(&mut sql, condition);
    }
    sql
}

const fn project_key(kind: Kind) -> &'static str {
    match kind {
        Kind::Issue => "x.project_key",
        _ => "p.key",
    }
}

fn order(sql: &mut Sql, search: &Search<'_>) {
    let asked = search.query.map_or(&[][..], |query| &query.order);
    let key = if search.kind == Kind::Issue {
        ["x.project_key", "length(x.key)", "x.key"].as_slice()
    } else {
        ["p.key", "x.number"].as_slice()
    };
    let created = if search.kind == Kind::Issue {
        ["x.jira_id"].as_slice()
    } else {
        ["x.id"].as_slice()
    };
    let mut columns = Vec::new();
    for (by, is_descending) in asked.iter().chain(&[(Order::Key, false)]) {
        let of = match by {
            Order::Key => key,
            Order::Created => created,
        };
        let word = if *is_descending { " DESC" } else { "" };
        columns.extend(of.iter().map(|column| format!("{column}{word}")));
    }
    sql.push(" ORDER BY ").push(&columns.join(", "));
}

/// A condition: the project has this key, name or id.
fn push_project(sql: &mut Sql, site: SiteId, kind: Kind, name: &str) {
    let key = name.trim().to_ascii_uppercase();
    let is_one = |sql: &mut Sql, of: &str| {
        sql.push("(").push(of).with("key = ", key.as_str());
        sql.push(" OR lower(")
            .push(of)
            .with("name) = ", name.trim().to_lowercase());
        if let Ok(id) = name.trim().parse::<u128>() {
            sql.push(" OR ").push(of).with("id = ", Uuid::from_u128(id));
            if let Ok(id) = i64::try_from(id) {
                sql.push(" OR ").push(of).with("jira_id = ", id);
            }
        }
        sql.push(")");
    };
    if kind == Kind::Issue {
        sql.with("(x.project_key = ", key.as_str());
        sql.with(
            " OR x.project_key IN (SELECT q.key FROM project q WHERE q.site_id = ",
            site,
        );
        sql.push(" AND ");
        is_one(sql, "q.");
        sql.push("))");
        return;
    }
    is_one(sql, "p.");
}

fn push_of(sql: &mut Sql, site: SiteId, kind: Kind, of: &Of) {
    let select = |sql: &mut Sql, what: &str, column: &str, id: Uuid| {
        sql.push("x.id IN (SELECT ")
            .push(what)
            .with(" WHERE site_id = ", site);
        sql.push(" AND ").push(column).with(" = ", id).push(")");
    };
    match of {
        Of::PlanTests(plan) => select(sql, "test_id FROM plan_test", "plan_id", *plan),
        Of::ExecutionTests(execution) => {
            select(sql, "test_id FROM run", "execution_id", *execution);
        }
        Of::GroupTests(group) => {
            select(sql, "test_id FROM test_group_test", "group_id", *group);
        }
        Of::TestExecutions(test) => select(sql, "execution_id FROM run", "test_id", *test),
        Of::VersionExecutions(test, version) => {
            sql.push("x.id IN (SELECT execution_id FROM run WHERE site_id = ")
                .bind(site);
            sql.with(" AND test_id = ", *test);
            sql.with(" AND test_version = ", *version).push(")");
        }
        Of::TestPlans(test) => select(sql, "plan_id FROM plan_test", "test_id", *test),
        Of::TestGroups(test) => {
            select(sql, "group_id FROM test_group_test", "test_id", *test);
        }
        Of::CoveringTests(issue) => select(
            sql,
            "test_id FROM test_link",
            "removed_ms IS NULL AND issue_id",
            *issue,
        ),
        Of::CoveredIssues(test) => select(
            sql,
            "issue_id FROM test_link",
            "removed_ms IS NULL AND test_id",
            *test,
        ),
        Of::TestType(name, of_kind) => {
            sql.with("(x.test_type = ", name.as_str());
            if let Some(of_kind) = of_kind {
                sql.with(" OR (x.test_type IS NULL AND x.kind = ", *of_kind)
                    .push(")");
            }
            sql.push(")");
        }
        Of::GroupType(name) => {
            sql.with("x.test_type = ", name.as_str());
        }
        Of::Folder(owner, path, is_deep) => push_folder(sql, site, *owner, path, *is_deep),
        Of::PlanExecutions(key) => {
            sql.with("x.plan = ", key.as_str());
        }
        Of::PlanNamed(key) => {
            sql.with("(p.key = ", key.project.as_str());
            sql.with(" AND x.number = ", key.number).push(")");
        }
        Of::IssueTypes(names) => {
            let names = names.iter().map(|name| name.to_lowercase());
            sql.push("lower(x.type_name) IN ").list(names);
        }
        Of::ChangedSince(since_ms) => {
            sql.push(kind.changed()).with(" >= ", *since_ms);
        }
    }
}

/// A condition: it lies in a folder. What lies in none lies in the root.
fn push_folder(sql: &mut Sql, site: SiteId, owner: Uuid, path: &FolderPath, is_deep: bool) {
    if path.is_root() && is_deep {
        sql.push("1 = 1");
        return;
    }
    sql.push("(x.id IN (SELECT item_id FROM folder_item WHERE site_id = ")
        .bind(site);
    sql.with(" AND owner_id = ", owner).push(" AND ");
    if is_deep {
        sql.append(within(path, "path"));
    } else {
        sql.with("path = ", path.as_str());
    }
    sql.push(")");
    if path.is_root() {
        sql.push(" OR x.id NOT IN (SELECT item_id FROM folder_item WHERE site_id = ");
        sql.bind(site).with(" AND owner_id = ", owner).push(")");
    }
    sql.push(")");
}

/// A query that is being made into a statement.
struct Asked<'a> {
    site: SiteId,
    kind: Kind,
    open_sprints: &'a [String],
}

/// How the values of a field are kept.
#[derive(Clone, Copy)]
enum Kept {
    /// One text in this column.
    Text(&'static str),
    /// A JSON list of texts.
    List(&'static str),
    /// A JSON list of objects with an id and a name.
    Named(&'static str),
    /// Not at all.
    Nowhere,
}

impl Asked<'_> {
    fn push(&self, sql: &mut Sql, condition: &Condition) {
        match condition {
            Condition::All(all) => self.push_joined(sql, all, " AND "),
            Condition::Any(all) => self.push_joined(sql, all, " OR "),
            Condition::Not(inner) => {
                sql.push("NOT ");
                self.push(sql, inner);
            }
            Condition::Clause(field, test) => {
                sql.push("(");
                self.push_clause(sql, *field, test);
                sql.push(")");
            }
        }
    }

    fn push_joined(&self, sql: &mut Sql, all: &[Condition], word: &str) {
        sql.push("(");
        for (n, one) in all.iter().enumerate() {
            if n > 0 {
                sql.push(word);
            }
            self.push(sql, one);
        }
        sql.push(")");
    }

    fn push_clause(&self, sql: &mut Sql, field: Field, test: &Test) {
        match test {
            Test::Empty(is_negated) => self.push_empty(sql, field, *is_negated),
            Test::Contains(text, is_negated) => self.push_contains(sql, text, *is_negated),
            Test::OpenSprints(is_negated) => {
                self.push_in(sql, Field::Sprint, self.open_sprints, *is_negated);
            }
            Test::In(values, is_negated) => self.push_in(sql, field, values, *is_negated),
        }
    }

    /// One of the values; negated, a value and none of them, as Jira has it.
    fn push_in(&self, sql: &mut Sql, field: Field, values: &[String], is_negated: bool) {
        if is_negated {
            self.push_empty(sql, field, true);
            sql.push(" AND NOT ");
        }
        sql.push("(1 = 0");
        for value in values {
            sql.push(" OR ");
            self.push_is(sql, field, value);
        }
        sql.push(")");
    }

    fn push_is(&self, sql: &mut Sql, field: Field, value: &str) {
        match field {
            Field::Key => self.push_key(sql, value),
            Field::Project => push_project(sql, self.site, self.kind, value),
            Field::IssueType => self.push_type(sql, value),
            _ => push_value(sql, self.kept(field), value),
        }
    }

    fn push_key(&self, sql: &mut Sql, value: &str) {
        let id = value.trim().parse::<u128>().ok();
        if self.kind == Kind::Issue {
            match id.and_then(|id| i64::try_from(id).ok()) {
                Some(id) => sql.with("x.jira_id = ", id),
                None => sql.with("x.key = ", value.trim().to_ascii_uppercase()),
            };
            return;
        }
        if let Some(id) = id {
            sql.with("x.id = ", Uuid::from_u128(id));
            return;
        }
        if let Some((project, number)) = self.kind.key(value) {
            sql.with("(p.key = ", project)
                .with(" AND x.number = ", number)
                .push(")");
            return;
        }
        if self.kind == Kind::Test {
            // A test may stand for an issue, and is known by its key then.
            let identity = format!("key:{}", value.trim().to_ascii_uppercase());
            sql.with("x.identity = ", identity.into_bytes());
            return;
        }
        sql.push("1 = 0");
    }

    fn push_type(&self, sql: &mut Sql, value: &str) {
        let value = value.trim();
        let Some(name) = self.kind.issue_type() else {
            sql.with("lower(x.type_name) = ", value.to_lowercase());
            sql.with(" OR x.type_id = ", value);
            return;
        };
        let is_it = name.eq_ignore_ascii_case(value)
            || (name == "Precondition" && value.eq_ignore_ascii_case("Pre-Condition"));
        sql.push(if is_it { "1 = 1" } else { "1 = 0" });
    }

    fn push_empty(&self, sql: &mut Sql, field: Field, is_negated: bool) {
        let kept = match field {
            // Everything has one.
            Field::Key | Field::Project | Field::IssueType | Field::Summary => {
                sql.push(if is_negated { "1 = 1" } else { "1 = 0" });
                return;
            }
            _ => self.kept(field),
        };
        let not = if is_negated { "NOT " } else { "" };
        sql.push(not);
        match kept {
            Kept::Text(column) => sql.push(&format!("coalesce({column}, '') = ''")),
            Kept::List(column) | Kept::Named(column) => sql.push(&format!("{column} = '[]'")),
            Kept::Nowhere => sql.push("1 = 1"),
        };
    }

    fn push_contains(&self, sql: &mut Sql, text: &str, is_negated: bool) {
        let column = match self.kind {
            Kind::Issue => "x.summary",
            _ => "x.name",
        };
        sql.push(if is_negated { "NOT " } else { "" });
        sql.push(&format!("lower({column}) LIKE "));
        sql.bind(holding(&text.to_lowercase())).push(" ESCAPE '\\'");
    }

    const fn kept(&self, field: Field) -> Kept {
        match (field, self.kind) {
            (Field::FixVersion, Kind::Execution) => Kept::Text("x.fix_version"),
            (Field::FixVersion, Kind::Issue) => Kept::Named("x.fix_versions"),
            (Field::Sprint, Kind::Execution) => Kept::Text("x.sprint"),
            (Field::Sprint, Kind::Issue) => Kept::Named("x.sprints"),
            (Field::Labels, Kind::Test | Kind::Issue) => Kept::List("x.labels"),
            (Field::Status, Kind::Test) => Kept::Text("x.workflow_status"),
            (Field::Status, Kind::Issue) => Kept::Text("x.status_name"),
            _ => Kept::Nowhere,
        }
    }
}

/// A condition: one of the values that are kept is this one.
fn push_value(sql: &mut Sql, kept: Kept, value: &str) {
    let quoted = serde_json::to_string(value).unwrap_or_default();
    let mut held = |column: &str, part: String| {
        sql.push(column)
            .with(" LIKE ", holding(&part))
            .push(" ESCAPE '\\'");
    };
    match kept {
        Kept::Text(column) => {
            sql.push(&format!("lower({column})"))
                .with(" = ", value.to_lowercase());
        }
        // As one of its items a text stands in quotes.
        Kept::List(column) => held(column, quoted),
        Kept::Named(column) => {
            let name = format!("\"name\":{quoted}");
            let id = format!("\"id\":{quoted}");
            held(column, name);
            sql.push(" OR ").push(column);
            sql.with(" LIKE ", holding(&id)).push(" ESCAPE '\\'");
        }
        Kept::Nowhere => {
            sql.push("1 = 0");
        }
    }
}

fn holding(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    format!("%{escaped}%")
}
