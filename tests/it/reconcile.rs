//! What Jira did not tell is found out: lost changes with what the rules make of them, issues that
//! were there before, and issues that are there no more.

use jira_standin::{FailNext, Faults, Standin, accounts};
use serde_json::json;
use touchstone::app::import_results::{Upload, import_results, prepare};
use touchstone::app::reconcile::{plan_scans, want_now};
use touchstone::clock::Clock;
use touchstone::domain::attempts::Aggregation;
use touchstone::domain::issue::MirroredIssue;
use touchstone::domain::work::Scan;
use touchstone::results::{Limits, read};
use touchstone::startup;
use touchstone::store::scans::ScanState;
use touchstone::store::{SiteId, audit, issues, links, marks, outbox, scans, sites, tests};

use crate::both_databases;
use crate::support::site::Site;
use crate::support::{Database, TestApp, eventually};

/// A service on a stand-in Jira through Connect.
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
        let app = TestApp::spawn_on(database, &jira).await;
        let found = sites::find(app.app().store.read(), &jira.client_key()).await;
        let site = found.unwrap().unwrap().site.id;
        Self { jira, app, site }
    }

    /// From now on no event arrives.
    async fn falls_silent(&self) {
        self.jira.settle().await.unwrap();
        self.app.applied().await;
        self.jira.set_faults(Faults {
            drop_percent: 100,
            ..Faults::default()
        });
    }

    async fn compares(&self, scan: Scan) -> ScanState {
        let before = self.scan(scan).await.and_then(|scan| scan.finished_ms);
        want_now(self.app.app(), self.site, &[scan]).await.unwrap();
        let done = eventually("the scan is complete", async || {
            let state = self.scan(scan).await?;
            (state.finished_ms != before && state.started_ms.is_none()).then_some(state)
        })
        .await;
        self.app.applied().await;
        self.answered().await;
        done
    }

    async fn scan(&self, scan: Scan) -> Option<ScanState> {
        let on = self.app.app().store.read();
        scans::of_kind(on, self.site, scan).await.unwrap()
    }

    async fn answered(&self) {
        let on = self.app.app().store.read();
        eventually("the outbox is empty", async || {
            let counts = outbox::counts(on, Some(self.site)).await.unwrap();
            (counts.waiting == 0).then_some(())
        })
        .await;
    }

    async fn knows(&self, key: &str) -> Option<MirroredIssue> {
        let on = self.app.app().store.read();
        issues::by_key(on, self.site, key).await.unwrap()
    }

    fn story(&self, summary: &str) -> String {
        let made =
            self.jira
                .create_issue(accounts::DEVELOPER, "SHOP", "Story", summary, &json!({}));
        made.unwrap().key
    }

    fn moves(&self, key: &str, to: &str) {
        self.jira.transition(key, to, accounts::DEVELOPER).unwrap();
    }

    /// A test that passes and covers the issue.
    async fn is_covered(&self, key: &str) {
        let xml =
            "<testsuite name='unit'><testcase classname='shop.Cart' name='pays'/></testsuite>";
        let report = read(xml.as_bytes(), &Limits::default()).unwrap();
        let now_ms = self.app.app().clock.now_ms();
        let prepared = prepare(report, Aggregation::Worst, now_ms);
        let upload = Upload {
            project: "SHOP".into(),
            source: "JUnit".into(),
            ..Upload::default()
        };
        let store = &self.app.app().store;
        import_results(store, self.site, &upload, prepared)
            .await
            .unwrap();
        let test = "SHOP-T1".parse().unwrap();
        let test = tests::by_key(store.read(), self.site, &test).await.unwrap();
        let issue = self.knows(key).await.unwrap().id;
        let txn = store.write().await.unwrap();
        links::link(&*txn, self.site, issue, test.unwrap().id, None, now_ms)
            .await
            .unwrap();
        txn.commit().await.unwrap();
        // What follows is later than the report, on whatever clock.
        self.jira.advance_ms(5_000);
    }

    /// Marks and audit of an issue: what the rules made of it.
    async fn effects(&self, key: &str) -> (Vec<String>, Vec<String>) {
        let on = self.app.app().store.read();
        let issue = self.knows(key).await.unwrap().id;
        let found = marks::of_issues(on, self.site, &[issue]).await.unwrap();
        let marks = found.iter().map(|mark| mark.rule.name().to_owned());
        let page = audit::of_issue(on, self.site, issue, None, 50)
            .await
            .unwrap();
        let said = page.iter().rev().map(|entry| {
            let done = if entry.is_done { "done" } else { "not done" };
            format!("{} {}: {done}", entry.rule, entry.action)
        });
        (marks.collect(), said.collect())
    }

    async fn admin_page(&self) -> String {
        let token = self.jira.context_jwt(None, accounts::ADMIN).unwrap();
        let request = self
            .app
            .http
            .get(format!("{}/ui/admin/health", self.app.base));
        let answer = request
            .header("Authorization", format!("JWT {token}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    }
}

fn as_jira_has_it(jira: &Standin, key: &str) -> (String, String) {
    let issue = jira.issue(key).unwrap();
    (issue.status, issue.summary)
}

fn as_mirrored(issue: &MirroredIssue) -> (String, String) {
    (
        issue.snapshot.status.name.clone(),
        issue.snapshot.summary.clone(),
    )
}

both_databases! {
    async fn changes_that_were_lost_have_the_effects_they_would_have_had(database: Database) {
        let world = World::new(database).await;
        let key = world.story("Pay by card");
        world.jira.settle().await.unwrap();
        world.app.applied().await;
        world.is_covered(&key).await;
        world.falls_silent().await;
        // Done and open again: the newest state alone does not show it.
        world.moves(&key, "In Progress");
        world.moves(&key, "Done");
        world.moves(&key, "To Do");
        let other = world.story("Unheard of");
        world.moves(&other, "In Progress");

        let scan = world.compares(Scan::Changes).await;
        assert!(scan.found >= 2, "{scan:?}");
        for key in [&key, &other] {
            let known = world.knows(key).await.unwrap();
            assert_eq!(as_mirrored(&known), as_jira_has_it(&world.jira, key));
        }
        let (marks, said) = world.effects(&key).await;
        assert_eq!(marks, ["D13"], "{said:?}");

        // Nothing is left to find, and nothing is done twice.
        let again = world.compares(Scan::Changes).await;
        assert_eq!(again.found, 0);
        assert!(again.checkpoint_ms >= scan.checkpoint_ms);
        assert_eq!(world.effects(&key).await, (marks, said));
    }

    async fn an_event_that_comes_after_its_change_was_found_changes_nothing(database: Database) {
        let world = World::new(database).await;
        let key = world.story("Pay by card");
        world.jira.settle().await.unwrap();
        world.app.applied().await;
        world.is_covered(&key).await;
        world.jira.set_faults(Faults { hold: true, ..Faults::default() });
        world.moves(&key, "In Progress");
        world.moves(&key, "Done");
        world.moves(&key, "To Do");
        world.compares(Scan::Changes).await;
        let effects = world.effects(&key).await;
        assert_eq!(effects.0, ["D13"]);
        let held = world.knows(&key).await.unwrap();

        world.jira.set_faults(Faults::default());
        world.jira.settle().await.unwrap();
        world.app.applied().await;
        assert_eq!(world.effects(&key).await, effects);
        let now = world.knows(&key).await.unwrap();
        assert_eq!((now.event_ms, now.changelog_id), (held.event_ms, held.changelog_id));
    }

    async fn a_scan_that_breaks_off_leaves_its_checkpoint_and_is_made_again(database: Database) {
        let world = World::new(database).await;
        let first = world.compares(Scan::Changes).await;
        world.falls_silent().await;
        let key = world.story("Lost");
        world.jira.set_faults(Faults {
            drop_percent: 100,
            fail_next: vec![FailNext {
                path: Some("bulkfetch".to_owned()), status: 503, count: 2, retry_after: Some(0), ..FailNext::default()
            }],
            ..Faults::default()
        });
        let second = world.compares(Scan::Changes).await;
        assert!(second.checkpoint_ms >= first.checkpoint_ms);
        assert!(world.knows(&key).await.is_some());
    }

    async fn deleted_moved_and_hidden_issues_are_found(database: Database) {
        let world = World::new(database).await;
        let mut keys = vec![];
        for name in ["deleted", "moved", "hidden"] {
            keys.push(world.story(name));
        }
        world.jira.settle().await.unwrap();
        world.app.applied().await;
        for key in &keys {
            world.is_covered(key).await;
        }
        world.falls_silent().await;
        let [deleted, moved, hidden] = [&keys[0], &keys[1], &keys[2]];
        world.jira.delete(deleted, accounts::ADMIN).unwrap();
        let new_key = world.jira.move_issue(moved, "OPS", accounts::ADMIN).unwrap();
        world.compares(Scan::Reach).await;
        assert!(world.knows(deleted).await.unwrap().deleted_ms.is_some());
        assert_eq!(world.knows(moved).await.unwrap().snapshot.key, new_key);
        assert!(world.knows(hidden).await.unwrap().deleted_ms.is_none());

        let app = world.jira.read(|state| state.app_account().unwrap().to_owned());
        world.jira.set_permission(&app, "SHOP", "BROWSE_PROJECTS", false).unwrap();
        world.compares(Scan::Reach).await;
        assert!(world.knows(hidden).await.unwrap().deleted_ms.is_none(), "it may come back");
        let page = world.admin_page().await;
        assert!(page.contains("Out of the app's sight: 1 of SHOP"), "{page}");

        world.jira.set_permission(&app, "SHOP", "BROWSE_PROJECTS", true).unwrap();
        world.compares(Scan::Reach).await;
        let page = world.admin_page().await;
        assert!(!page.contains("Out of the app's sight"), "{page}");
    }

    async fn issues_from_before_the_installation_are_read_and_the_page_says_so(database: Database) {
        let world = World::new(database).await;
        let key = "SHOP-7";
        assert!(world.knows(key).await.is_none());
        assert!(world.admin_page().await.contains("not yet"));
        let scan = world.compares(Scan::All).await;
        assert_eq!(scan.total, Some(scan.seen));
        assert_eq!(scan.found, scan.seen);
        let known = world.knows(key).await.unwrap();
        assert_eq!(as_mirrored(&known), as_jira_has_it(&world.jira, key));
        world.compares(Scan::Changes).await;
        assert!(world.admin_page().await.contains("nothing was lost"));

        let again = world.compares(Scan::All).await;
        assert_eq!((again.found, again.seen), (0, scan.seen));
    }

    async fn an_administrator_compares_with_a_click(database: Database) {
        let world = World::new(database).await;
        let url = format!("{}/ui/admin/reconcile", world.app.base);
        let ask = async |account: &str| {
            let token = world.jira.context_jwt(None, account).unwrap();
            let request = world.app.http.post(&url).header("Authorization", format!("JWT {token}"));
            request.send().await.unwrap().status()
        };
        assert_eq!(ask(accounts::DEVELOPER).await, 403);
        assert_eq!(ask(accounts::ADMIN).await, 200);
        eventually("the site is compared", async || {
            finished(&world).await.then_some(())
        }).await;
    }
}

async fn finished(world: &World) -> bool {
    let mut done = true;
    for scan in [Scan::Changes, Scan::Reach] {
        let state = world.scan(scan).await;
        done &= state.is_some_and(|state| state.finished_ms.is_some());
    }
    done
}

both_databases! {
    async fn scans_are_planned_for_new_sites_and_again_when_it_is_time(database: Database) {
        let mut service = TestApp::spawn(database).await;
        let site = Site::new("acme");
        service.install(&site).await;
        let mut config = service.config.clone();
        config.reconcile.minutes = 5;
        // Without workers: what is planned stays where it is.
        service.running.take().unwrap().stop().await.unwrap();
        let app = startup::open(config, Clock::System).await.unwrap();
        let id = sites::find(app.store.read(), &site.client_key).await.unwrap().unwrap().site.id;
        let planned = async || {
            let counts = outbox::counts(app.store.read(), Some(id)).await.unwrap();
            counts.waiting
        };
        let before = planned().await;
        plan_scans(&app).await.unwrap();
        assert_eq!(planned().await, before + 2, "everything, and what changes");
        plan_scans(&app).await.unwrap();
        assert_eq!(planned().await, before + 2);
        let due = async |minutes: i64| {
            let at_ms = app.clock.now_ms() + minutes * 60_000;
            let due = scans::due(app.store.read(), at_ms).await.unwrap();
            due.into_iter().map(|(_, scan)| scan).collect::<Vec<_>>()
        };
        assert_eq!(due(4).await, []);
        assert_eq!(due(7).await, [Scan::Changes]);
        assert_eq!(due(11).await, [Scan::Changes, Scan::All]);
        assert_eq!(due(24 * 60 + 1).await.len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_issues_than_a_page_are_all_read() {
    let world = World::new(Database::sqlite()).await;
    world.falls_silent().await;
    for number in 0..230 {
        world.story(&format!("story {number}"));
    }
    let scan = world.compares(Scan::Changes).await;
    assert!(scan.found >= 230, "{scan:?}");
}
