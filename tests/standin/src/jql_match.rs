//! Matching JQL: a parsed query becomes a test on issues, or a refusal in Jira's words.
//!
//! Names are looked up once, when the query is read, so that an unknown project, status or key
//! is refused even when no issue would have been compared.

use std::cmp::Ordering;

use crate::jql::{self, Clause, Condition, Operand, Operator};
use crate::jql_field::ValueField;
use crate::jql_property;
use crate::model::{Issue, State};
use crate::refusal::Refusal;
use crate::text::Text;

pub(crate) type Test = Box<dyn Fn(&State, &Issue) -> bool>;

/// The ids of the issues that match a query and that the viewer may see, in its order.
///
/// # Errors
/// 400 when the query cannot be read, names something unknown or has no restriction although
/// `bounded` asks for one.
pub(crate) fn search(
    state: &State,
    viewer: &str,
    text: &str,
    bounded: bool,
) -> Result<Vec<u64>, Refusal> {
    let query = jql::parse(text)?;
    if query.condition.is_none() && bounded {
        return Err(Refusal::bad(
            "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.",
        ));
    }
    let condition = query
        .condition
        .as_ref()
        .map(|it| compile(state, viewer, it))
        .transpose()?;
    let mut found: Vec<&Issue> = state
        .issues
        .values()
        .filter(|issue| state.may(viewer, issue.project, "BROWSE_PROJECTS"))
        .filter(|issue| condition.as_ref().is_none_or(|fits| fits(state, issue)))
        .collect();
    for (field, _) in &query.order {
        check_order(field)?;
    }
    found.sort_by(|a, b| order(&query.order, a, b));
    Ok(found.into_iter().map(|issue| issue.id).collect())
}

/// Whether one issue matches a webhook's filter. A filter that cannot be read matches nothing.
pub(crate) fn filter_matches(state: &State, viewer: &str, text: &str, issue: &Issue) -> bool {
    let Ok(query) = jql::parse(text) else {
        return false;
    };
    match query
        .condition
        .as_ref()
        .map(|it| compile(state, viewer, it))
    {
        None => true,
        Some(Ok(fits)) => fits(state, issue),
        Some(Err(_)) => false,
    }
}

fn compile(state: &State, viewer: &str, condition: &Condition) -> Result<Test, Refusal> {
    let each = |parts: &[Condition]| {
        parts
            .iter()
            .map(|part| compile(state, viewer, part))
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(match condition {
        Condition::And(parts) => {
            let tests = each(parts)?;
            Box::new(move |state, issue| tests.iter().all(|test| test(state, issue)))
        }
        Condition::Or(parts) => {
            let tests = each(parts)?;
            Box::new(move |state, issue| tests.iter().any(|test| test(state, issue)))
        }
        Condition::Not(inner) => {
            let test = compile(state, viewer, inner)?;
            Box::new(move |state, issue| !test(state, issue))
        }
        Condition::Clause(clause) => compile_clause(state, viewer, clause)?,
    })
}

fn compile_clause(state: &State, viewer: &str, clause: &Clause) -> Result<Test, Refusal> {
    if clause.field.to_lowercase().starts_with("issue.property") {
        return jql_property::named(state, clause);
    }
    if let Some(alias) = state.search_alias(&clause.field) {
        return jql_property::compared(state, clause, alias);
    }
    match clause.field.as_str() {
        "updated" | "updateddate" => date_clause(state, clause, |it| Some(it.updated_ms)),
        "created" | "createddate" => date_clause(state, clause, |it| Some(it.created_ms)),
        "resolved" | "resolutiondate" => date_clause(state, clause, |it| it.resolved_ms),
        "summary" | "description" | "text" | "comment" => text_clause(clause),
        _ => value_clause(state, viewer, clause),
    }
}

pub(crate) fn unsupported(clause: &Clause) -> Refusal {
    Refusal::bad(format!(
        "The operator is not supported by the '{}' field.",
        clause.field
    ))
}

/// Fields that hold a set of ids: compare the set with the ids the values stand for.
fn value_clause(state: &State, viewer: &str, clause: &Clause) -> Result<Test, Refusal> {
    let field = ValueField::named(&clause.field)?;
    let mut wanted = Vec::new();
    let mut empty = false;
    for operand in &clause.values {
        match operand {
            Operand::Empty => empty = true,
            operand => wanted.extend(field.resolve(state, viewer, operand)?),
        }
    }
    let hit = move |state: &State, issue: &Issue| {
        let has = field.values(state, issue);
        (empty && has.is_empty()) || has.iter().any(|value| wanted.contains(value))
    };
    Ok(match clause.operator {
        Operator::Equal | Operator::In | Operator::Is => Box::new(hit),
        // As in Jira, an empty field is not "unequal" to a value.
        Operator::NotEqual | Operator::NotIn => Box::new(move |state, issue| {
            !field.values(state, issue).is_empty() && !hit(state, issue)
        }),
        Operator::IsNot => Box::new(move |state, issue| !hit(state, issue)),
        _ => return Err(unsupported(clause)),
    })
}

fn date_clause(
    state: &State,
    clause: &Clause,
    value: fn(&Issue) -> Option<i64>,
) -> Result<Test, Refusal> {
    let operand = clause.values.first();
    if operand == Some(&Operand::Empty) {
        return match clause.operator {
            Operator::Is | Operator::Equal => Ok(Box::new(move |_, issue| value(issue).is_none())),
            Operator::IsNot | Operator::NotEqual => {
                Ok(Box::new(move |_, issue| value(issue).is_some()))
            }
            _ => Err(unsupported(clause)),
        };
    }
    let limit = operand.and_then(|operand| moment(state.now(), operand)).ok_or_else(|| {
        Refusal::bad(format!(
            "Date value for field '{}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'.",
            clause.field
        ))
    })?;
    let good: fn(Ordering) -> bool = match clause.operator {
        Operator::Less => Ordering::is_lt,
        Operator::LessOrEqual => Ordering::is_le,
        Operator::Greater => Ordering::is_gt,
        Operator::GreaterOrEqual => Ordering::is_ge,
        Operator::Equal => Ordering::is_eq,
        Operator::NotEqual => Ordering::is_ne,
        _ => return Err(unsupported(clause)),
    };
    Ok(Box::new(move |_, issue| {
        value(issue).is_some_and(|at| good(at.cmp(&limit)))
    }))
}

/// The moment a date value stands for; absolute dates are read in UTC.
pub(crate) fn moment(now: i64, operand: &Operand) -> Option<i64> {
    const DAY: i64 = 86_400_000;
    let text = match operand {
        Operand::Text(text) => text.trim(),
        Operand::Call(name, _) if name == "now" => return Some(now),
        Operand::Call(name, _) if name == "startofday" => return Some(now - now.rem_euclid(DAY)),
        _ => return None,
    };
    relative(text).map(|by| now + by).or_else(|| absolute(text))
}

fn relative(text: &str) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut total: i64 = 0;
    for part in rest.split_whitespace() {
        let unit = part.chars().last()?;
        let number: i64 = part.strip_suffix(unit)?.parse().ok()?;
        let minutes = match unit {
            'm' => 1,
            'h' => 60,
            'd' => 24 * 60,
            'w' => 7 * 24 * 60,
            _ => return None,
        };
        total += number * minutes * 60_000;
    }
    if rest.is_empty() {
        None
    } else {
        Some(sign * total)
    }
}

