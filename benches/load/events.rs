//! Webhook requests: an issue edited or moved, in Jira Cloud's shape, about 6 kB, each distinct.
//!
//! Everything is made once; what differs between requests has a fixed width and is written over.

use std::ops::Range;
use std::rc::Rc;

use serde_json::{Value, json};

use super::client::Requests;
use super::site::Site;

/// Issues the events are about.
pub const ISSUES: u64 = 1_000;
/// The time of event 0, milliseconds since the Unix epoch; event `n` happened `n` later.
pub const T0: u64 = 1_795_132_800_000;
/// One event in so many moves its issue to another status; the others edit it.
const MOVES_EVERY: u64 = 10;

/// Which number stands where in a request's bytes.
#[derive(Debug, Clone, Copy)]
enum Field {
    Delivery,
    Issue,
    Changelog,
    Time,
}

impl Field {
    /// What stands in the template; its length is the field's width.
    fn mark(self) -> &'static str {
        match self {
            Self::Delivery => "dddddddddddddddddddd",
            Self::Issue => "7777777",
            Self::Changelog => "8888888888",
            Self::Time => "9999999999999",
        }
    }

    fn of(self, number: u64) -> u64 {
        match self {
            // Jira's identifiers come in no order.
            Self::Delivery => number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            Self::Issue => 1_000_000 + number % ISSUES,
            Self::Changelog => 1_000_000_000 + number,
            Self::Time => T0 + number,
        }
    }
}

#[derive(Debug)]
struct Template {
    bytes: Vec<u8>,
    places: Vec<(Field, Range<usize>)>,
}

/// How much of the issue an event shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// All that a webhook shows, for bodies of the same size.
    All,
    /// The few fields that Forge shows.
    AsForgeDoes,
}

/// Signed webhook requests.
#[derive(Debug, Clone)]
pub struct Events {
    edit: Rc<Template>,
    moves: [Rc<Template>; 2],
}

impl Events {
    /// Events of `site`, all under one token, which is bound to the path only.
    pub fn signed(site: &Site) -> Self {
        let token = site.bound_token("POST", "/connect/webhook", Some("5b10a-person"));
        Self::under(&token)
    }

    /// The same events signed by somebody who does not know the site's secret.
    pub fn forged(site: &Site) -> Self {
        let forger = Site {
            secret: "guessed".repeat(6),
            ..site.clone()
        };
        Self::signed(&forger)
    }

    fn under(token: &str) -> Self {
        let head = format!(
            "POST /connect/webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: JWT {token}\r\n\
             Content-Type: application/json; charset=UTF-8\r\nUser-Agent: Atlassian HttpClient\r\n\
             X-Atlassian-Webhook-Identifier: {}\r\nX-Atlassian-Webhook-Flow: Primary\r\n",
            Field::Delivery.mark(),
        );
        Self::made_of(&head, updated)
    }

    /// The same events as Forge sends them, under an invocation token of 25 seconds.
    pub fn of_forge(token: &str, issue: Shown) -> Self {
        let head = format!(
            "POST /forge/events/jira HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nx-b3-traceid: {0}000000000000\r\nx-b3-spanid: {0}\r\n",
            Field::Delivery.mark(),
        );
        Self::made_of(&head, |status, change| of_forge(status, change, issue))
    }

    fn made_of(head: &str, body: impl Fn(Status, &Value) -> Value) -> Self {
        let template = |status, change: &Value| Rc::new(Template::new(head, &body(status, change)));
        let [to_do, in_progress, done] = STATUSES;
        Self {
            edit: template(to_do, &summary_edit()),
            moves: [
                template(in_progress, &status_change(to_do, in_progress)),
                template(done, &status_change(in_progress, done)),
            ],
        }
    }

    /// Bytes of one request's body.
    pub fn body_length(&self) -> usize {
        self.edit.bytes.len()
    }

    fn template(&self, number: u64) -> &Template {
        match (number % MOVES_EVERY, number / MOVES_EVERY % 2) {
            (0, 0) => &self.moves[0],
            (0, _) => &self.moves[1],
            _ => &self.edit,
        }
    }
}

impl Requests for Events {
    fn write(&self, number: u64, request: &mut Vec<u8>) {
        let template = self.template(number);
        request.clear();
        request.extend_from_slice(&template.bytes);
        for (field, place) in &template.places {
            write_number(field.of(number), &mut request[place.clone()]);
        }
    }
}

impl Template {
    fn new(head: &str, body: &Value) -> Self {
        let body = body.to_string();
        let text = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        let mut places = Vec::new();
        for field in [Field::Delivery, Field::Issue, Field::Changelog, Field::Time] {
            let found = text.match_indices(field.mark());
            places.extend(found.map(|(at, mark)| (field, at..at + mark.len())));
        }
        Self {
            bytes: text.into_bytes(),
            places,
        }
    }
}

/// Writes a number over `place`, right-aligned, with zeros before it.
fn write_number(mut number: u64, place: &mut [u8]) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

