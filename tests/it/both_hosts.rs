//! What holds on a site whoever hosts the app there, and what a move from Connect to Forge keeps.

use jira_standin::{ForgeOptions, Options, Standin, accounts};
use serde_json::{Value, json};
use touchstone::app::create_defect::Outcome;
use touchstone::store::sites;

use crate::both_databases;
use crate::defects::World;
use crate::support::TestApp;

async fn jira_with_story(options: Options) -> (Standin, jira_standin::IssueRef) {
    let jira = Standin::start(options).await.unwrap();
    let (who, what) = (accounts::DEVELOPER, "Pay by card");
    let story = jira.create_issue(who, "SHOP", "Story", what, &json!({}));
    (jira, story.unwrap())
}

async fn make_defect(world: &World) -> String {
    let made = world.press().await.unwrap();
    let Outcome::Created { key } = made else {
        panic!("{made:?}")
    };
    world.heard().await;
    key
}

/// Somebody resolves the defect, and the test is to be repeated; it fails again, and the defect is
/// open again; it passes, and that is said.
async fn walk(world: &World, defect: &str) {
    world
        .jira
        .resolve(defect, "Done", accounts::DEVELOPER)
        .unwrap();
    world.heard().await;
    let test = &world.coverage().await["tests"][0];
    assert_eq!(test["marks"][0]["mark"], "retest needed", "{test}");
    world.report(Some("expected 402, got 500")).await;
    world.heard().await;
    assert_eq!(world.jira.issue(defect).unwrap().status_category, "new");
    world
        .jira
        .resolve(defect, "Done", accounts::DEVELOPER)
        .unwrap();
    world.heard().await;
    world.report(None).await;
    world.heard().await;
    assert_eq!(world.coverage().await["status"], "OK");
    let said = world.comments(defect);
    assert!(said.last().unwrap().contains("Verified"), "{said:?}");
}

/// The coverage without the moment it was asked for.
async fn lasting_coverage(world: &World) -> Value {
    let mut coverage = world.coverage().await;
    coverage["reason"]["computedMs"].take();
    coverage
}

both_databases! {
    async fn a_defect_walks_its_way_on_a_forge_site(database: Database) {
        let (jira, story) = jira_with_story(Options::default()).await;
        let app = TestApp::spawn_on_forge(database, &jira).await;
        let world = World::covering(jira, app, story).await;
        let defect = make_defect(&world).await;
        walk(&world, &defect).await;
        let asked = world.jira.requests();
        assert!(asked.len() > 5 && asked.iter().all(|it| it.by_forge), "{asked:#?}");
        let over_limit = world.jira.read(jira_standin::State::limit_violations);
        assert_eq!(over_limit, 0);
    }

    async fn a_site_moves_from_connect_to_forge_with_all_it_has(database: Database) {
        let forge = ForgeOptions {
            connect_key: Some("io.touchstone.jira".to_owned()),
            ..ForgeOptions::default()
        };
        let (jira, story) = jira_with_story(Options { forge, ..Options::default() }).await;
        let app = TestApp::spawn_for_forge(database, &jira).await;
        jira.install(&app.base).await.unwrap();
        let mut world = World::covering(jira, app, story).await;
        let defect = make_defect(&world).await;
        let (coverage, audit) = (lasting_coverage(&world).await, world.audit(&defect).await);
        assert!(!audit.is_empty());
        let (told, asked) = (world.jira.deliveries().len(), world.jira.requests().len());

        world.jira.install_forge(&world.app.base).await.unwrap();
        world.heard().await;
        let of = world.app.app();
        let all = sites::list(of.store.read()).await.unwrap();
        assert_eq!(all.len(), 1, "the site it was");
        assert_eq!(lasting_coverage(&world).await, coverage);
        assert_eq!(world.audit(&defect).await, audit);

        world.site = of.sites.by_id(world.site.id).await.unwrap().unwrap();
        walk(&world, &defect).await;
        let told = world.jira.deliveries().split_off(told);
        assert!(told.iter().all(|it| it.event.starts_with("avi:")), "{told:#?}");
        let asked = world.jira.requests().split_off(asked);
        assert!(asked.len() > 3 && asked.iter().all(|it| it.by_forge), "{asked:#?}");
    }
}
