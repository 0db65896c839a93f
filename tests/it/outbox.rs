//! What we want from Jira gets there: once, in order, within its limits, or parked where a person
//! sees it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use jira_standin::{FailNext, Faults, Standin, accounts};
use touchstone::app::create_api_client::create_api_client;
use touchstone::domain::issue::StatusCategory;
use touchstone::domain::signature::Signature;
use touchstone::domain::work::{Block, DefectDraft, Priority, TransitionTarget, Work};
use touchstone::ids;
use touchstone::jira::permissions::{Asker, Permission};
use touchstone::jira::{Gone, JiraError};
use touchstone::store::defect_claims::{self, ClaimState};
use touchstone::store::links::{self, NewLink, Source};
use touchstone::store::outbox::{self, ClaimedWork, Counts, NewWork, Room};
use touchstone::store::sites::{self, Installation};
use touchstone::store::{SiteId, Store, defects, issues, status_comments};

use crate::both_databases;
use crate::support::{Database, TestApp, eventually};

const T0: i64 = 1_795_132_800_000;

fn comment_on(issue: i64, text: &str) -> Work {
    Work::Comment {
        issue_jira_id: issue,
        body: vec![Block::text(text)],
    }
}

async fn store(database: &Database) -> Store {
    Store::migrate(&database.url).await.unwrap();
    Store::open(&database.url, 4).await.unwrap()
}

async fn site(store: &Store, name: &str) -> SiteId {
    let txn = store.write().await.unwrap();
    let told = Installation {
        client_key: name.into(),
        base_url: format!("https://{name}.atlassian.net"),
        display_url: None,
        oauth_client_id: None,
        app_account_id: None,
        cloud_id: None,
        forge_installation_id: None,
    };
    let id = sites::install(&*txn, &told, T0).await.unwrap();
    txn.commit().await.unwrap();
    id
}

async fn put(store: &Store, site: SiteId, new: &NewWork<'_>) -> Option<uuid::Uuid> {
    let txn = store.write().await.unwrap();
    let id = outbox::put(&*txn, site, new).await.unwrap();
    txn.commit().await.unwrap();
    id
}

async fn claim(store: &Store, now_ms: i64) -> Vec<ClaimedWork> {
    claim_as(store, uuid::Uuid::nil(), (now_ms, 1_000), 10).await
}

async fn claim_as(
    store: &Store,
    owner: uuid::Uuid,
    times: (i64, i64),
    most: i64,
) -> Vec<ClaimedWork> {
    let busy = HashMap::new();
    let room = Room {
        most,
        reserve: 0,
        of_site: (most, 0),
        busy: &busy,
        after: SiteId(0),
    };
    claim_into(store, owner, times, &room).await
}

async fn claim_into(
    store: &Store,
    owner: uuid::Uuid,
    times: (i64, i64),
    room: &Room<'_>,
) -> Vec<ClaimedWork> {
    let waiting = outbox::waiting(store.read(), times.0).await.unwrap();
    outbox::claim(store, owner, times, &waiting, room)
        .await
        .unwrap()
}

