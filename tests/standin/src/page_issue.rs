//! The issue page: what Jira shows around the app's panel, and its buttons.
//!
//! Parts marked `data-live` are exchanged by `host.js` when the issue changes; the frame is not
//! among them, so it keeps its state as in Jira.

use std::fmt::Write as _;

use serde_json::json;

use crate::acts::workflow;
use crate::clock::jira_time;
use crate::frames;
use crate::model::{Issue, State};
use crate::page::{View, frame_json, safe, whole};
use crate::scheme;
use crate::text::Text;

/// The page of an issue the viewer may see.
pub(crate) fn page(state: &State, view: &View, id: u64, with_bridge: bool) -> Option<String> {
    let issue = state.issues.get(&id)?;
    let app = state.installed_app().filter(|app| !app.taken_over);
    let module = app.and_then(frames::issue_module);
    let of_forge = state.forge_page("jira:issuePanel");
    let module = module.filter(|_| of_forge.is_none());
    let frame = module
        .as_ref()
        .map(|it| frame_json(state, it, Some(id), view));
    let panel = match (&module, with_bridge) {
        _ if of_forge.is_some() => String::new(),
        (Some(module), true) => format!(
            "<details class=\"group panel\" open><summary>{}</summary><div id=\"app-frame\" class=\"frame\"></div></details>",
            safe(&module.name)
        ),
        (Some(_), false) => {
            missing("The panel needs the published bridge: start with --bridge-dir.")
        }
        (None, _) => missing("No app with a panel is installed."),
    };
    let below = module
        .as_ref()
        .is_some_and(super::frames::Module::url_is_wide);
    let (wide, narrow) = forge_panels(state);
    let (main_panel, side_panel) = if of_forge.is_some() {
        (wide.as_str(), narrow.as_str())
    } else if below {
        (panel.as_str(), "")
    } else {
        ("", panel.as_str())
    };
    let content = format!(
        r#"<div class="issue">
<main>
<div class="crumbs">{crumbs}</div>
<h1 data-live="summary">{summary}</h1>
<h2>Description</h2>
<div class="text" data-live="description">{description}</div>
{main_panel}
<div data-live="links">{links}</div>
<h2>Activity</h2>
<form class="stack" data-act="comment"><textarea name="text" rows="2" required aria-label="Comment" placeholder="Add a comment"></textarea><button>Comment</button></form>
<div data-live="activity">{activity}</div>
</main>
<aside>
<div class="actions" data-live="status">{status}</div>
{side_panel}
<details class="group" open><summary>Details</summary><div data-live="details">{details}</div></details>
</aside>
</div>"#,
        crumbs = crumbs(state, issue, view),
        summary = safe(&issue.summary),
        description = paragraphs(issue.description.as_ref()),
        links = links(state, issue, view),
        activity = activity(state, issue),
        status = status(state, issue, view),
        details = details(state, issue, view),
    );
    let project = state.project(issue.project).map(|it| it.key.clone());
    let config = json!({
        "account": view.account,
        "issue": { "id": issue.id, "key": issue.key },
        "project": project,
        "frame": frame,
    });
    Some(whole(
        state,
        view,
        &format!("[{}] {}", issue.key, issue.summary),
        &content,
        &config,
    ))
}

/// The panel of a Forge app in the main column, and its closed context at the side.
fn forge_panels(state: &State) -> (String, String) {
    let group = |kind: &str, id: &str, open: &str| {
        state.forge_page(kind).map(|page| {
            format!(
                "<details class=\"group panel\"{open}><summary>{}</summary>{}</details>",
                safe(&page.title),
                state.forge_frame(page, &page.resource, id, ""),
            )
        })
    };
    (
        group("jira:issuePanel", "app-frame", " open").unwrap_or_default(),
        group("jira:issueContext", "context-frame", "").unwrap_or_default(),
    )
}

impl frames::Module {
    /// Web panels stand in the main column here; issue contexts at the side.
    fn url_is_wide(&self) -> bool {
        self.family != "jiraIssueContexts"
    }
}