fn absolute(text: &str) -> Option<i64> {
    let text = text.replace('/', "-");
    let (date, time) = text.split_once(' ').unwrap_or((&text, "00:00"));
    let civil: jiff::civil::DateTime = format!("{date}T{time}:00").parse().ok()?;
    Some(
        civil
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()?
            .timestamp()
            .as_millisecond(),
    )
}

fn text_clause(clause: &Clause) -> Result<Test, Refusal> {
    let Some(Operand::Text(wanted)) = clause.values.first() else {
        return Err(unsupported(clause));
    };
    let words: Vec<String> = wanted
        .to_lowercase()
        .split_whitespace()
        .map(|word| word.trim_matches(['*', '"', '\\']).to_owned())
        .collect();
    let field = clause.field.clone();
    let hit = move |issue: &Issue| {
        let mut has = String::new();
        if field == "summary" || field == "text" {
            has.push_str(&issue.summary);
        }
        if field == "description" || field == "text" {
            has.push(' ');
            has.push_str(
                &issue
                    .description
                    .as_ref()
                    .map(Text::wiki)
                    .unwrap_or_default(),
            );
        }
        if field == "comment" || field == "text" {
            issue
                .comments
                .iter()
                .for_each(|comment| has.push_str(&comment.body.wiki()));
        }
        let has = has.to_lowercase();
        words.iter().all(|word| has.contains(word.as_str()))
    };
    match clause.operator {
        Operator::Contains => Ok(Box::new(move |_, issue| hit(issue))),
        Operator::ContainsNot => Ok(Box::new(move |_, issue| !hit(issue))),
        _ => Err(unsupported(clause)),
    }
}

/// `issue.property[key].path = value`
fn check_order(field: &str) -> Result<(), Refusal> {
    let known = [
        "key",
        "issuekey",
        "id",
        "created",
        "updated",
        "priority",
        "status",
        "summary",
        "rank",
        "assignee",
        "duedate",
        "issuetype",
        "project",
        "resolution",
    ];
    if known.contains(&field) {
        return Ok(());
    }
    Err(Refusal::bad(format!(
        "Not able to sort using field '{field}'. The field does not exist or is not sortable."
    )))
}

fn order(fields: &[(String, bool)], a: &Issue, b: &Issue) -> Ordering {
    for (field, down) in fields {
        let ordering = match field.as_str() {
            "created" => a.created_ms.cmp(&b.created_ms),
            "updated" => a.updated_ms.cmp(&b.updated_ms),
            "priority" => b.priority.cmp(a.priority),
            "status" => a.status.cmp(b.status),
            "summary" => a.summary.cmp(&b.summary),
            "assignee" => a.assignee.cmp(&b.assignee),
            "duedate" => a.due.cmp(&b.due),
            "issuetype" => a.kind.cmp(b.kind),
            "project" => a.project.cmp(&b.project),
            "resolution" => a.resolution.cmp(&b.resolution),
            _ => key_order(a).cmp(&key_order(b)),
        };
        let ordering = if *down { ordering.reverse() } else { ordering };
        if ordering.is_ne() {
            return ordering;
        }
    }
    // Without an order of its own, newest first as Jira answers.
    if fields.is_empty() {
        b.id.cmp(&a.id)
    } else {
        Ordering::Equal
    }
}

fn key_order(issue: &Issue) -> (u64, u64) {
    let number = issue
        .key
        .rsplit('-')
        .next()
        .and_then(|number| number.parse().ok());
    (issue.project, number.unwrap_or_default())
}
