//! Events that come through Forge: kept before they are answered, known when they come again, folded
//! in by field whatever their order, and made whole by asking Jira when they say too little.

use jira_standin::{FailNext, Faults, Standin, accounts};
use reqwest::StatusCode;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use touchstone::app::accept_event::{Received, accept_event};
use touchstone::app::import_results::{Upload, import_results, prepare};
use touchstone::domain::attempts::Aggregation;
use touchstone::domain::execution::Particulars;
use touchstone::domain::issue::{MirroredIssue, StatusCategory};
use touchstone::results::{Limits, read};
use touchstone::store::defects::NewDefectLink;
use touchstone::store::inbox::{self, Channel};
use touchstone::store::{SiteId, audit, defects, issues, marks, outbox, sites, tests};
use uuid::Uuid;

use crate::both_databases;
use crate::support::events::{self, DONE, IN_PROGRESS, TO_DO};
use crate::support::forge_events::{SmallIssue, item};
use crate::support::{Database, TestApp, eventually};

/// 2026-11-20, in milliseconds.
const T0: i64 = 1_795_132_800_000;
const EVENTS: &str = "/forge/events/jira";

/// A service that is installed on a stand-in Jira through Forge.
struct World {
    jira: Standin,
    app: TestApp,
    site: SiteId,
}

impl World {
    async fn new(database: Database) -> Self {
        let jira = Standin::start(jira_standin::Options::default())
            .await
            .unwrap();
        let app = TestApp::spawn_on_forge(database, &jira).await;
        let store = &app.app().store;
        let found = eventually("the installation is known", async || {
            sites::by_cloud_id(store.read(), &jira.cloud_id(), "PRODUCTION")
                .await
                .unwrap()
        })
        .await;
        let site = found.site.id;
        Self { jira, app, site }
    }

    /// The same, with a Jira whose own events never arrive: a test delivers by hand.
    async fn silent(database: Database) -> Self {
        let world = Self::new(database).await;
        world.jira.settle().await.unwrap();
        world.jira.set_faults(Faults {
            drop_percent: 100,
            ..Faults::default()
        });
        world
    }

    /// Delivers an event and waits until it is applied.
    async fn hears(&self, event: &Value) {
        let answer = self.app.deliver_forge(&self.jira, event).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        self.app.applied().await;
    }

    async fn hears_through_connect(&self, event: &Value) {
        let received = Received {
            site: self.site,
            channel: Channel::Connect,
            delivery: None,
            trace: None,
            body: serde_json::to_vec(event).unwrap(),
        };
        accept_event(self.app.app(), received).await.unwrap();
        self.app.applied().await;
    }

    /// Waits until every question to Jira is answered.
    async fn answered(&self) {
        let on = self.app.app().store.read();
        eventually("the outbox is empty", async || {
            let counts = outbox::counts(on, Some(self.site)).await.unwrap();
            (counts.waiting == 0).then_some(())
        })
        .await;
    }

    async fn knows(&self, jira_id: u64) -> Option<MirroredIssue> {
        let on = self.app.app().store.read();
        let id = i64::try_from(jira_id).unwrap();
        issues::by_jira_id(on, self.site, id).await.unwrap()
    }

    async fn issue(&self, jira_id: u64) -> MirroredIssue {
        self.knows(jira_id).await.unwrap()
    }

    async fn eventually_knows(
        &self,
        what: &str,
        jira_id: u64,
        is_so: impl Fn(&MirroredIssue) -> bool,
    ) -> MirroredIssue {
        eventually(what, async || self.knows(jira_id).await.filter(&is_so)).await
    }