fn said(claimed: &[ClaimedWork]) -> Vec<String> {
    let text = |one: &ClaimedWork| match &one.work {
        Work::Comment {
            issue_jira_id,
            body,
        } => format!("{issue_jira_id}: {body:?}"),
        other => other.kind().to_owned(),
    };
    let mut all: Vec<_> = claimed.iter().map(text).collect();
    for one in &mut all {
        *one = one
            .replace(r#"[Paragraph([Text(""#, "")
            .replace(r#"")])]"#, "");
    }
    all
}

both_databases! {
    async fn a_lane_gives_its_work_one_at_a_time_by_priority_and_age(database: Database) {
        let store = store(&database).await;
        let site = site(&store, "one").await;
        for (issue, text, priority) in [
            (1, "a", Priority::Normal),
            (1, "b", Priority::Normal),
            (2, "c", Priority::Background),
            (1, "urgent", Priority::Interactive),
        ] {
            let work = comment_on(issue, text);
            put(&store, site, &NewWork::new(&work, "test", T0).with_priority(priority)).await;
        }
        let first = claim(&store, T0).await;
        assert_eq!(said(&first), ["1: urgent", "2: c"]);
        assert!(claim(&store, T0).await.is_empty(), "both lanes are held");

        let txn = store.write().await.unwrap();
        assert!(outbox::finish(&*txn, &first[0], uuid::Uuid::nil(), T0, None).await.unwrap());
        let later = T0 + 60_000;
        let owner = uuid::Uuid::nil();
        assert!(outbox::retry(&*txn, &first[1], owner, later, true, "busy").await.unwrap());
        txn.commit().await.unwrap();
        let second = claim(&store, T0).await;
        assert_eq!(said(&second), ["1: a"], "a wait holds back its own lane only");

        let third = claim(&store, later).await;
        assert_eq!(said(&third), ["1: a", "2: c"], "a lease that ran out is taken up again");
        let tries: Vec<_> = third.iter().map(|one| (one.attempt, one.may_be_done)).collect();
        assert_eq!(tries, [(2, true), (2, true)]);
    }

    async fn only_the_holder_of_a_lease_ends_work(database: Database) {
        let store = store(&database).await;
        let site = site(&store, "one").await;
        let work = comment_on(1, "a");
        put(&store, site, &NewWork::new(&work, "test", T0)).await;
        let late = claim(&store, T0).await.remove(0);
        let now = ids::next();
        let held = claim_as(&store, now, (T0 + 5_000, 1_000), 10).await.remove(0);
        let txn = store.write().await.unwrap();
        assert!(!outbox::finish(&*txn, &late, uuid::Uuid::nil(), T0, None).await.unwrap());
        assert!(outbox::finish(&*txn, &held, now, T0, None).await.unwrap());
        txn.commit().await.unwrap();
    }

    async fn a_dedupe_key_lets_one_through_for_each_site(database: Database) {
        let store = store(&database).await;
        let (one, two) = (site(&store, "one").await, site(&store, "two").await);
        let work = comment_on(1, "a");
        let new = NewWork::new(&work, "test", T0).once("D2 E7 SHOP-1");
        assert!(put(&store, one, &new).await.is_some());
        assert!(put(&store, one, &new).await.is_none());
        assert!(put(&store, two, &new).await.is_some());
        let fetch = Work::FetchIssue { key: "SHOP-1".into() };
        let new = NewWork::new(&fetch, "test", T0).once("fetch SHOP-1");
        assert!(put(&store, one, &new).await.is_some());
        let held = claim(&store, T0).await;
        let fetched = held.iter().find(|one| one.work == fetch).unwrap();
        let txn = store.write().await.unwrap();
        outbox::finish(&*txn, fetched, uuid::Uuid::nil(), T0, None).await.unwrap();
        txn.commit().await.unwrap();
        assert!(put(&store, one, &new).await.is_some(), "it can be fetched again");
    }

    async fn a_paused_or_removed_site_is_left_alone(database: Database) {
        let store = store(&database).await;
        let (one, two) = (site(&store, "one").await, site(&store, "two").await);
        for site in [one, two] {
            put(&store, site, &NewWork::new(&comment_on(1, "a"), "test", T0)).await;
        }
        let txn = store.write().await.unwrap();
        outbox::pause(&*txn, Some(one), T0 + 10_000, "quota").await.unwrap();
        outbox::pause(&*txn, Some(one), T0 + 5_000, "shorter").await.unwrap();
        sites::uninstall(&*txn, two, T0, T0 + 1).await.unwrap();
        txn.commit().await.unwrap();
        assert!(claim(&store, T0 + 9_999).await.is_empty());
        assert!(outbox::waiting(store.read(), T0 + 9_999).await.unwrap().is_empty());
        let claimed = claim(&store, T0 + 10_000).await;
        assert_eq!(claimed.iter().map(|work| work.site).collect::<Vec<_>>(), [one]);
    }

    async fn sites_take_turns_and_a_click_passes_a_storm(database: Database) {
        let store = store(&database).await;
        let (storm, calm) = (site(&store, "storm").await, site(&store, "calm").await);
        for n in 0..40 {
            put(&store, storm, &NewWork::new(&comment_on(n, "storm"), "test", T0)).await;
        }
        put(&store, calm, &NewWork::new(&comment_on(1, "calm"), "test", T0)).await;
        let nobody = HashMap::new();
        let free = Room { most: 12, reserve: 4, of_site: (6, 2), busy: &nobody, after: SiteId(0) };
        let owner = uuid::Uuid::nil();
        let first = claim_into(&store, owner, (T0, 60_000), &free).await;
        let of = |claimed: &[ClaimedWork], site| {
            claimed.iter().filter(|work| work.site == site).count()
        };
        assert_eq!((of(&first, storm), of(&first, calm)), (4, 1));

        let busy = HashMap::from([(storm, 4)]);
        let room = Room { busy: &busy, after: storm, ..free };
        let none = claim_into(&store, owner, (T0, 60_000), &room).await;
        assert_eq!(said(&none), [""; 0], "the rest of the site's room is kept for clicks");
        let click = comment_on(100, "click");
        let click = NewWork::new(&click, "test", T0).with_priority(Priority::Interactive);
        put(&store, storm, &click).await;
        let clicked = claim_into(&store, owner, (T0, 60_000), &room).await;
        assert_eq!(said(&clicked), ["100: click"]);
    }

    async fn what_waits_to_be_said_gives_way_to_what_is_newer(database: Database) {
        let store = store(&database).await;
        let site = site(&store, "one").await;
        let say = |text: &str| Work::StatusComment {
            issue_jira_id: 1,
            body: vec![Block::text(text)],
        };
        let (once, twice, thrice) = (say("once"), say("twice"), say("thrice"));
        assert!(put(&store, site, &NewWork::new(&once, "test", T0).newest("says:1")).await.is_some());
        assert!(put(&store, site, &NewWork::new(&twice, "test", T0).newest("says:1")).await.is_none());
        let held = claim(&store, T0).await;
        assert_eq!(held.iter().map(|one| &one.work).collect::<Vec<_>>(), [&twice]);
        // From the first try on it may have been said, so what comes then is said again.
        assert!(put(&store, site, &NewWork::new(&thrice, "test", T0).newest("says:1")).await.is_some());
        let txn = store.write().await.unwrap();
        outbox::finish(&*txn, &held[0], uuid::Uuid::nil(), T0, None).await.unwrap();
        txn.commit().await.unwrap();
        let then = claim(&store, T0).await;
        assert_eq!(then.iter().map(|one| &one.work).collect::<Vec<_>>(), [&thrice]);
    }

    async fn racing_claims_never_share_a_lane(database: Database) {
        let store = store(&database).await;
        let site = site(&store, "one").await;
        for n in 0..60 {
            put(&store, site, &NewWork::new(&comment_on(n % 4, "x"), "test", T0)).await;
        }
        let held = Arc::new(Mutex::new(HashSet::new()));
        let workers = (0..4).map(|_| {
            let (store, held) = (store.clone(), Arc::clone(&held));
            tokio::spawn(async move {
                let owner = ids::next();
                let mut order = Vec::new();
                while outbox::counts(store.read(), None).await.unwrap().waiting > 0 {
                    for one in claim_as(&store, owner, (T0, 60_000), 3).await {
                        let lane = one.work.lane();
                        assert!(held.lock().unwrap().insert(lane.clone()), "{lane} is held twice");
                        tokio::task::yield_now().await;
                        held.lock().unwrap().remove(&lane);
                        let txn = store.write().await.unwrap();
                        assert!(outbox::finish(&*txn, &one, owner, T0, None).await.unwrap());
                        txn.commit().await.unwrap();
                        order.push(one.id);
                    }
                }
                order
            })
        });
        let mut done = Vec::new();
        for worker in workers.collect::<Vec<_>>() {
            done.extend(worker.await.unwrap());
        }
        done.sort();
        done.dedup();
        assert_eq!(done.len(), 60);
    }
}

/// A service on a stand-in Jira, and an issue of it.
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
        Self::on(database, jira, &[]).await
    }

    async fn on(database: Database, jira: Standin, options: &[&str]) -> Self {
        let app = TestApp::spawn_on_with(database, &jira, options).await;
        let found = sites::find(app.app().store.read(), &jira.client_key())
            .await
            .unwrap();
        let site = found.unwrap().site.id;
        Self { jira, app, site }
    }

    fn issue_id(&self, key: &str) -> i64 {
        self.jira.issue(key).unwrap().id.try_into().unwrap()
    }

    async fn want(&self, work: &Work) {
        let app = self.app.app();
        put(
            &app.store,
            self.site,
            &NewWork::new(work, "test", app.clock.now_ms()),
        )
        .await;
        app.outbox_filled.notify_one();
    }

    async fn counts(&self) -> Counts {
        outbox::counts(self.app.app().store.read(), Some(self.site))
            .await
            .unwrap()
    }

    async fn done(&self) -> Counts {
        eventually("the outbox is empty", async || {
            Some(self.counts().await).filter(|counts| counts.waiting == 0)
        })
        .await
    }

    fn comments(&self, key: &str) -> Vec<String> {
        let issue = self.jira.issue(key).unwrap();
        issue
            .comments
            .into_iter()
            .map(|comment| comment.text)
            .collect()
    }

    /// When requests to add a comment arrived.
    fn comment_calls(&self) -> Vec<i64> {
        let calls = self.jira.requests().into_iter();
        calls
            .filter(|call| call.method == "POST" && call.target.ends_with("/comment"))
            .map(|call| call.at_ms)
            .collect()
    }
}