fn missing(text: &str) -> String {
    format!(
        "<div class=\"group\"><p class=\"note\">{}</p></div>",
        safe(text)
    )
}

/// The address of an issue's page for the same viewer.
fn address(key: &str, view: &View) -> String {
    let theme = if view.dark { "dark" } else { "light" };
    let width = view
        .width
        .map_or_else(String::new, |it| format!("&amp;width={it}"));
    format!(
        "/browse/{key}?as={}&amp;theme={theme}{width}",
        safe(&view.account)
    )
}

fn lozenge(status: &scheme::Status) -> String {
    format!(
        "<span class=\"lozenge {}\">{}</span>",
        status.category.facts().1,
        status.name
    )
}

/// One issue in a list.
pub(crate) fn row(state: &State, id: u64, view: &View) -> String {
    let Some(issue) = state.issues.get(&id) else {
        return String::new();
    };
    let kind = scheme::issue_type(issue.kind);
    format!(
        "<div class=\"row\"><img src=\"/_standin/type/{}.svg\" alt=\"{}\"><a href=\"{}\">{}</a><span class=\"grow\">{}</span>{}</div>",
        kind.id,
        kind.name,
        address(&issue.key, view),
        issue.key,
        safe(&issue.summary),
        lozenge(scheme::status(issue.status)),
    )
}

fn crumbs(state: &State, issue: &Issue, view: &View) -> String {
    let project = state
        .project(issue.project)
        .map(|it| safe(&it.name))
        .unwrap_or_default();
    let parent = issue
        .parent
        .and_then(|id| state.issues.get(&id))
        .map(|parent| {
            format!(
                "<span>/</span><img src=\"/_standin/type/{}.svg\" alt=\"\"><a href=\"{}\">{}</a>",
                parent.kind,
                address(&parent.key, view),
                parent.key
            )
        });
    format!(
        "<span>Projects</span><span>/</span><span>{project}</span>{}<span>/</span><img src=\"/_standin/type/{}.svg\" alt=\"{}\"><a href=\"{}\">{}</a>",
        parent.unwrap_or_default(),
        issue.kind,
        scheme::issue_type(issue.kind).name,
        address(&issue.key, view),
        issue.key
    )
}

fn paragraphs(text: Option<&Text>) -> String {
    let text = text.map(Text::wiki).unwrap_or_default();
    let parts = text.split("\n\n").filter(|part| !part.is_empty());
    let drawn: Vec<String> = parts.map(|part| format!("<p>{}</p>", safe(part))).collect();
    drawn.concat()
}

fn links(state: &State, issue: &Issue, view: &View) -> String {
    let mut out = String::new();
    for link in &state.links {
        let (other, words) = if link.source == issue.id {
            (link.destination, link.kind.outward)
        } else if link.destination == issue.id {
            (link.source, link.kind.inward)
        } else {
            continue;
        };
        let _ = write!(
            out,
            "<div class=\"words\">{words}</div>{}",
            row(state, other, view)
        );
    }
    for link in &issue.remote_links {
        let text = |name: &str| {
            safe(
                link.object
                    .get(name)
                    .and_then(serde_json::Value::as_str)
                    .unwrap_or_default(),
            )
        };
        let _ = write!(
            out,
            "<div class=\"words\">{}</div><div class=\"row\"><a class=\"grow\" href=\"{}\">{}</a></div>",
            safe(link.relationship.as_deref().unwrap_or("links to")),
            text("url"),
            text("title")
        );
    }
    if out.is_empty() {
        out
    } else {
        format!("<h2>Linked issues</h2>{out}")
    }
}

