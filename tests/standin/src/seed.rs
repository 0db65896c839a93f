//! What the site begins with: people, two projects, and on request a believable backlog.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::Seed;
use crate::acts::{Actor, links, talk, workflow};
use crate::clock::{self, Clock, Dice};
use crate::faults::Faults;
use crate::limits::Limits;
use crate::model::{
    Account, Board, Component, MEMBER, PERMISSIONS, Project, Site, Sprint, State, VIEWER, Version,
};
use crate::view::Api;

/// Administers the site and every project.
pub const ADMIN: &str = "712020:0a1d2b3c-0001-4000-8000-00000000ada0";
/// Works in every project.
pub const DEVELOPER: &str = "712020:0a1d2b3c-0002-4000-8000-00000000de40";
/// Works in every project, too.
pub const TESTER: &str = "712020:0a1d2b3c-0003-4000-8000-00000000e5e0";
/// May look and comment, nothing more.
pub const ONLOOKER: &str = "712020:0a1d2b3c-0004-4000-8000-00000000ee40";
/// Has an account and sees no project.
pub const OUTSIDER: &str = "712020:0a1d2b3c-0005-4000-8000-000000000070";

const DAY: i64 = 86_400_000;

fn people() -> Vec<Account> {
    let person = |id: &str, name: &str, administers: bool| {
        let first = name.split(' ').next().unwrap_or_default().to_lowercase();
        Account {
            id: id.to_owned(),
            name: name.to_owned(),
            email: format!("{first}@example.com"),
            token: format!("token-of-{first}"),
            is_app: false,
            administers,
        }
    };
    vec![
        person(ADMIN, "Ada Admin", true),
        person(DEVELOPER, "Daniel Okafor", false),
        person(TESTER, "Mina Hassan", false),
        person(ONLOOKER, "Vera Lind", false),
        person(OUTSIDER, "Otto Brandt", false),
    ]
}

/// A site with people, projects, versions, a board and its sprints, and no issue.
pub(crate) fn site(
    base_url: &str,
    clock: &Clock,
    enforce_limits: bool,
    forge: crate::forge::Side,
) -> State {
    let mut shop = project(10_000, "SHOP", "Web shop");
    let version = |id: u64, name: &str, released: bool, date: &str| Version {
        id,
        name: name.to_owned(),
        description: String::new(),
        released,
        archived: false,
        start_date: None,
        release_date: Some(date.to_owned()),
    };
    let now = clock.now_ms();
    shop.versions = vec![
        version(10_100, "1.3", true, &clock::date(now - 9 * DAY)),
        version(10_101, "1.4", false, &clock::date(now + 12 * DAY)),
    ];
    shop.components = vec![
        Component {
            id: 10_110,
            name: "Payment".to_owned(),
        },
        Component {
            id: 10_111,
            name: "Basket".to_owned(),
        },
    ];
    let sprint = |id: u64, name: &str, state: &str, start: i64, end: i64| Sprint {
        id,
        name: name.to_owned(),
        board: 1,
        state: state.to_owned(),
        goal: String::new(),
        start_ms: (state != "future").then_some(start),
        end_ms: (state != "future").then_some(end),
        complete_ms: (state == "closed").then_some(end),
    };
    State {
        clock: clock.clone(),
        site: Site {
            client_key: clock::random_uuid(),
            shared_secret: clock::random_hex(40),
            cloud_id: clock::random_uuid(),
            base_url: base_url.trim_end_matches('/').to_owned(),
            name: "Example Shop".to_owned(),
            oauth_client_id: clock::random_hex(24),
        },
        accounts: people(),
        projects: vec![shop, project(10_001, "OPS", "Shop operations")],
        boards: vec![Board {
            id: 1,
            name: "SHOP board".to_owned(),
            project: 10_000,
        }],
        sprints: vec![
            sprint(
                11,
                "SHOP Sprint 11",
                "closed",
                now - 24 * DAY,
                now - 10 * DAY,
            ),
            sprint(12, "SHOP Sprint 12", "active", now - 9 * DAY, now + 5 * DAY),
            sprint(13, "SHOP Sprint 13", "future", 0, 0),
        ],
        issues: BTreeMap::new(),
        keys: HashMap::new(),
        links: Vec::new(),
        app: None,
        gadgets: BTreeMap::new(),
        forge,
        demanded: Vec::new(),
        faults: Faults::default(),
        dice: Dice::new(1),
        limits: Limits::new(enforce_limits),
        requests: Vec::new(),
        attempts: Vec::new(),
        lost: Vec::new(),
        open_deliveries: 0,
        events_sent: 0,
        next_id: 10_199,
        outgoing: None,
    }
}