type Status = (&'static str, &'static str, &'static str);
const STATUSES: [Status; 3] = [
    ("10000", "To Do", "new"),
    ("3", "In Progress", "indeterminate"),
    ("10001", "Done", "done"),
];

fn summary_edit() -> Value {
    json!({
        "field": "summary", "fieldtype": "jira", "fieldId": "summary",
        "from": null, "fromString": "Total is wrong", "to": null, "toString": "Total is wrong after a coupon",
    })
}

fn status_change(from: Status, to: Status) -> Value {
    json!({
        "field": "status", "fieldtype": "jira", "fieldId": "status",
        "from": from.0, "fromString": from.1, "to": to.0, "toString": to.1,
    })
}

fn updated(status: Status, change: &Value) -> Value {
    json!({
        "timestamp": Field::Time.mark().parse::<u64>().unwrap(),
        "webhookEvent": "jira:issue_updated",
        "issue_event_type_name": "issue_generic",
        "user": person("5b10a2844c20165700ede21g", "Robin Doe"),
        "issue": {
            "id": Field::Issue.mark(),
            "self": format!("https://shop.example/rest/api/2/issue/{}", Field::Issue.mark()),
            "key": format!("SHOP-{}", Field::Issue.mark()),
            "fields": fields(status),
        },
        "changelog": { "id": Field::Changelog.mark(), "items": [change] },
    })
}

fn of_forge(status: Status, change: &Value, shown: Shown) -> Value {
    let mut event = updated(status, change);
    let account = event["user"]["accountId"].take();
    let body = event.as_object_mut().unwrap();
    for webhooks_only in ["user", "webhookEvent", "issue_event_type_name"] {
        body.remove(webhooks_only);
    }
    event["eventType"] = json!("avi:jira:updated:issue");
    event["selfGenerated"] = json!(false);
    event["timestamp"] = json!(Field::Time.mark());
    event["jiraEventTypeName"] = json!("issue_generic");
    event["associatedUsers"] = json!([{ "accountId": account }]);
    event["atlassianId"] = account;
    if shown == Shown::AsForgeDoes {
        let fields = event["issue"]["fields"].as_object_mut().unwrap();
        fields.retain(|name, _| FORGE_SHOWS.contains(&name.as_str()));
        for person in ["assignee", "reporter"] {
            event["issue"]["fields"][person] = json!({ "accountId": "5b10ac8d82e05b22cc7d4ef5" });
        }
    }
    event
}

const FORGE_SHOWS: [&str; 8] = [
    "summary",
    "issuetype",
    "created",
    "project",
    "reporter",
    "assignee",
    "updated",
    "status",
];

fn fields(status: Status) -> Value {
    let mut fields = json!({
        "summary": format!("Total is wrong after a coupon, change {}", Field::Changelog.mark()),
        "issuetype": {
            "self": "https://shop.example/rest/api/2/issuetype/10001", "id": "10001",
            "description": "Functionality expressed as a user goal.", "name": "Story",
            "iconUrl": "https://shop.example/images/icons/story.svg", "subtask": false,
            "avatarId": 10315, "hierarchyLevel": 0,
        },
        "project": {
            "self": "https://shop.example/rest/api/2/project/10000", "id": "10000", "key": "SHOP",
            "name": "Webshop", "projectTypeKey": "software", "simplified": false,
        },
        "status": {
            "self": format!("https://shop.example/rest/api/2/status/{}", status.0),
            "description": "", "name": status.1, "id": status.0,
            "statusCategory": { "id": 2, "key": status.2, "colorName": "blue-gray", "name": status.1 },
        },
        "resolution": null,
        "priority": { "id": "3", "name": "Medium", "iconUrl": "https://shop.example/medium.svg" },
        "labels": ["checkout", "regression"],
        "fixVersions": [{ "id": "10010", "name": "2.4", "archived": false, "released": false }],
        "versions": [], "components": [], "issuelinks": [], "attachment": [], "subtasks": [],
        "created": "2026-11-20T09:12:44.108+0100",
        "updated": "2026-11-24T12:40:00.000+0100",
        "statuscategorychangedate": "2026-11-24T12:40:00.000+0100",
        "assignee": person("5b10ac8d82e05b22cc7d4ef5", "Kim Poe"),
        "reporter": person("5b109f2e9729b51b54dc274d", "Alex Roe"),
        "description": "The total in the cart keeps the discount after the coupon is taken out. ".repeat(14),
        "watches": { "watchCount": 3, "isWatching": false },
        "votes": { "votes": 0, "hasVoted": false },
        "progress": { "progress": 0, "total": 0 },
    });
    for number in 0..45 {
        fields[format!("customfield_{}", 10_000 + number)] = Value::Null;
    }
    fields["customfield_10020"] = json!([{
        "id": 7, "name": "Sprint 7", "state": "active", "boardId": 1, "goal": "",
        "startDate": "2026-11-16T08:00:00.000Z", "endDate": "2026-11-30T08:00:00.000Z",
    }]);
    fields
}

fn person(account: &str, name: &str) -> Value {
    let picture = |size: u32| format!("https://avatars.example/{account}/{size}x{size}.png");
    json!({
        "self": format!("https://shop.example/rest/api/2/user?accountId={account}"),
        "accountId": account, "displayName": name, "active": true,
        "timeZone": "Europe/Vienna", "accountType": "atlassian",
        "avatarUrls": { "48x48": picture(48), "24x24": picture(24), "16x16": picture(16), "32x32": picture(32) },
    })
}