fn status(state: &State, issue: &Issue, view: &View) -> String {
    let now = scheme::status(issue.status);
    let transitions = workflow::available(state, &view.account, issue);
    let asks = issue.kind == scheme::BUG && transitions.iter().any(|it| it.asks_resolution);
    let mut out = format!(
        "<span class=\"now {}\">{}</span>",
        now.category.facts().1,
        now.name
    );
    for transition in transitions {
        let screen = if asks && transition.asks_resolution {
            " data-asks=\"1\""
        } else {
            ""
        };
        let _ = write!(
            out,
            "<button type=\"button\" data-transition=\"{}\"{screen}>{}</button>",
            safe(scheme::status(transition.to).name),
            safe(transition.name)
        );
    }
    if asks {
        let options: Vec<String> = scheme::RESOLUTIONS
            .iter()
            .map(|it| format!("<option>{}</option>", safe(it.name)))
            .collect();
        let _ = write!(
            out,
            "<select data-resolution aria-label=\"Resolution\">{}</select>",
            options.concat()
        );
    }
    out
}

fn details(state: &State, issue: &Issue, view: &View) -> String {
    let name = |id: Option<&String>| {
        id.and_then(|id| state.account(id))
            .map_or("Unassigned", |it| it.name.as_str())
            .to_owned()
    };
    let or_none = |text: String| {
        if text.is_empty() {
            "None".to_owned()
        } else {
            text
        }
    };
    let sprints = issue.sprints.iter().filter_map(|id| state.sprint(*id));
    let sprints: Vec<&str> = sprints.map(|it| it.name.as_str()).collect();
    let parent = issue.parent.and_then(|id| state.issues.get(&id));
    let rows = [
        ("Assignee", safe(&name(issue.assignee.as_ref()))),
        ("Reporter", safe(&name(Some(&issue.reporter)))),
        (
            "Parent",
            parent.map_or_else(
                || "None".to_owned(),
                |it| {
                    let text = safe(&it.summary);
                    format!(
                        "<a href=\"{}\">{} {text}</a>",
                        address(&it.key, view),
                        it.key
                    )
                },
            ),
        ),
        ("Priority", scheme::priority(issue.priority).name.to_owned()),
        (
            "Resolution",
            issue.resolution.map_or_else(
                || "Unresolved".to_owned(),
                |id| safe(scheme::resolution(id).name),
            ),
        ),
        ("Sprint", or_none(safe(&sprints.join(", ")))),
        (
            "Fix versions",
            or_none(safe(&state.version_names(&issue.fix_versions).join(", "))),
        ),
        ("Labels", or_none(safe(&issue.labels.join(", ")))),
        ("Updated", short(issue.updated_ms)),
    ];
    let rows = rows
        .iter()
        .map(|(term, text)| format!("<dt>{term}</dt><dd>{text}</dd>"));
    format!("<dl>{}</dl>", rows.collect::<String>())
}

fn short(ms: i64) -> String {
    jira_time(ms)
        .get(..16)
        .unwrap_or_default()
        .replace('T', " ")
}

fn activity(state: &State, issue: &Issue) -> String {
    let name = |id: &str| safe(state.account(id).map_or("Someone", |it| it.name.as_str()));
    let mut out = String::new();
    for comment in issue.comments.iter().rev() {
        let _ = write!(
            out,
            "<div class=\"comment\"><img src=\"/_standin/avatar/{}\" alt=\"\"><div><span class=\"who\">{}</span><time>{}</time><div class=\"text\">{}</div></div></div>",
            safe(&comment.author),
            name(&comment.author),
            short(comment.created_ms),
            paragraphs(Some(&comment.body))
        );
    }
    out.push_str("<h2>History</h2><ul class=\"history\">");
    for entry in issue.history.iter().rev().take(20) {
        for change in &entry.changes {
            let _ = write!(
                out,
                "<li>{} changed {}: {} → {}<time>{}</time></li>",
                name(&entry.author),
                safe(change.field),
                safe(change.from_string.as_deref().unwrap_or("None")),
                safe(change.to_string.as_deref().unwrap_or("None")),
                short(entry.created_ms)
            );
        }
    }
    out.push_str("</ul>");
    out
}