fn project(id: u64, key: &str, name: &str) -> Project {
    let granted = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect();
    Project {
        id,
        key: key.to_owned(),
        name: name.to_owned(),
        lead: ADMIN.to_owned(),
        versions: Vec::new(),
        components: Vec::new(),
        properties: BTreeMap::new(),
        next_number: 0,
        grants: HashMap::from([
            (ADMIN.to_owned(), granted(&PERMISSIONS)),
            (DEVELOPER.to_owned(), granted(&MEMBER)),
            (TESTER.to_owned(), granted(&MEMBER)),
            (ONLOOKER.to_owned(), granted(&VIEWER)),
        ]),
    }
}

/// An issue of the sample.
struct Sample {
    kind: &'static str,
    summary: &'static str,
    text: &'static str,
    status: &'static str,
    priority: &'static str,
    version: &'static str,
    sprint: u64,
    assignee: &'static str,
}

const fn sample(
    kind: &'static str,
    summary: &'static str,
    text: &'static str,
    (status, priority): (&'static str, &'static str),
    (version, sprint): (&'static str, u64),
    assignee: &'static str,
) -> Sample {
    Sample {
        kind,
        summary,
        text,
        status,
        priority,
        version,
        sprint,
        assignee,
    }
}

/// The backlog in the order of its keys; SHOP-7 is the story the demo opens.
static BACKLOG: [Sample; 17] = [
    sample(
        "Epic",
        "Checkout",
        "From the basket to the confirmed order, on one page and without surprises.",
        ("In Progress", "High"),
        ("", 0),
        ADMIN,
    ),
    sample(
        "Story",
        "Put an article into the basket",
        "As a visitor I put an article into the basket and see the new total at once.",
        ("Done", "Medium"),
        ("1.3", 11),
        DEVELOPER,
    ),
    sample(
        "Story",
        "Change quantities in the basket",
        "Quantities go from 1 to 99. Zero takes the article out after asking once.",
        ("Done", "Medium"),
        ("1.3", 11),
        DEVELOPER,
    ),
    sample(
        "Task",
        "Move session storage out of the application server",
        "Baskets must survive a restart of one node.",
        ("Done", "High"),
        ("1.3", 11),
        DEVELOPER,
    ),
    sample(
        "Story",
        "Enter a delivery address",
        "Addresses in the EU and Switzerland; the postcode is checked against the country.",
        ("Done", "Medium"),
        ("1.3", 11),
        TESTER,
    ),
    sample(
        "Story",
        "Pay on invoice",
        "Offered from the second order on, up to 500 euros.",
        ("In Review", "Medium"),
        ("1.4", 12),
        DEVELOPER,
    ),
    sample(
        "Story",
        "Pay with a saved card",
        "As a returning customer I pay with a card I saved before.\n\nThe last four digits and the expiry date are shown. An expired card is shown but cannot be chosen. Amounts over 250 euros ask the bank for a second factor.",
        ("In Progress", "High"),
        ("1.4", 12),
        DEVELOPER,
    ),
    sample(
        "Story",
        "Redeem a voucher code",
        "One code per order. An invalid code says why in one sentence.",
        ("In Progress", "Medium"),
        ("1.4", 12),
        TESTER,
    ),
    sample(
        "Story",
        "Confirm the order by e-mail",
        "Within one minute, with all prices including tax.",
        ("To Do", "Medium"),
        ("1.4", 12),
        TESTER,
    ),
    sample(
        "Story",
        "Check out without an account",
        "Guests enter an e-mail address and nothing more.",
        ("To Do", "Low"),
        ("1.4", 0),
        "",
    ),
    sample(
        "Bug",
        "Saved card is charged twice after a double click",
        "Clicking Pay now twice within half a second sends two charges.\n\nSeen in Firefox on staging; Chromium disables the button in time.",
        ("In Progress", "Highest"),
        ("1.4", 12),
        DEVELOPER,
    ),
    sample(
        "Bug",
        "Voucher field accepts expired codes",
        "SUMMER25 ended in September and still takes ten percent off.",
        ("To Do", "High"),
        ("1.4", 12),
        TESTER,
    ),
    sample(
        "Bug",
        "Basket total rounds half cents down",
        "Three articles at 0.335 euros come to 1.00 instead of 1.01.",
        ("Done", "Medium"),
        ("1.3", 11),
        DEVELOPER,
    ),
    sample(
        "Bug",
        "Address form loses the house number on the way back",
        "Going back from payment empties one field.",
        ("Done", "Low"),
        ("1.3", 11),
        TESTER,
    ),
    sample(
        "Bug",
        "Confirmation mail shows net prices",
        "Business customers see them, too, and should.",
        ("To Do", "Medium"),
        ("", 0),
        "",
    ),
    sample(
        "Task",
        "Renew the certificate of the payment provider",
        "The old one ends on the last day of the year.",
        ("To Do", "Highest"),
        ("1.4", 12),
        ADMIN,
    ),
    sample(
        "Sub-task",
        "Ask for the security code again after ten minutes",
        "Counted from the last activity on the page.",
        ("To Do", "Medium"),
        ("1.4", 12),
        DEVELOPER,
    ),
];

/// Fills a site as asked. The clock goes back four weeks and comes forward while it is filled.
pub(crate) fn fill(state: &mut State, seed: Seed) -> anyhow::Result<()> {
    if seed == Seed::Empty {
        return Ok(());
    }
    let clock = state.clock.clone();
    let started = clock.now_ms();
    clock.advance_ms(-28 * DAY);
    let step = 28 * DAY / 24;
    for entry in &BACKLOG {
        add(state, entry).with_context(|| format!("adding '{}'", entry.summary))?;
        clock.advance_ms(step);
    }
    decorate(state).context("linking the sample")?;
    let behind = started - clock.now_ms();
    clock.advance_ms(behind.max(0));
    Ok(())
}

fn add(state: &mut State, entry: &Sample) -> anyhow::Result<()> {
    let mut fields = json!({
        "project": { "key": "SHOP" },
        "issuetype": { "name": entry.kind },
        "summary": entry.summary,
        "description": entry.text,
        "priority": { "name": entry.priority },
        "fixVersions": [],
    });
    let mut set = |name: &str, value: Value| crate::tokens::set(&mut fields, name, value);
    if !entry.version.is_empty() {
        set("fixVersions", json!([{ "name": entry.version }]));
    }
    if entry.sprint > 0 {
        set(crate::scheme::SPRINT_FIELD, json!(entry.sprint));
    }
    if !entry.assignee.is_empty() {
        set("assignee", json!({ "accountId": entry.assignee }));
    }
    match entry.kind {
        "Sub-task" => set("parent", json!({ "key": "SHOP-7" })),
        "Epic" => {}
        _ => set("parent", json!({ "key": "SHOP-1" })),
    }
    let reporter = if entry.kind == "Bug" { TESTER } else { ADMIN };
    let created = state.create_issue(
        &Actor::account(reporter),
        Api::V2,
        &json!({ "fields": fields }),
    )?;
    let steps: &[&str] = match entry.status {
        "In Progress" => &["In Progress"],
        "In Review" => &["In Progress", "In Review"],
        "Done" => &["In Progress", "In Review", "Done"],
        _ => &[],
    };
    for step in steps {
        let resolution = if entry.summary.contains("house number") {
            "Cannot Reproduce"
        } else {
            "Done"
        };
        workflow::perform_to(
            state,
            &Actor::account(DEVELOPER),
            created.id,
            step,
            resolution,
        )?;
        state.clock.advance_ms(3_600_000);
    }
    Ok(())
}

fn decorate(state: &mut State) -> anyhow::Result<()> {
    let actor = Actor::account(TESTER);
    let ties = [
        ("Defect", "SHOP-7", "SHOP-11"),
        ("Defect", "SHOP-8", "SHOP-12"),
        ("Blocks", "SHOP-16", "SHOP-7"),
        ("Relates", "SHOP-9", "SHOP-15"),
    ];
    for (kind, from, to) in ties {
        let body = json!({
            "type": { "name": kind }, "inwardIssue": { "key": from }, "outwardIssue": { "key": to },
        });
        links::link(state, &actor, &body)?;
    }
    let talk = [
        (
            "SHOP-7",
            TESTER,
            "The expired card is greyed out, but the keyboard still reaches it.",
        ),
        (
            "SHOP-7",
            DEVELOPER,
            "Right, that is a missing attribute. On its way to staging.",
        ),
        (
            "SHOP-11",
            DEVELOPER,
            "The provider has an idempotency key. We did not send it.",
        ),
    ];
    for (issue, author, text) in talk {
        let id = state.issue_id(issue).context("a sample issue is missing")?;
        let body = json!({ "body": text });
        talk::add_comment(state, &Actor::account(author), Api::V2, id, &body)?;
        state.clock.advance_ms(600_000);
    }
    for (summary, priority) in [
        ("Rotate the log archive", "Low"),
        ("Rehearse the restore", "High"),
    ] {
        let fields = json!({
            "project": { "key": "OPS" }, "issuetype": { "name": "Task" }, "summary": summary,
            "priority": { "name": priority },
        });
        state.create_issue(
            &Actor::account(ADMIN),
            Api::V2,
            &json!({ "fields": fields }),
        )?;
    }
    Ok(())
}
