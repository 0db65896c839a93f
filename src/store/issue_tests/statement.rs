//! The text of the statement: what there is many of comes as JSON, made by the database.

use super::Depth;
use crate::store::{Dialect, Sql, issues, settings};

/// How a database makes JSON.
#[derive(Debug, Clone, Copy)]
pub(super) struct Json(pub Dialect);

impl Json {
    fn array(self, items: &str) -> String {
        match self.0 {
            Dialect::Sqlite => format!("json_array({items})"),
            Dialect::Postgres => format!("CAST(json_build_array({items}) AS text)"),
        }
    }

    fn of_all(self, item: &str) -> String {
        match self.0 {
            Dialect::Sqlite => format!("'[' || group_concat({item}) || ']'"),
            Dialect::Postgres => format!("'[' || string_agg({item}, ',') || ']'"),
        }
    }

    fn id(self, column: &str) -> String {
        match self.0 {
            Dialect::Sqlite => format!("lower(hex({column}))"),
            Dialect::Postgres => column.to_owned(),
        }
    }
}

/// Everything up to the issues' table; `link` is the table of links, `looking` the person whose choices
/// are wanted.
pub(super) fn select(json: Json, link: &str, depth: Depth, looking: Option<&str>) -> Sql {
    let linked = format!(
        "FROM {link} l {{}} WHERE l.site_id = i.site_id AND l.issue_id = i.id \
         AND l.removed_ms IS NULL"
    );
    let test = json.array(&format!(
        "{}, p.key, t.number, t.name, t.kind, t.archived_ms, t.version, t.labels, t.workflow_status, \
         CASE WHEN p.is_gone THEN 1 ELSE 0 END",
        json.id("t.id")
    ));
    let quarantine = json.array("q.reason, q.owner, q.created_by, q.created_ms, q.ends_ms");
    let tests = json.of_all(&format!(
        "'[' || {test} || ',' || COALESCE(k.latest, 'null') || ',' || \
         CASE WHEN q.test_id IS NULL THEN 'null' ELSE {quarantine} END || ',' || COALESCE(w.results, 'null') || ',' || \
         COALESCE(CAST(t.flaky_cleared_ms AS text), 'null') || ']'"
    ));
    let of_tests = linked.replace(
        "{}",
        "JOIN test_case t ON t.site_id = l.site_id AND t.id = l.test_id \
         JOIN project p ON p.site_id = t.site_id AND p.id = t.project_id \
         LEFT JOIN test_latest k ON k.site_id = l.site_id AND k.test_id = l.test_id \
         LEFT JOIN test_window w ON w.site_id = l.site_id AND w.test_id = l.test_id AND w.is_mixed \
         LEFT JOIN quarantine q ON q.site_id = l.site_id AND q.test_id = l.test_id",
    );
    let decided = json.of_all(&json.array("s.scope, s.name, s.value"));
    let annotations = match depth {
        Depth::Lists => annotations(json, &linked),
        Depth::Status => "NULL AS defects, NULL AS marks, NULL AS lag".to_owned(),
    };
    let mut sql = Sql::new(&format!(
        "SELECT {}, text_changed_ms, (SELECT {tests} {of_tests}) AS tests, {annotations}, \
         (SELECT {decided} FROM setting s WHERE s.site_id = i.site_id \
         AND s.scope IN ('{}', '{}' || i.project_key)) AS settings, {}",
        issues::COLUMNS,
        settings::SITE,
        settings::PROJECT,
        kin(json)
    ));
    if let Some(account) = looking {
        let chosen = json.array("v.scope, v.environment");
        sql.push(&format!(
            ", (SELECT {chosen} FROM viewer_scope v WHERE v.site_id = i.site_id \
             AND v.project_key = i.project_key AND v.account_id = "
        ))
        .bind(account)
        .push(") AS chosen, ")
        .push(&made_for(json));
    } else {
        sql.push(", NULL AS chosen, NULL AS purposes");
    }
    sql.push(" FROM issue i");
    sql
}

