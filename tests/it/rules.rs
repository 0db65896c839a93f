//! What the rules do to marks, outbox and audit when issues move and tests run.

use sea_orm::{ConnectionTrait, Statement};
use touchstone::app::clear_flaky::clear_flaky;
use touchstone::app::import_results::{Upload, import_results, prepare};
use touchstone::app::run_rules::{self, IssueTransition};
use touchstone::domain::attempts::Aggregation;
use touchstone::domain::coverage::Window;
use touchstone::domain::execution::Particulars;
use touchstone::domain::issue::{IssueSnapshot, MirroredIssue, Named, StatusCategory};
use touchstone::domain::keys::TestKey;
use touchstone::domain::rule::RuleId;
use touchstone::domain::run::RunStatus;
use touchstone::domain::settings::RuleName;
use touchstone::domain::signature::Signature;
use touchstone::ids;
use touchstone::results::{Limits, read};
use touchstone::store::defect_claims::{ClaimState, claim, reserve, settle};
use touchstone::store::defects::NewDefectLink;
use touchstone::store::rules::{Turn, take_turn};
use touchstone::store::settings::{Decision, Scope};
use touchstone::store::{
    SiteId, Store, audit, defects, executions, issues, links, marks, outbox, runs, settings, tests,
    windows,
};
use uuid::Uuid;

use crate::both_databases;
use crate::support::Database;

const SITE: SiteId = SiteId(1);
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// 2026-11-20, in milliseconds.
const T0: i64 = 1_795_132_800_000;

/// A store with one issue, SHOP-9, and tests that make it interesting.
struct World {
    store: Store,
    issue: MirroredIssue,
}

impl World {
    async fn new(database: &Database) -> Self {
        Store::migrate(&database.url).await.unwrap();
        let store = Store::open(&database.url, 4).await.unwrap();
        let snapshot = IssueSnapshot {
            jira_id: 10_009,
            key: "SHOP-9".to_owned(),
            project_key: "SHOP".to_owned(),
            status: Named {
                id: "1".to_owned(),
                name: "To Do".to_owned(),
            },
            status_category: StatusCategory::New,
            ..IssueSnapshot::default()
        };
        let issue = MirroredIssue {
            id: ids::next(),
            snapshot,
            event_ms: T0,
            changelog_id: 1,
            behind: std::collections::BTreeMap::new(),
            seen_ms: T0,
            deleted_ms: None,
        };
        let world = Self { store, issue };
        world.mirror().await;
        world
    }

    async fn mirror(&self) {
        let txn = self.store.write().await.unwrap();
        issues::upsert_all(&*txn, &[(SITE, &self.issue)])
            .await
            .unwrap();
        txn.commit().await.unwrap();
    }