async fn api_token(world: &World) -> String {
    let app = world.app.app();
    let (site, now_ms) = (world.site, app.clock.now_ms());
    let made = create_api_client(&app.store, site, "tests", vec![], None, now_ms).await;
    made.unwrap().1
}

const NOTHING_LEFT: Counts = Counts {
    waiting: 0,
    parked: 0,
};

fn once(path: &str, status: u16) -> FailNext {
    FailNext {
        method: Some("POST".into()),
        path: Some(path.into()),
        status,
        ..FailNext::default()
    }
}

both_databases! {
    async fn comments_on_an_issue_arrive_in_order_and_within_the_limits(database: Database) {
        let world = World::new(database).await;
        let key = "SHOP-9";
        let before = world.comments(key);
        let wanted: Vec<_> = (0..25).map(|n| format!("comment {n}")).collect();
        for text in &wanted {
            world.want(&comment_on(world.issue_id(key), text)).await;
        }
        assert_eq!(world.done().await, NOTHING_LEFT);
        assert_eq!(world.comments(key)[before.len()..], wanted);
        assert!(world.jira.requests().iter().all(|call| call.by_app && !call.over_limit));
    }

    async fn a_comment_whose_answer_was_lost_is_not_said_twice(database: Database) {
        let world = World::new(database).await;
        let lost = FailNext { carried_out: true, ..once("/comment", 502) };
        world.jira.set_faults(Faults { fail_next: vec![lost], ..Faults::default() });
        world.want(&comment_on(world.issue_id("SHOP-9"), "said once")).await;
        assert_eq!(world.done().await, NOTHING_LEFT);
        let said = world.comments("SHOP-9");
        assert_eq!(said.iter().filter(|text| text.contains("said once")).count(), 1);
        assert_eq!(world.comment_calls().len(), 1, "it looked and did not repeat");
    }

    async fn a_comment_that_was_not_added_is_tried_again(database: Database) {
        let world = World::new(database).await;
        world.jira.set_faults(Faults { fail_next: vec![once("/comment", 502)], ..Faults::default() });
        world.want(&comment_on(world.issue_id("SHOP-9"), "said at last")).await;
        assert_eq!(world.done().await, NOTHING_LEFT);
        let said = world.comments("SHOP-9");
        assert_eq!(said.iter().filter(|text| text.contains("said at last")).count(), 1);
    }

    async fn the_status_comment_of_an_issue_is_one_and_brought_up_to_date(database: Database) {
        let world = World::new(database).await;
        let (key, before) = ("SHOP-9", world.comments("SHOP-9"));
        let say = async |text: &str| {
            let issue_jira_id = world.issue_id(key);
            world.want(&Work::StatusComment { issue_jira_id, body: vec![Block::text(text)] }).await;
            assert_eq!(world.done().await, NOTHING_LEFT);
            world.comments(key)[before.len()..].to_vec()
        };
        let lost = FailNext { carried_out: true, ..once("/comment", 502) };
        world.jira.set_faults(Faults { fail_next: vec![lost], ..Faults::default() });
        assert_eq!(say("failed once").await, ["failed once"], "the answer was lost, not the comment");
        assert_eq!(say("failed twice").await, ["failed twice"]);

        // As after somebody deleted it: there is no comment of that id.
        let store = &world.app.app().store;
        let txn = store.write().await.unwrap();
        status_comments::keep(&*txn, world.site, world.issue_id(key), 1).await.unwrap();
        txn.commit().await.unwrap();
        assert_eq!(say("failed thrice").await, ["failed twice", "failed thrice"]);
        assert_eq!(say("and again").await, ["failed twice", "and again"]);
        assert_eq!(world.comment_calls().len(), 2);
    }

    async fn a_limit_is_waited_for_and_not_a_moment_less(database: Database) {
        let world = World::new(database).await;
        let busy = FailNext {
            retry_after: Some(2),
            reason: Some("jira-quota-tenant-based".into()),
            ..once("/comment", 429)
        };
        world.jira.set_faults(Faults { fail_next: vec![busy], ..Faults::default() });
        world.want(&comment_on(world.issue_id("SHOP-9"), "patience")).await;
        assert_eq!(world.done().await, NOTHING_LEFT);
        let calls = world.comment_calls();
        assert_eq!(calls.len(), 2);
        assert!(calls[1] - calls[0] >= 2_000, "{calls:?}");
    }

    async fn what_one_limit_stops_holds_up_nothing_else(database: Database) {
        let world = World::new(database).await;
        let busy = |path: &str, reason: &str| FailNext {
            retry_after: Some(3),
            reason: Some(reason.into()),
            ..once(path, 429)
        };
        let (one, other) = (world.issue_id("SHOP-9"), world.issue_id("SHOP-8"));
        // A call of a kind: comments wait, another kind of call to the same issue does not.
        world.jira.set_faults(Faults {
            fail_next: vec![busy("/comment", "jira-burst-based")],
            ..Faults::default()
        });
        world.want(&comment_on(one, "burst")).await;
        eventually("the limit was met", async || (world.comment_calls().len() == 1).then_some(())).await;
        world.want(&comment_on(other, "of the same kind")).await;
        let link = Work::LinkIssues {
            type_name: "Relates".into(),
            inward_jira_id: one,
            outward_jira_id: other,
        };
        let linked = || world.jira.issue("SHOP-8").unwrap().links.len();
        let links = linked();
        let app = world.app.app();
        put(&app.store, world.site, &NewWork { lane: "apart".into(), ..NewWork::new(&link, "test", T0) }).await;
        app.outbox_filled.notify_one();
        eventually("another call is made", async || (linked() > links).then_some(())).await;
        assert_eq!(world.comment_calls().len(), 1, "comments wait everywhere");
        assert_eq!(world.done().await, NOTHING_LEFT);
        let calls = world.comment_calls();
        assert!(calls[1] - calls[0] >= 3_000, "{calls:?}");

        // An issue: writes to others go on.
        world.jira.set_faults(Faults {
            fail_next: vec![busy("/comment", "jira-per-issue-on-write")],
            ..Faults::default()
        });
        world.want(&comment_on(one, "too often")).await;
        eventually("the limit was met", async || (world.comment_calls().len() == 4).then_some(()))
            .await;
        world.want(&comment_on(other, "unaffected")).await;
        let said = |key: &str, text: &str| world.comments(key).iter().any(|said| said == text);
        eventually("the other is told", async || said("SHOP-8", "unaffected").then_some(())).await;
        assert!(!said("SHOP-9", "too often"));
        assert_eq!(world.done().await, NOTHING_LEFT);
        assert!(said("SHOP-9", "too often"));
    }

    async fn points_are_left_for_those_who_wait(database: Database) {
        let options = jira_standin::Options { points_per_hour: 50, ..jira_standin::Options::default() };
        let jira = Standin::start(options).await.unwrap();
        let world = World::on(database, jira, &["--jira-points-per-hour", "50"]).await;
        for n in 0..60 {
            let work = comment_on(world.issue_id("SHOP-9"), &format!("comment {n}"));
            world.want(&work).await;
        }
        // Comments go out until a tenth is left, and then wait for the next hour.
        let held = eventually("the rest waits", async || {
            let spent = world.jira.read(jira_standin::State::points_spent);
            (spent >= 45).then_some(spent)
        })
        .await;
        assert!(held < 50, "{held} of 50 are spent");
        let click = comment_on(world.issue_id("SHOP-8"), "a click");
        let app = world.app.app();
        let new = NewWork::new(&click, "test", app.clock.now_ms());
        put(&app.store, world.site, &new.with_priority(Priority::Interactive)).await;
        app.outbox_filled.notify_one();
        eventually("the click passes", async || {
            world.comments("SHOP-8").contains(&"a click".to_owned()).then_some(())
        })
        .await;
        assert_eq!(world.jira.read(jira_standin::State::limit_violations), 0);
        assert!(world.counts().await.waiting > 0);
    }

    async fn where_no_single_transition_leads_a_way_that_was_written_down_is_walked(
        database: Database
    ) {
        let world = World::new(database).await;
        let create = || {
            let fields = serde_json::json!({});
            let made = world.jira.create_issue(accounts::DEVELOPER, "SHOP", "Bug", "It breaks", &fields);
            let made = made.unwrap();
            world.jira.resolve(&made.key, "Done", accounts::DEVELOPER).unwrap();
            made
        };
        let to_review = |id: u64| Work::Transition {
            issue_jira_id: id.try_into().unwrap(),
            target: TransitionTarget::Statuses(vec!["10011".into()]),
            otherwise: vec![Block::text("it belongs into review")],
        };
        let stuck = create();
        world.want(&to_review(stuck.id)).await;
        assert_eq!(world.done().await, Counts { waiting: 0, parked: 1 });
        assert_eq!(world.comments(&stuck.key), ["it belongs into review"]);

        let token = api_token(&world).await;
        let url = format!("{}/api/v1/projects/SHOP/transition-paths", world.app.base);
        let put_paths = async |paths: serde_json::Value| {
            let sending = world.app.http.put(&url).bearer_auth(&token);
            sending.json(&serde_json::json!({ "paths": paths })).send().await.unwrap()
        };
        let refused = put_paths(serde_json::json!([["10012", "Done"]])).await;
        assert_eq!(refused.status(), 422);
        let kept = put_paths(serde_json::json!([["10012", "10010", "3", "10011"]])).await;
        assert_eq!(kept.status(), 200);

        let walked = create();
        world.want(&to_review(walked.id)).await;
        assert_eq!(world.done().await.waiting, 0);
        let issue = world.jira.issue(&walked.key).unwrap();
        assert_eq!((issue.status.as_str(), issue.comments.len()), ("In Review", 0));
        // A person may see to the other now.
        let txn = world.app.app().store.write().await.unwrap();
        outbox::replay(&*txn, world.site, None, T0).await.unwrap();
        txn.commit().await.unwrap();
        world.app.app().outbox_filled.notify_one();
        assert_eq!(world.done().await, NOTHING_LEFT);
        assert_eq!(world.jira.issue(&stuck.key).unwrap().status, "In Review");
    }

    async fn an_issue_is_moved_by_the_transition_its_workflow_offers(database: Database) {
        let world = World::new(database).await;
        let made = world
            .jira
            .create_issue(accounts::DEVELOPER, "SHOP", "Bug", "It breaks", &serde_json::json!({}))
            .unwrap();
        world.jira.resolve(&made.key, "Done", accounts::DEVELOPER).unwrap();
        let reopen = Work::Transition {
            issue_jira_id: made.id.try_into().unwrap(),
            target: TransitionTarget::Categories(vec![
                StatusCategory::Indeterminate,
                StatusCategory::New,
            ]),
            otherwise: vec![Block::text("it should be reopened")],
        };
        world.want(&reopen).await;
        assert_eq!(world.done().await, NOTHING_LEFT);
        let issue = world.jira.issue(&made.key).unwrap();
        assert_eq!((issue.status_category.as_str(), issue.comments.len()), ("new", 0));

        let moves = |world: &World| {
            let calls = world.jira.requests().into_iter();
            calls.filter(|call| call.method == "POST" && call.target.ends_with("/transitions")).count()
        };
        let before = moves(&world);
        world.want(&reopen).await;
        assert_eq!(world.done().await, NOTHING_LEFT);
        assert_eq!(moves(&world), before, "it is where it should be");
    }

    async fn where_no_transition_leads_the_issue_hears_of_it_once_and_a_person_sees_it(database: Database) {
        let world = World::new(database).await;
        let work = Work::Transition {
            issue_jira_id: world.issue_id("SHOP-9"),
            target: TransitionTarget::Statuses(vec!["99999".into()]),
            otherwise: vec![Block::text("please reopen by hand")],
        };
        world.want(&work).await;
        assert_eq!(world.done().await, Counts { waiting: 0, parked: 1 });
        let app = world.app.app();
        let parked = outbox::parked(app.store.read(), world.site, 10).await.unwrap();
        assert_eq!(parked[0].kind, "transition");
        assert!(parked[0].note.as_ref().unwrap().contains("no transition"), "{parked:?}");

        let txn = app.store.write().await.unwrap();
        let replayed = outbox::replay(&*txn, world.site, Some(parked[0].id), app.clock.now_ms());
        assert_eq!(replayed.await.unwrap(), 1);
        txn.commit().await.unwrap();
        app.outbox_filled.notify_one();
        assert_eq!(world.done().await, Counts { waiting: 0, parked: 1 });
        let said = world.comments("SHOP-9");
        assert_eq!(said.iter().filter(|text| text.contains("by hand")).count(), 1);
    }

    async fn issues_are_linked_and_a_repeat_changes_nothing(database: Database) {
        let world = World::new(database).await;
        let work = Work::LinkIssues {
            type_name: "Relates".into(),
            inward_jira_id: world.issue_id("SHOP-9"),
            outward_jira_id: world.issue_id("SHOP-10"),
        };
        let lost = FailNext { carried_out: true, ..once("/issueLink", 504) };
        world.jira.set_faults(Faults { fail_next: vec![lost], ..Faults::default() });
        world.want(&work).await;
        assert_eq!(world.done().await, NOTHING_LEFT);
        let links = world.jira.issue("SHOP-10").unwrap().links;
        assert_eq!(links.iter().filter(|link| link.key == "SHOP-9").count(), 1);
    }

    async fn a_key_that_only_a_report_knows_becomes_an_issue(database: Database) {
        let world = World::new(database).await;
        let app = world.app.app();
        let keys = ["SHOP-9".to_owned(), "SHOP-4711".to_owned()];
        let txn = app.store.write().await.unwrap();
        let made = issues::insert_placeholders(&*txn, world.site, &keys, app.clock.now_ms());
        let made = made.await.unwrap();
        txn.commit().await.unwrap();
        for key in keys {
            world.want(&Work::FetchIssue { key }).await;
        }
        assert_eq!(world.done().await, NOTHING_LEFT, "an unknown key is no failure");
        let found = issues::by_key(app.store.read(), world.site, "SHOP-9").await.unwrap().unwrap();
        assert_eq!(found.id, made["SHOP-9"]);
        let shown = world.jira.issue("SHOP-9").unwrap();
        assert_eq!(found.snapshot.summary, shown.summary);
        assert_eq!(found.snapshot.status.name, shown.status);
        assert_eq!(found.snapshot.issue_type.name, shown.kind);
    }

    async fn a_key_from_before_a_move_leads_to_the_issue_with_its_links(database: Database) {
        let world = World::new(database).await;
        let app = world.app.app();
        let now = app.clock.now_ms();
        world.jira.set_faults(Faults { drop_percent: 100, ..Faults::default() });
        let new_key = world.jira.move_issue("SHOP-9", "OPS", accounts::ADMIN).unwrap();
        let txn = app.store.write().await.unwrap();
        let keys = ["SHOP-9".to_owned()];
        let made = issues::insert_placeholders(&*txn, world.site, &keys, now);
        let placeholder = made.await.unwrap()["SHOP-9"];
        let tests = [ids::next(), ids::next()];
        let new = tests.map(|test| NewLink { issue: placeholder, test, source: Source::Stated });
        links::insert_all(&*txn, world.site, &new, now).await.unwrap();
        txn.commit().await.unwrap();
        world.want(&Work::FetchIssue { key: "SHOP-9".into() }).await;
        assert_eq!(world.done().await, NOTHING_LEFT);
        for key in ["SHOP-9", &new_key] {
            let found = issues::by_key(app.store.read(), world.site, key).await.unwrap().unwrap();
            assert_eq!(found.snapshot.key, new_key);
            let linked = defects::covered_by(app.store.read(), world.site, &[tests[1]]).await.unwrap();
            assert_eq!(linked.iter().map(|issue| issue.id).collect::<Vec<_>>(), [found.id]);
        }
    }

    async fn what_is_said_on_a_deleted_issue_is_dropped(database: Database) {
        let world = World::new(database).await;
        let issue = world.issue_id("SHOP-9");
        world.jira.delete("SHOP-9", accounts::ADMIN).unwrap();
        world.want(&comment_on(issue, "too late")).await;
        assert_eq!(world.done().await, NOTHING_LEFT);
    }

    async fn a_missing_permission_parks_with_its_reason(database: Database) {
        let world = World::new(database).await;
        world.want(&comment_on(world.issue_id("SHOP-9"), "allowed")).await;
        world.done().await;
        let account = world.jira.requests().pop().unwrap().account.unwrap();
        world.jira.set_permission(&account, "SHOP", "ADD_COMMENTS", false).unwrap();
        world.want(&comment_on(world.issue_id("SHOP-9"), "not allowed")).await;
        assert_eq!(world.done().await, Counts { waiting: 0, parked: 1 });
        let app = world.app.app();
        let parked = outbox::parked(app.store.read(), world.site, 10).await.unwrap();
        assert!(parked[0].note.as_ref().unwrap().contains("permission"), "{parked:?}");
    }

    async fn a_creation_without_an_answer_is_looked_for_before_it_is_repeated(database: Database) {
        let world = World::new(database).await;
        let app = world.app.app();
        let site = app.sites.by_id(world.site).await.unwrap().unwrap();
        for was_made in [true, false] {
            let (test, signature) = (ids::next(), Signature::from_bytes(&[7; 16]).unwrap());
            let draft = draft(&world).await;
            if was_made {
                app.jira.for_site(&site).create_defect(&draft).await.unwrap();
            }
            let now = app.clock.now_ms();
            let txn = app.store.write().await.unwrap();
            let by = Some("5b-person");
            let claim = defect_claims::reserve(
                &*txn, world.site, (test, signature), draft.marker, None, by, now,
            );
            claim.await.unwrap().unwrap();
            txn.commit().await.unwrap();
            let work = Work::CreateDefect { test_id: test, draft: Box::new(draft.clone()) };
            let new = NewWork { created_ms: now - 120_000, ..NewWork::new(&work, "test", now) };
            put(&app.store, world.site, &new).await;
            app.outbox_filled.notify_one();
            assert_eq!(world.done().await, NOTHING_LEFT);

            let marker = serde_json::json!({ "marker": draft.marker });
            let made: Vec<_> = world
                .jira
                .read(|state| state.issues_of("SHOP"))
                .into_iter()
                .filter(|issue| issue.properties.get("touchstone.defect") == Some(&marker))
                .collect();
            assert_eq!(made.len(), 1, "was made: {was_made}");
            assert_eq!(made[0].summary, "Total is wrong");
            assert_eq!(made[0].labels, ["found-by-test"]);
            let claim = defect_claims::claim(app.store.read(), world.site, test, signature);
            let created = ClaimState::Created { issue_key: made[0].key.clone() };
            assert_eq!(claim.await.unwrap().unwrap().state, created);
            let mirrored = issues::by_key(app.store.read(), world.site, &made[0].key).await.unwrap();
            let linked = defects::touched_by(app.store.read(), world.site, &[test]).await.unwrap();
            assert!(linked.iter().any(|(issue, _)| *issue == mirrored.as_ref().unwrap().id));
        }
    }

    async fn a_creation_that_jira_refuses_frees_its_claim(database: Database) {
        let world = World::new(database).await;
        let app = world.app.app();
        let (test, signature) = (ids::next(), Signature::from_bytes(&[7; 16]).unwrap());
        let draft = DefectDraft { issue_type_id: "99999".into(), ..draft(&world).await };
        let now = app.clock.now_ms();
        let txn = app.store.write().await.unwrap();
        let claim =
            defect_claims::reserve(&*txn, world.site, (test, signature), draft.marker, None, None, now);
        claim.await.unwrap().unwrap();
        txn.commit().await.unwrap();
        let work = Work::CreateDefect { test_id: test, draft: Box::new(draft) };
        let new = NewWork { created_ms: now - 120_000, ..NewWork::new(&work, "test", now) };
        put(&app.store, world.site, &new).await;
        assert_eq!(world.done().await, Counts { waiting: 0, parked: 1 });
        let claim = defect_claims::claim(app.store.read(), world.site, test, signature).await.unwrap();
        let ClaimState::Failed { why } = claim.unwrap().state else { panic!("not failed") };
        assert!(why.contains("issuetype"), "{why}");
    }

    async fn a_site_tells_what_it_is_made_of_and_who_may_what(database: Database) {
        let world = World::new(database).await;
        let app = world.app.app();
        let site = app.sites.by_id(world.site).await.unwrap().unwrap();
        let jira = app.jira.for_site(&site);
        let project = jira.project("SHOP").await.unwrap();
        assert_eq!(project.key, "SHOP");
        let types = jira.issue_types("SHOP").await.unwrap();
        let bug = types.iter().find(|kind| kind.name == "Bug").unwrap();
        let fields = jira.create_fields("SHOP", &bug.id).await.unwrap();
        let summary = fields.iter().find(|field| field.field_id == "summary").unwrap();
        assert!(summary.is_required && !bug.is_subtask);
        assert!(!jira.myself().await.unwrap().account_id.is_empty());
        let nobody = jira.project("NOPE").await.unwrap_err();
        assert!(matches!(nobody, JiraError::Gone(Gone::NotFound)), "{nobody}");

        let issue = world.issue_id("SHOP-9");
        let may = async |account: &str, what| {
            app.jira.may(&site, &Asker::of(account), what).await.unwrap()
        };
        assert!(may(accounts::ADMIN, Permission::Administer).await);
        assert!(!may(accounts::DEVELOPER, Permission::Administer).await);
        assert!(may(accounts::DEVELOPER, Permission::BrowseIssue(issue)).await);
        assert!(may(accounts::DEVELOPER, Permission::EditIssue(issue)).await);
        assert!(!may(accounts::OUTSIDER, Permission::BrowseIssue(issue)).await);
        let create = Permission::CreateIssues { project: project.id };
        assert!(may(accounts::DEVELOPER, create).await && !may(accounts::OUTSIDER, create).await);
        let asked = world.jira.requests().len();
        assert!(may(accounts::DEVELOPER, create).await);
        assert_eq!(world.jira.requests().len(), asked, "the answer is remembered");
    }
}

async fn draft(world: &World) -> DefectDraft {
    let app = world.app.app();
    let site = app.sites.by_id(world.site).await.unwrap().unwrap();
    let types = app.jira.for_site(&site).issue_types("SHOP").await.unwrap();
    DefectDraft {
        project_key: "SHOP".into(),
        issue_type_id: types
            .into_iter()
            .find(|kind| kind.name == "Bug")
            .unwrap()
            .id,
        summary: "Total\nis wrong".into(),
        description: vec![
            Block::text("Expected 1."),
            Block::Code("at cart.rs:88".into()),
        ],
        labels: vec!["found by test".into()],
        marker: ids::next(),
        creator: None,
        fields: std::collections::BTreeMap::new(),
        wishes: touchstone::domain::work::Wishes::default(),
    }
}