/// Columns with what hangs on the tests that are `linked`, and what Jira told of the issue and is not
/// applied.
fn annotations(json: Json, linked: &str) -> String {
    let defects = json.of_all(&json.array(&format!(
        "{}, d.created_ms, j.key, {}, j.summary, j.status_name, j.status_category, j.deleted_ms",
        json.id("d.test_id"),
        json.id("j.id")
    )));
    let of_defects = linked.replace(
        "{}",
        "JOIN defect_link d ON d.site_id = l.site_id AND d.test_id = l.test_id \
         AND d.removed_ms IS NULL JOIN issue j ON j.site_id = d.site_id AND j.id = d.issue_id",
    );
    let marks = json.of_all(&json.array(&format!(
        "{}, m.kind, m.since_ms, j.key",
        json.id("m.test_id")
    )));
    let of_marks = linked.replace(
        "{}",
        "JOIN mark m ON m.site_id = l.site_id AND m.test_id = l.test_id \
         JOIN issue j ON j.site_id = m.site_id AND j.id = m.issue_id",
    );
    let behind = json.array(
        "min(CASE WHEN w.parked_ms IS NULL THEN w.received_ms END), \
         min(CASE WHEN w.parked_ms IS NOT NULL THEN w.received_ms END)",
    );
    format!(
        "(SELECT {defects} {of_defects}) AS defects, (SELECT {marks} {of_marks}) AS marks, \
         (SELECT {behind} FROM waiting_event w WHERE w.site_id = i.site_id \
         AND w.lane = CAST(i.jira_id AS text)) AS lag"
    )
}

/// Executions whose purpose is offered as a scope.
const LAST_EXECUTIONS: u8 = 30;

/// A column with what the last executions of the issue's project were made for.
fn made_for(json: Json) -> String {
    let purpose = json.of_all(&json.array("x.fix_version, x.plan, x.sprint"));
    format!(
        "(SELECT {purpose} FROM (SELECT e.fix_version, e.plan, e.sprint FROM project p \
         JOIN execution e ON e.site_id = p.site_id AND e.project_id = p.id \
         WHERE p.site_id = i.site_id AND p.key = i.project_key \
         ORDER BY e.number DESC LIMIT {LAST_EXECUTIONS}) x) AS purposes"
    )
}

/// Columns with a person's word on the issue and what may hang under it: those that name it as their parent, and those that a
/// link joins with it, on either side.
fn kin(json: Json) -> String {
    let child = json.of_all(&json.array(&format!(
        "{}, CASE WHEN c.is_subtask THEN 1 ELSE 0 END",
        json.id("c.id")
    )));
    let linked = |is_outward: u8| {
        json.of_all(&json.array(&format!("{}, n.type_name, {is_outward}", json.id("c.id"))))
    };
    let link = |one: &str, other: &str| {
        format!(
            "FROM issue_link n JOIN issue c ON c.site_id = n.site_id AND c.jira_id = n.{other} \
             AND c.deleted_ms IS NULL WHERE n.site_id = i.site_id AND n.{one} = i.jira_id \
             AND NOT n.is_removed"
        )
    };
    let exemption = json.array("x.reason, x.created_by, x.created_ms, x.ends_ms");
    format!(
        "(SELECT {exemption} FROM exemption x WHERE x.site_id = i.site_id AND x.issue_id = i.id) \
         AS exemption, (SELECT {child} FROM issue c WHERE c.site_id = i.site_id AND c.parent_jira_id = i.jira_id \
         AND c.deleted_ms IS NULL) AS children, (SELECT {} {}) AS outward, (SELECT {} {}) AS inward",
        linked(1),
        link("source_jira_id", "destination_jira_id"),
        linked(0),
        link("destination_jira_id", "source_jira_id"),
    )
}