    /// How many rows a table has.
    async fn count(&self, table: &str) -> i64 {
        let on = self.app.app().store.read();
        let text = format!("SELECT count(*) FROM {table}");
        let sql = Statement::from_string(on.get_database_backend(), text);
        let row = on.query_one_raw(sql).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    /// A test that fails, linked to the issue as its defect.
    async fn is_found_by_a_failing_test(&self, issue: Uuid) {
        let xml = "<testsuite name='unit'><testcase classname='shop.Cart' name='pays'>\
                   <failure message='no'>at a</failure></testcase></testsuite>";
        let test = self.reports(T0, xml).await;
        let link = NewDefectLink {
            test,
            issue,
            run: None,
            signature: None,
            cause: None,
            created_by: None,
        };
        let txn = self.app.app().store.write().await.unwrap();
        defects::link(&*txn, self.site, &link, T0).await.unwrap();
        txn.commit().await.unwrap();
    }

    /// Reports results made at `ms`; returns the one test they are about.
    async fn reports(&self, ms: i64, xml: &str) -> Uuid {
        let report = read(xml.as_bytes(), &Limits::default()).unwrap();
        let prepared = prepare(report, Aggregation::Worst, ms);
        let upload = Upload {
            project: "SHOP".into(),
            particulars: Particulars::default(),
            execution: None,
            source: "JUnit".into(),
            created_by: None,
            ..Upload::default()
        };
        let store = &self.app.app().store;
        import_results(store, self.site, &upload, prepared)
            .await
            .unwrap();
        let key = "SHOP-T1".parse().unwrap();
        let test = tests::by_key(store.read(), self.site, &key).await.unwrap();
        test.unwrap().id
    }

    /// Marks and audit of an issue: what the rules made of it.
    async fn effects(&self, issue: Uuid) -> (Vec<String>, Vec<String>) {
        let on = self.app.app().store.read();
        let found = marks::of_issues(on, self.site, &[issue]).await.unwrap();
        let marks = found
            .iter()
            .map(|mark| format!("{} {}", mark.rule.name(), mark.kind.name()));
        let page = audit::of_issue(on, self.site, issue, None, 50)
            .await
            .unwrap();
        let said = page.iter().rev().map(|entry| {
            let done = if entry.is_done { "done" } else { "not done" };
            format!("{} {}: {done}", entry.rule, entry.action)
        });
        (marks.collect(), said.collect())
    }
}

fn labels(issue: &MirroredIssue) -> Vec<&str> {
    issue.snapshot.labels.iter().map(String::as_str).collect()
}

fn resolution(issue: &MirroredIssue) -> Option<&str> {
    Some(issue.snapshot.resolution.as_ref()?.name.as_str())
}

fn resolved(name: &str) -> Value {
    item("resolution", None, "", Some("10000"), name)
}

both_databases! {
    async fn a_change_in_jira_reaches_the_mirror_whole(database: Database) {
        let world = World::new(database).await;
        let fields = json!({ "labels": ["pay"], "priority": { "name": "High" } });
        let made = world
            .jira
            .create_issue(accounts::DEVELOPER, "SHOP", "Bug", "It breaks", &fields)
            .unwrap();
        let first = world.eventually_knows("the new issue", made.id, |issue| {
            !issue.snapshot.labels.is_empty()
        }).await;
        assert_eq!((labels(&first), first.snapshot.priority.as_ref().unwrap().name.as_str()), (vec!["pay"], "High"));

        world.jira.edit(&made.key, &json!({ "labels": ["pay", "cart"] }), accounts::DEVELOPER).unwrap();
        world.eventually_knows("the new label", made.id, |issue| issue.snapshot.labels.len() == 2).await;
        world.jira.resolve(&made.key, "Won't Do", accounts::DEVELOPER).unwrap();
        let done = world.eventually_knows("the resolution", made.id, MirroredIssue::is_done).await;
        assert_eq!((resolution(&done), labels(&done).len()), (Some("Won't Do"), 2));
        let calls = world.jira.requests();
        assert!(calls.iter().filter(|call| call.by_app).all(|call| call.by_forge));
    }

    async fn the_rules_see_the_same_through_either_host(database: Database) {
        let world = World::silent(database).await;
        let mut effects = Vec::new();
        for (through_forge, id, key) in [(true, 20_001, "SHOP-201"), (false, 20_002, "SHOP-202")] {
            let mut whole = events::Issue::new(i64::try_from(id).unwrap(), key);
            world.hears_through_connect(&whole.created(T0)).await;
            let issue = world.issue(id).await.id;
            world.is_found_by_a_failing_test(issue).await;
            let mut small = SmallIssue::new(id, key);
            let steps = [(DONE, Some("Won't Do")), (IN_PROGRESS, None), (DONE, Some("Done"))];
            for (n, (to, with)) in (1_i64..).zip(steps) {
                let (at_ms, changelog) = (T0 + n * 1_000, 700 + n);
                if through_forge {
                    let items: Vec<_> = match with {
                        Some(name) => vec![resolved(name)],
                        None => vec![item("resolution", Some("10000"), "Won't Do", None, "")],
                    };
                    world.hears(&small.moves(at_ms, changelog, to, &items)).await;
                } else {
                    world.hears_through_connect(&whole.moved_to(at_ms, changelog, to, with)).await;
                    (whole.status, whole.resolution) = (to, with);
                }
                effects.push((n, world.effects(issue).await));
            }
        }
        let (forge, connect) = effects.split_at(3);
        assert_eq!(forge, connect);
        assert_eq!(forge[0].1.0, ["D9 accepted failure"]);
        assert_eq!(forge[2].1.0, ["D5 retest needed"]);
    }

    async fn a_change_told_through_both_hosts_has_its_effects_once(database: Database) {
        let world = World::silent(database).await;
        let mut whole = events::Issue::new(20_001, "SHOP-201");
        world.hears_through_connect(&whole.created(T0)).await;
        let issue = world.issue(20_001).await.id;
        world.is_found_by_a_failing_test(issue).await;
        let mut small = SmallIssue::new(20_001, "SHOP-201");

        let done = small.moves(T0 + 1_000, 701, DONE, &[resolved("Done")]);
        world.hears(&done).await;
        let once = world.effects(issue).await;
        let same = whole.moved_to(T0 + 1_003, 701, DONE, Some("Done"));
        world.hears_through_connect(&same).await;
        whole.status = DONE;
        assert_eq!(world.effects(issue).await, once);

        let reopened = whole.moved_to(T0 + 2_000, 702, IN_PROGRESS, None);
        world.hears_through_connect(&reopened).await;
        let once = world.effects(issue).await;
        let again = item("resolution", Some("10000"), "Done", None, "");
        world.hears(&small.moves(T0 + 1_997, 702, IN_PROGRESS, &[again])).await;
        assert_eq!(world.effects(issue).await, once);
        assert_eq!(world.issue(20_001).await.snapshot.status.id, IN_PROGRESS.0);
    }

    async fn a_redelivery_in_any_shape_is_known_and_a_twin_changes_nothing(database: Database) {
        let world = World::silent(database).await;
        let before = world.count("inbox").await;
        let mut issue = SmallIssue::new(20_001, "SHOP-201");
        let moved = issue.moves(T0, 700, IN_PROGRESS, &[]);
        let mut flat = moved.clone();
        flat["retryContext"] = json!({ "retryCount": 1, "retryReason": "TIMEOUT_ERROR", "retryData": null });
        let nested = json!({ "payload": flat });
        for event in [&moved, &flat, &nested, &moved] {
            world.hears(event).await;
        }
        assert_eq!(world.count("inbox").await, before + 1);

        let assigned = item("assignee", None, "", Some("5b10a-other"), "Kim");
        let updated = issue.edited(T0 + 1_000, 701, &[assigned]);
        let mut twin = updated.clone();
        twin["eventType"] = json!("avi:jira:assigned:issue");
        world.hears(&updated).await;
        let known = world.issue(20_001).await;
        world.hears(&twin).await;
        let again = world.issue(20_001).await;
        assert_eq!(MirroredIssue { seen_ms: known.seen_ms, ..again }, known);
        assert_eq!(world.count("inbox").await, before + 3, "the twin is kept too");
    }

    async fn an_older_event_sets_back_nothing_but_what_nobody_told_since(database: Database) {
        let world = World::silent(database).await;
        let mut whole = events::Issue::new(20_001, "SHOP-201");
        whole.summary = "first".into();
        world.hears_through_connect(&whole.created(T0)).await;

        let mut issue = SmallIssue::new(20_001, "SHOP-201");
        issue.summary = "third";
        let renamed = issue.edited(T0 + 3_000, 703, &[item("summary", None, "second", None, "third")]);
        world.hears(&renamed).await;
        issue.summary = "second";
        let resolved = issue.moves(T0 + 2_000, 702, DONE, &[resolved("Done")]);
        world.hears(&resolved).await;
        let known = world.issue(20_001).await;
        assert_eq!((known.snapshot.summary.as_str(), known.snapshot.status.id.as_str()), ("third", TO_DO.0));
        assert_eq!(resolution(&known), Some("Done"), "nobody told of it since");

        issue.summary = "zeroth";
        world.hears(&issue.event("jira:created:issue", T0 - 1)).await;
        assert_eq!(world.issue(20_001).await.snapshot.summary, "third");
    }

    async fn created_and_updated_may_come_in_either_order(database: Database) {
        let world = World::silent(database).await;
        let mut issue = SmallIssue::new(20_001, "SHOP-201");
        let created = issue.event("jira:created:issue", T0);
        let moved = issue.moves(T0 + 10, 700, IN_PROGRESS, &[]);
        world.hears(&moved).await;
        world.hears(&created).await;
        assert_eq!(world.issue(20_001).await.snapshot.status.id, IN_PROGRESS.0);
        world.hears(&issue.event("jira:deleted:issue", T0 + 20)).await;
        world.hears(&issue.edited(T0 + 15, 701, &[])).await;
        assert_eq!(world.issue(20_001).await.deleted_ms, Some(T0 + 20));
    }

    async fn what_an_event_leaves_out_is_asked_of_jira_and_then_decided(database: Database) {
        let world = World::new(database).await;
        let made = world
            .jira
            .create_issue(accounts::DEVELOPER, "SHOP", "Bug", "It breaks", &json!({}))
            .unwrap();
        world.eventually_knows("the new issue", made.id, |_| true).await;
        world.answered().await;
        world.jira.set_faults(Faults { drop_percent: 100, ..Faults::default() });
        let issue = world.issue(made.id).await;
        world.is_found_by_a_failing_test(issue.id).await;
        world.jira.resolve(&made.key, "Won't Do", accounts::DEVELOPER).unwrap();

        // The status has no category, here or in any issue that is known.
        let told = &issue.snapshot;
        let small = SmallIssue::new(made.id, &made.key);
        let mut event = small.edited(issue.event_ms + 1_000, 999_999, &[]);
        event["issue"]["fields"]["status"] = json!({ "id": DONE_OF_STANDIN, "name": "Done" });
        event["changelog"]["items"] =
            json!([item("status", Some(&told.status.id), "", Some(DONE_OF_STANDIN), "Done")]);
        world.hears(&event).await;

        let done = world.eventually_knows("the answer", made.id, MirroredIssue::is_done).await;
        assert_eq!(resolution(&done), Some("Won't Do"));
        assert_eq!(world.effects(issue.id).await.0, ["D9 accepted failure"]);
    }

    async fn an_event_is_answered_while_jira_is_down(database: Database) {
        let world = World::silent(database).await;
        let down = FailNext { status: 0, count: 1_000, hang_ms: 600_000, ..FailNext::default() };
        world.jira.set_faults(Faults { drop_percent: 100, fail_next: vec![down], ..Faults::default() });
        let mut issue = SmallIssue::new(20_001, "SHOP-201");
        // Both leave questions that only Jira can answer.
        world.hears(&issue.event("jira:created:issue", T0)).await;
        world.hears(&issue.moves(T0 + 1_000, 700, DONE, &[])).await;
        assert_eq!(world.issue(20_001).await.snapshot.status_category, StatusCategory::Done);
        let on = world.app.app().store.read();
        assert!(outbox::counts(on, Some(world.site)).await.unwrap().waiting > 0);
    }

    async fn what_the_app_did_itself_is_known_and_answered_with_silence(database: Database) {
        let world = World::silent(database).await;
        world.hears_through_connect(&events::Issue::new(20_001, "SHOP-201").created(T0)).await;
        let issue = world.issue(20_001).await.id;
        world.is_found_by_a_failing_test(issue).await;
        let passed = "<testsuite name='unit'><testcase classname='shop.Cart' name='pays'/></testsuite>";
        world.reports(T0 + 60_000, passed).await;
        let mut small = SmallIssue::new(20_001, "SHOP-201");
        let mut event = small.moves(T0 + 1_000, 701, DONE, &[resolved("Done")]);
        event["selfGenerated"] = json!(true);
        world.hears(&event).await;
        let (_, said) = world.effects(issue).await;
        assert!(said.contains(&"own-change comment: not done".to_owned()), "{said:?}");
    }

    async fn a_project_takes_its_issues_along_and_brings_them_back(database: Database) {
        let world = World::silent(database).await;
        for (id, key) in [(20_001, "SHOP-201"), (20_002, "SHOP-202"), (20_003, "PAY-1")] {
            world.hears(&SmallIssue::new(id, key).event("jira:created:issue", T0)).await;
        }
        world.hears(&SmallIssue::new(20_002, "SHOP-202").event("jira:deleted:issue", T0 + 1)).await;
        let project = |act: &str, at_ms: i64| json!({
            "eventType": format!("avi:jira:{act}:project"), "timestamp": at_ms.to_string(),
            "project": { "id": "10000", "key": "SHOP", "name": "Web shop" },
        });
        let gone = async || {
            let mut gone = Vec::new();
            for id in [20_001, 20_002, 20_003] {
                gone.push(world.issue(id).await.deleted_ms);
            }
            gone
        };
        world.hears(&project("softdeleted", T0 + 10)).await;
        assert_eq!(gone().await, [Some(T0 + 10), Some(T0 + 1), None]);
        world.hears(&project("restored", T0 + 20)).await;
        assert_eq!(gone().await, [None, Some(T0 + 1), None]);
        world.hears(&project("archived", T0 + 15)).await;
        assert_eq!(gone().await, [None, Some(T0 + 1), None], "that was before");
        world.hears(&project("deleted", T0 + 30)).await;
        assert_eq!(gone().await, [Some(T0 + 30), Some(T0 + 1), None]);
    }

    async fn everything_forge_sends_is_kept_and_acknowledged(database: Database) {
        let world = World::silent(database).await;
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/forge-events");
        for entry in std::fs::read_dir(folder).unwrap() {
            let body = std::fs::read(entry.unwrap().path()).unwrap();
            world.hears(&serde_json::from_slice(&body).unwrap()).await;
        }
        let on = world.app.app().store.read();
        assert_eq!(inbox::depth(on, Some(world.site)).await.unwrap().parked, 0);
    }

    async fn a_body_that_cannot_be_read_is_parked_and_not_asked_for_again(database: Database) {
        let world = World::silent(database).await;
        let deep = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
        let bodies = ["", "{", "<html>502</html>", "[]", r#"{"eventType": "#, &deep];
        for body in bodies {
            let claims = world.jira.event_claims("jira-events").unwrap();
            let request = world.app.http.post(format!("{}{EVENTS}", world.app.base));
            let request = request.bearer_auth(world.jira.sign_fit(&claims));
            let answer = request.body(body.to_owned()).send().await.unwrap();
            assert_eq!(answer.status(), 204, "{}", &body[..body.len().min(30)]);
        }
        world.app.applied().await;
        let on = world.app.app().store.read();
        let parked = inbox::parked(on, world.site, 20).await.unwrap();
        assert_eq!(parked.len(), bodies.len());
        assert!(parked.iter().all(|event| event.note.is_some()));

        let poison = json!({ "eventType": "avi:jira:updated:issue", "timestamp": "1", "issue": { "id": "7" } });
        world.hears(&poison).await;
        let parked = inbox::parked(on, world.site, 20).await.unwrap();
        assert!(parked[0].note.as_ref().unwrap().contains("has no issue.key"), "{parked:?}");
    }

    async fn a_body_over_five_megabytes_is_refused(database: Database) {
        let world = World::silent(database).await;
        let before = world.count("inbox").await;
        let claims = world.jira.event_claims("jira-events").unwrap();
        let request = world.app.http.post(format!("{}{EVENTS}", world.app.base));
        let request = request.bearer_auth(world.jira.sign_fit(&claims));
        let sent = request.body(" ".repeat((5 << 20) + 1)).send().await;
        // The answer may come while the body is still being sent; then the connection just ends.
        if let Ok(answer) = sent {
            assert_eq!(answer.status(), 413);
            assert!(answer.json::<Value>().await.unwrap()["title"].is_string());
        }
        assert_eq!(world.count("inbox").await, before);
    }

    async fn a_store_that_cannot_commit_asks_for_the_event_again(database: Database) {
        let world = World::silent(database).await;
        let on = world.app.app().store.read();
        let event = SmallIssue::new(20_001, "SHOP-201").event("jira:created:issue", T0);
        on.execute_unprepared("ALTER TABLE inbox RENAME TO inbox_elsewhere").await.unwrap();
        let answer = world.app.deliver_forge(&world.jira, &event).await;
        on.execute_unprepared("ALTER TABLE inbox_elsewhere RENAME TO inbox").await.unwrap();
        assert_eq!(answer.status(), 503);
        assert!(answer.json::<Value>().await.unwrap()["title"].is_string());
        world.hears(&event).await;
        assert!(world.knows(20_001).await.is_some());
    }
}

/// The status of the stand-in's workflow that an issue is resolved into.
const DONE_OF_STANDIN: &str = "10012";
