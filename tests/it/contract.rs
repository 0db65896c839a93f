//! Every kind of call the app makes, held against Jira's own description: one story told through
//! Prism, a checking proxy that stands between the app and the stand-in Jira.
//!
//! `tests/contract.sh` starts the proxy, says where it is (`PRISM_URL`) and where it forwards to
//! (`PRISM_UPSTREAM`, a free port for the stand-in), and reads in the proxy's log afterwards whether
//! a request or an answer broke the description. Without the proxy nothing is done here. SQLite is
//! enough: what is asked of Jira does not depend on the database.

use std::collections::BTreeSet;

use jira_standin::{FailNext, Faults, IssueRef, Options, Request, Standin, accounts};
use sea_orm::ConnectionTrait;
use touchstone::app::create_defect::Outcome;
use touchstone::app::link_defect::{DefectLinkError, link_defect};
use touchstone::domain::rule::FieldChange;
use touchstone::jira::permissions::{Asker, Permission};

use crate::defects::World;
use crate::support::{Database, TestApp, eventually};

/// A story of the sample project, which the app hears of from a result before any event.
const STORY: &str = "SHOP-7";
const FAILURE: &str = "expected 402, got 500";

/// All that the app asks of Jira, by the paths of Jira's description.
const CALLS: [&str; 23] = [
    "GET /rest/api/3/issue/{id}",
    "GET /rest/api/3/issue/{id}/changelog",
    "GET /rest/api/3/issue/{id}/comment",
    "GET /rest/api/3/issue/{id}/transitions",
    "GET /rest/api/3/issue/createmeta/{id}/issuetypes",
    "GET /rest/api/3/issue/createmeta/{id}/issuetypes/{id}",
    "GET /rest/api/3/myself",
    "GET /rest/api/3/project/{id}",
    "GET /rest/api/3/serverInfo",
    "GET /rest/api/3/status",
    "POST /rest/api/3/comment/list",
    "POST /rest/api/3/issue",
    "POST /rest/api/3/issue/bulkfetch",
    "POST /rest/api/3/issue/{id}/comment",
    "POST /rest/api/3/issue/{id}/transitions",
    "POST /rest/api/3/issueLink",
    "POST /rest/api/3/permissions/check",
    "POST /rest/api/3/search/approximate-count",
    "POST /rest/api/3/search/jql",
    "PUT /rest/api/3/issue/{id}",
    "PUT /rest/api/3/issue/{id}/comment/{id}",
    "PUT /rest/api/3/issue/{id}/properties/com.atlassian.jira.issue%3Aio.touchstone.jira%3Aissue-test-status%3Astatus",
    "PUT /rest/api/3/issue/{id}/properties/touchstone.coverage",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_app_asks_fits_the_description_of_jira() {
    let told = |name| std::env::var(name).ok();
    let (Some(prism), Some(port)) = (told("PRISM_URL"), told("PRISM_UPSTREAM")) else {
        println!(
            "skipped: PRISM_URL and PRISM_UPSTREAM name no proxy; tests/contract.sh starts one"
        );
        return;
    };
    let options = Options {
        listen: format!("127.0.0.1:{port}"),
        base_url: Some(prism),
        ..Options::default()
    };
    let jira = Standin::start(options).await.unwrap();
    let app = TestApp::spawn_on(Database::sqlite(), &jira).await;
    let story = IssueRef {
        id: jira.issue(STORY).unwrap().id,
        key: STORY.to_owned(),
    };

    let world = World::covering(jira, app, story).await;
    assert_eq!(world.coverage().await["status"], "NOK");
    asks_who_it_is_and_who_may_what(&world).await;
    hears_of_no_issue(&world).await;
    let defect = finds_the_defect_of_a_lost_answer(&world).await;
    finds_the_comment_of_a_lost_answer(&world, &defect).await;
    reopens(&world, &defect).await;
    verifies(&world, &defect).await;
    shows_the_status_in_jira(&world).await;
    reads_what_it_may_have_missed(&world).await;
    edits(&world).await;

    let requests = world.jira.requests();
    let asked: BTreeSet<_> = requests.iter().map(described).collect();
    assert_eq!(asked, BTreeSet::from(CALLS.map(str::to_owned)));
    for request in &requests {
        assert!(request.by_app && !request.over_limit, "{request:?}");
        assert!(
            matches!(request.status, 200..=299 | 404 | 503),
            "{request:?}"
        );
    }
}

async fn asks_who_it_is_and_who_may_what(world: &World) {
    let issue = world.jira.issue(STORY).unwrap().id.try_into().unwrap();
    let jira = &world.app.app().jira;
    let me = jira.for_site(&world.site).myself().await.unwrap();
    let known = world
        .jira
        .read(|state| state.app_account().map(str::to_owned));
    assert_eq!(Some(me.account_id), known);
    let may = async |account, what| {
        jira.may(&world.site, &Asker::of(account), what)
            .await
            .unwrap()
    };
    assert!(may(accounts::ADMIN, Permission::Administer).await);
    assert!(may(accounts::ONLOOKER, Permission::BrowseIssue(issue)).await);
    assert!(!may(accounts::ONLOOKER, Permission::EditIssue(issue)).await);
    let (site, onlooker) = (&world.site, Asker::of(accounts::ONLOOKER));
    assert!(jira.sees_project(site, &onlooker, "SHOP").await.unwrap());
    let seen = jira
        .visible_issues(site, &onlooker, &[issue, 999_999])
        .await;
    assert_eq!(seen.unwrap(), [issue].into());
}

async fn hears_of_no_issue(world: &World) {
    let app = world.app.app();
    let linked = link_defect(
        app,
        &world.site,
        world.test,
        "SHOP-4711",
        &Asker::of(accounts::DEVELOPER),
    )
    .await;
    assert!(
        matches!(linked, Err(DefectLinkError::UnknownIssue(_))),
        "{linked:?}"
    );
}

/// A creation that Jira carries out and does not answer; the outbox finds it. The defect's key.
async fn finds_the_defect_of_a_lost_answer(world: &World) -> String {
    lose_an_answer(world, "/rest/api/3/issue");
    assert_eq!(world.press().await.unwrap(), Outcome::BeingChecked);
    let app = world.app.app();
    let txn = app.store.write().await.unwrap();
    // The search is asked only once its index had time to learn of the issue.
    let made_longer_ago = "UPDATE outbox SET created_ms = created_ms - 120000, \
                           ready_ms = ready_ms - 120000 WHERE kind = 'create_defect'";
    txn.execute_unprepared(made_longer_ago).await.unwrap();
    txn.commit().await.unwrap();
    app.outbox_filled.notify_one();
    world.heard().await;

    let made = world.made();
    assert_eq!(made.len(), 1, "{made:?}");
    let links = world.jira.issue(&made[0]).unwrap().links;
    assert!(links.iter().any(|link| link.key == STORY), "{links:?}");
    made[0].clone()
}

/// D2: the test still fails. The answer to its comment is lost, and it is not said twice.
async fn finds_the_comment_of_a_lost_answer(world: &World, defect: &str) {
    lose_an_answer(world, "/comment");
    world.report(Some("expected 402, got 503")).await;
    world.heard().await;
    let said = world.comments(defect);
    assert!(
        said.len() == 1 && said[0].contains("still fails"),
        "{said:?}"
    );
}

/// D3: the test fails after the fix.
async fn reopens(world: &World, defect: &str) {
    resolve(world, defect).await;
    world.report(Some(FAILURE)).await;
    world.heard().await;
    assert_eq!(world.jira.issue(defect).unwrap().status_category, "new");
}

/// D6: the test passes after the fix.
async fn verifies(world: &World, defect: &str) {
    resolve(world, defect).await;
    world.report(None).await;
    world.heard().await;
    let said = world.comments(defect);
    assert!(said.last().unwrap().contains("Verified"), "{said:?}");
    assert_eq!(world.coverage().await["status"], "OK");
}

/// The property that JQL finds, and the lozenge, which is sent after it.
async fn shows_the_status_in_jira(world: &World) {
    const LOZENGE: &str = "com.atlassian.jira.issue:io.touchstone.jira:issue-test-status:status";
    eventually("the status stands in Jira", async || {
        let shown = world.jira.issue(STORY).unwrap().properties;
        let status = &shown.get("touchstone.coverage")?["status"];
        (*status == "OK" && shown[LOZENGE]["value"]["type"] == "success").then_some(())
    })
    .await;
}

/// What a reconciliation asks.
async fn reads_what_it_may_have_missed(world: &World) {
    let jira = world.app.app().jira.for_site(&world.site);
    let issue = world.jira.issue(STORY).unwrap().id.try_into().unwrap();
    assert!(!jira.changed_page(10, None).await.unwrap().issues.is_empty());
    assert!(!jira.any_page(None).await.unwrap().issues.is_empty());
    assert!(jira.count_any().await.unwrap() > 0);
    assert_eq!(jira.read_issues(&[issue]).await.unwrap().len(), 1);
    assert_eq!(jira.look_at_issues(&[issue]).await.unwrap().len(), 1);
    jira.newest_changes(issue, 1).await.unwrap();
    assert!(!jira.status_categories().await.unwrap().is_empty());
    assert!(jira.address_for_people().await.unwrap().starts_with("http"));
}

/// What rules of one's own do to fields.
async fn edits(world: &World) {
    let issue = world.jira.issue(STORY).unwrap().id.try_into().unwrap();
    let jira = world.app.app().jira.for_site(&world.site);
    let change = FieldChange {
        add_labels: vec!["retest".to_owned()],
        ..FieldChange::default()
    };
    jira.edit_issue(issue, &change).await.unwrap();
}

async fn resolve(world: &World, defect: &str) {
    let resolved = world.jira.resolve(defect, "Done", accounts::DEVELOPER);
    resolved.unwrap();
    world.heard().await;
}

/// Jira carries out the next POST below `path` and answers that it is not available, which its
/// description knows.
fn lose_an_answer(world: &World, path: &str) {
    let lost = FailNext {
        method: Some("POST".into()),
        path: Some(path.into()),
        status: 503,
        carried_out: true,
        ..FailNext::default()
    };
    world.jira.set_faults(Faults {
        fail_next: vec![lost],
        ..Faults::default()
    });
}

/// A request by its path in the description: what names one thing is `{id}`.
fn described(request: &Request) -> String {
    let path = request.target.split('?').next().unwrap_or_default();
    let names_one = |segment: &str| {
        let is_id = segment.len() > 1 && segment.bytes().all(|byte| byte.is_ascii_digit());
        is_id || segment.starts_with("SHOP")
    };
    let segments = path
        .split('/')
        .map(|segment| if names_one(segment) { "{id}" } else { segment });
    format!(
        "{} {}",
        request.method,
        segments.collect::<Vec<_>>().join("/")
    )
}