    /// Reports results made at `ms`: names with whether they passed.
    async fn report(&self, ms: i64, environment: &str, results: &[(&str, bool)]) {
        let case = |(name, has_passed): &(&str, bool)| {
            let inside = if *has_passed {
                ""
            } else {
                r#"<failure message="no">at a</failure>"#
            };
            format!(r#"<testcase classname="shop.Cart" name="{name}">{inside}</testcase>"#)
        };
        let cases: String = results.iter().map(case).collect();
        let xml = format!(r#"<testsuite name="unit">{cases}</testsuite>"#);
        let report = read(xml.as_bytes(), &Limits::default()).unwrap();
        let prepared = prepare(report, Aggregation::Worst, ms);
        let upload = Upload {
            project: "SHOP".into(),
            particulars: Particulars {
                environments: vec![environment.to_owned()],
                ..Particulars::default()
            },
            execution: None,
            source: "JUnit".into(),
            created_by: None,
            ..Upload::default()
        };
        import_results(&self.store, SITE, &upload, prepared)
            .await
            .unwrap();
    }

    /// The issue moves at `ms`, by `actor`.
    async fn moves(&mut self, ms: i64, to: StatusCategory, resolution: Option<&str>, actor: &str) {
        let from = self.issue.snapshot.status_category;
        let status = |category: StatusCategory| category.code().to_string();
        let state = &mut self.issue.snapshot;
        (state.status_category, state.category_changed_ms) = (to, Some(ms));
        state.status.id = status(to);
        state.resolution = resolution.map(|name| Named {
            id: "10000".to_owned(),
            name: name.to_owned(),
        });
        (self.issue.event_ms, self.issue.changelog_id) = (ms, self.issue.changelog_id + 1);
        self.mirror().await;
        let transition = IssueTransition {
            issue_id: self.issue.id,
            cause: format!("event:{}", ids::next()),
            event_ms: ms,
            from_category: Some(from),
            to_status_id: status(to),
            to_category: to,
            actor: Some(actor.to_owned()),
            trace: None,
            is_own: false,
        };
        let txn = self.store.write().await.unwrap();
        run_rules::on_transitions(&*txn, SITE, ms, &[transition])
            .await
            .unwrap();
        txn.commit().await.unwrap();
    }

    async fn test(&self, key: &str) -> Uuid {
        let key: TestKey = key.parse().unwrap();
        let found = tests::by_key(self.store.read(), SITE, &key).await.unwrap();
        found.unwrap().id
    }

    async fn is_defect_of(&self, ms: i64, test: &str) {
        let link = NewDefectLink {
            test: self.test(test).await,
            issue: self.issue.id,
            run: None,
            signature: None,
            created_by: None,
        };
        let txn = self.store.write().await.unwrap();
        defects::link(&*txn, SITE, &link, ms).await.unwrap();
        txn.commit().await.unwrap();
    }

    async fn is_covered_by(&self, ms: i64, test: &str) {
        let test = self.test(test).await;
        let txn = self.store.write().await.unwrap();
        links::link(&*txn, SITE, self.issue.id, test, None, ms)
            .await
            .unwrap();
        txn.commit().await.unwrap();
    }

    /// Marks as `rule words test-number environments`.
    async fn marks(&self) -> Vec<String> {
        let found = marks::of_issues(self.store.read(), SITE, &[self.issue.id])
            .await
            .unwrap();
        let words = |mark: &touchstone::domain::rule::Mark| {
            format!(
                "{} {} {}",
                mark.rule.name(),
                mark.kind.name(),
                mark.environments.join(",")
            )
        };
        found.iter().map(words).collect()
    }

    /// The newest entries of the audit as `rule action done`, the oldest of them first.
    async fn audit(&self, newest: i64) -> Vec<String> {
        let page = audit::of_issue(self.store.read(), SITE, self.issue.id, None, newest)
            .await
            .unwrap();
        let words = |entry: &audit::Entry| {
            let done = if entry.is_done { "done" } else { "not done" };
            format!("{} {}: {done}", entry.rule, entry.action)
        };
        page.iter().rev().map(words).collect()
    }

    /// Kinds of the work in the outbox, in order.
    async fn outbox(&self) -> Vec<String> {
        let on = self.store.read();
        let text = "SELECT kind FROM outbox ORDER BY id";
        let statement = Statement::from_string(on.get_database_backend(), text);
        let rows = on.query_all_raw(statement).await.unwrap();
        rows.iter()
            .map(|row| row.try_get_by_index(0).unwrap())
            .collect()
    }
}

/// The newest results of a test, as they are kept.
async fn latest_of(world: &World, test: Uuid) -> Window {
    let found = windows::by_tests(world.store.read(), SITE, &[test]).await;
    found.unwrap().remove(&test).unwrap()
}

both_databases! {
    async fn a_defect_goes_from_failing_through_retest_to_verified_and_back(database: Database) {
        let mut world = World::new(&database).await;
        world.report(T0, "chrome", &[("pays", false), ("ships", true)]).await;
        world.is_defect_of(T0 + MINUTE, "SHOP-T1").await;
        assert!(world.audit(9).await.is_empty());

        world.report(T0 + HOUR, "chrome", &[("pays", false)]).await;
        assert_eq!(world.audit(1).await, ["D2 comment: done"]);
        world.report(T0 + HOUR + MINUTE, "chrome", &[("pays", false)]).await;
        assert_eq!(world.audit(1).await, ["D2 comment: not done"], "within the hour");
        assert_eq!(world.outbox().await, ["status_comment"]);

        world.moves(T0 + 2 * HOUR, StatusCategory::Done, Some("Done"), "ann").await;
        assert_eq!(world.marks().await, ["D5 retest needed chrome"]);
        world.report(T0 + 3 * HOUR, "chrome", &[("pays", true)]).await;
        assert!(world.marks().await.is_empty());
        assert_eq!(world.audit(2).await, ["D6 clear retest needed: done", "D6 comment: done"]);
        assert_eq!(world.outbox().await, ["status_comment", "comment"]);

        // Three failures, a pass and a failure look flaky to whoever does not know of the fix.
        let test = world.test("SHOP-T1").await;
        clear_flaky(&world.store, SITE, test, Some("ann"), T0 + 3 * HOUR).await.unwrap();
        world.report(T0 + 4 * HOUR, "chrome", &[("pays", false)]).await;
        assert_eq!(world.audit(3).await[0], "D3 reopen: done");
        assert_eq!(world.outbox().await, ["status_comment", "comment", "comment", "transition"]);
        assert_eq!(world.marks().await, ["D5 retest needed chrome"]);
        world.moves(T0 + 4 * HOUR + MINUTE, StatusCategory::New, None, "ann").await;
        assert!(world.marks().await.is_empty());
    }

    async fn a_rule_that_is_off_marks_and_writes_nothing(database: Database) {
        let mut world = World::new(&database).await;
        let txn = world.store.write().await.unwrap();
        for rule in [RuleName::D2, RuleName::D5] {
            let off = Decision::Rule(rule, Some(false));
            settings::decide(&*txn, SITE, Scope::Project("SHOP"), &off, None, T0).await.unwrap();
        }
        txn.commit().await.unwrap();
        world.report(T0, "chrome", &[("pays", false)]).await;
        world.is_defect_of(T0, "SHOP-T1").await;

        world.report(T0 + HOUR, "chrome", &[("pays", false)]).await;
        world.moves(T0 + 2 * HOUR, StatusCategory::Done, Some("Done"), "ann").await;

        assert_eq!(world.audit(9).await, ["D2 nothing: not done", "D5 nothing: not done"]);
        assert!(world.marks().await.is_empty() && world.outbox().await.is_empty());
    }

    async fn what_the_app_did_itself_moves_marks_and_writes_nothing(database: Database) {
        let mut world = World::new(&database).await;
        let on = world.store.write().await.unwrap();
        let text = "INSERT INTO site (base_url, app_account_id, state, is_enabled, created_ms, \
                    installed_ms) VALUES ('https://acme.example', 'the-app', 1, true, 0, 0)";
        on.execute_unprepared(text).await.unwrap();
        on.commit().await.unwrap();
        world.report(T0, "chrome", &[("pays", false)]).await;
        world.is_defect_of(T0, "SHOP-T1").await;
        world.report(T0 + 2 * HOUR, "chrome", &[("pays", true)]).await;

        // The pass is known before the resolution is heard of: a person's would be commented.
        world.moves(T0 + HOUR, StatusCategory::Done, Some("Done"), "the-app").await;
        let told = ["D5 nothing: not done", "own-change comment: not done", "D7 comment: done"];
        assert_eq!(world.audit(3).await, told);
        assert_eq!(world.outbox().await, ["comment"], "D7's, when it passed");
        world.moves(T0 + 3 * HOUR, StatusCategory::New, None, "ann").await;
        world.moves(T0 + 3 * HOUR + MINUTE, StatusCategory::Done, Some("Done"), "the-app").await;
        assert_eq!(world.marks().await, ["D5 retest needed "]);
    }

    async fn an_accepted_failure_stays_and_is_marked(database: Database) {
        let mut world = World::new(&database).await;
        world.report(T0, "chrome", &[("pays", false)]).await;
        world.is_defect_of(T0, "SHOP-T1").await;

        world.moves(T0 + HOUR, StatusCategory::Done, Some("Won't Fix"), "ann").await;
        assert_eq!(world.marks().await, ["D9 accepted failure chrome"]);
        world.report(T0 + 2 * HOUR, "chrome", &[("pays", false)]).await;
        assert_eq!(world.audit(1).await, ["D3 nothing: not done"]);
        assert!(world.outbox().await.is_empty());
        world.report(T0 + 3 * HOUR, "chrome", &[("pays", true)]).await;
        assert!(world.marks().await.is_empty());
    }

    async fn a_reopened_issue_wants_its_tests_again(database: Database) {
        let mut world = World::new(&database).await;
        world.report(T0, "chrome", &[("pays", true), ("ships", true)]).await;
        world.is_covered_by(T0, "SHOP-T1").await;

        world.moves(T0 + HOUR, StatusCategory::Done, Some("Done"), "ann").await;
        assert!(world.audit(9).await.is_empty());
        world.moves(T0 + 2 * HOUR, StatusCategory::New, None, "ann").await;
        assert_eq!(world.marks().await, ["D13 retest needed chrome"]);
        world.report(T0 + 3 * HOUR, "chrome", &[("ships", true)]).await;
        assert_eq!(world.marks().await.len(), 1, "another test ran");
        world.report(T0 + 4 * HOUR, "chrome", &[("pays", false)]).await;
        assert!(world.marks().await.is_empty());
        assert!(world.outbox().await.is_empty());
    }

    async fn a_rule_takes_its_turn_once_for_a_cause_and_not_twice_an_hour(database: Database) {
        let world = World::new(&database).await;
        let turn = async |cause: &str, now_ms: i64| {
            let txn = world.store.write().await.unwrap();
            let turn = take_turn(&*txn, SITE, &RuleId::D2, "x", cause, now_ms, HOUR).await.unwrap();
            txn.commit().await.unwrap();
            turn
        };
        assert_eq!(turn("a", T0).await, Turn::Now);
        assert_eq!(turn("a", T0 + 2 * HOUR).await, Turn::Again);
        assert_eq!(turn("b", T0 + HOUR - 1).await, Turn::TooSoon);
        assert_eq!(turn("b", T0 + HOUR).await, Turn::Now);
    }

    async fn an_open_defect_hears_once_that_its_tests_pass(database: Database) {
        let world = World::new(&database).await;
        world.report(T0, "chrome", &[("pays", false), ("ships", false)]).await;
        world.is_defect_of(T0, "SHOP-T1").await;
        world.is_defect_of(T0, "SHOP-T2").await;

        world.report(T0 + HOUR, "chrome", &[("pays", true)]).await;
        assert_eq!(world.audit(1).await, ["D7 nothing: not done"], "the other still fails");
        world.report(T0 + 2 * HOUR, "chrome", &[("ships", true)]).await;
        assert_eq!(world.audit(1).await, ["D7 comment: done"]);
        world.report(T0 + 4 * HOUR, "chrome", &[("ships", true)]).await;
        assert_eq!(world.audit(1).await, ["D7 comment: not done"], "it was said");
        assert_eq!(world.outbox().await, ["comment"]);
    }

    async fn a_test_that_changes_its_mind_reopens_nothing_until_it_is_cleared(database: Database) {
        let mut world = World::new(&database).await;
        for n in 0..6 {
            world.report(T0 + n * MINUTE, "chrome", &[("pays", n % 2 == 0)]).await;
        }
        world.is_defect_of(T0 + HOUR, "SHOP-T1").await;
        world.moves(T0 + 2 * HOUR, StatusCategory::Done, Some("Done"), "ann").await;
        world.report(T0 + 3 * HOUR, "chrome", &[("pays", false)]).await;
        assert_eq!(world.audit(2).await[0], "D4 nothing: not done");

        let test = world.test("SHOP-T1").await;
        let before = latest_of(&world, test).await;
        clear_flaky(&world.store, SITE, test, Some("ann"), T0 + 3 * HOUR + MINUTE).await.unwrap();
        assert_eq!(latest_of(&world, test).await, before, "its results stay");
        world.report(T0 + 4 * HOUR, "chrome", &[("pays", false)]).await;
        assert_eq!(world.audit(2).await[0], "D3 reopen: done");
    }

    async fn a_resolved_defect_gets_an_execution_where_that_is_wanted(database: Database) {
        let mut world = World::new(&database).await;
        let txn = world.store.write().await.unwrap();
        let on = Decision::Rule(RuleName::D5Execution, Some(true));
        settings::decide(&*txn, SITE, Scope::Site, &on, None, T0).await.unwrap();
        txn.commit().await.unwrap();
        world.report(T0, "chrome", &[("pays", false), ("ships", false)]).await;
        world.is_defect_of(T0, "SHOP-T1").await;
        world.is_defect_of(T0, "SHOP-T2").await;
        world.moves(T0 + HOUR, StatusCategory::Done, Some("Done"), "ann").await;
        assert_eq!(world.audit(1).await, ["D5 make execution: done"]);
        let key = "SHOP-E2".parse().unwrap();
        let made = executions::by_key(world.store.read(), SITE, &key).await.unwrap().unwrap();
        let runs = runs::of_execution(world.store.read(), SITE, made.id, 0, 9).await.unwrap();
        let told: Vec<_> = runs.iter().map(|run| (run.test_key.to_string(), run.status)).collect();
        assert_eq!(told, [("SHOP-T1".into(), RunStatus::Todo), ("SHOP-T2".into(), RunStatus::Todo)]);
        assert_eq!((made.name.as_str(), made.next_run), ("Retest for SHOP-9", 3));
    }

    async fn a_claim_is_given_once_and_settled_once(database: Database) {
        let world = World::new(&database).await;
        let failure = (ids::next(), Signature::of(Uuid::nil(), Some("no"), None));
        let (first, second) = (ids::next(), ids::next());
        let on = world.store.write().await.unwrap();
        let ask = async |marker, replacing| {
            reserve(&*on, SITE, failure, marker, replacing, Some("ann"), T0).await.unwrap()
        };
        assert_eq!(ask(first, None).await, Ok(()));
        let held = ask(second, None).await.unwrap_err();
        assert_eq!((held.marker, held.state), (first, ClaimState::Reserved));
        assert!(ask(second, Some(second)).await.is_err());

        let created = ClaimState::Created { issue_key: "SHOP-9".into() };
        let settled = async |marker| settle(&*on, SITE, failure.0, marker, &created).await.unwrap();
        assert!(settled(second).await.is_none());
        let claimant = settled(first).await.unwrap();
        assert_eq!((claimant.signature, claimant.created_by.as_deref()), (failure.1, Some("ann")));
        assert!(settled(first).await.is_none(), "a claim ends once");

        assert_eq!(ask(second, Some(first)).await, Ok(()));
        let now = claim(&*on, SITE, failure.0, failure.1).await.unwrap().unwrap();
        assert_eq!((now.marker, now.state), (second, ClaimState::Reserved));
    }

    async fn the_audit_is_read_a_page_at_a_time(database: Database) {
        let mut world = World::new(&database).await;
        world.report(T0, "chrome", &[("pays", false), ("ships", false), ("packs", false)]).await;
        for test in ["SHOP-T1", "SHOP-T2", "SHOP-T3"] {
            world.is_defect_of(T0, test).await;
        }
        world.moves(T0 + HOUR, StatusCategory::Done, Some("Done"), "ann").await;
        let page = async |before| {
            audit::of_issue(world.store.read(), SITE, world.issue.id, before, 2).await.unwrap()
        };
        let first = page(None).await;
        let last = first.last().unwrap();
        let second = page(Some((last.at_ms, last.id))).await;
        let tests: Vec<_> = first.iter().chain(&second).filter_map(|e| e.test_key.as_deref()).collect();
        assert_eq!(tests, ["SHOP-T3", "SHOP-T2", "SHOP-T1"]);
        let counts = outbox::counts(world.store.read(), Some(SITE)).await.unwrap();
        assert_eq!(counts.waiting, 0);
    }
}
