//! A defect is closed as a duplicate, or goes away: its tests move to the one that stays, or keep it.

use jira_standin::accounts;
use serde_json::json;
use touchstone::app::create_defect::Outcome;

use crate::both_databases;
use crate::defects::World;

async fn defect(world: &World) -> String {
    let Outcome::Created { key } = world.press().await.unwrap() else {
        panic!("no defect was made")
    };
    world.heard().await;
    key
}

fn bug(world: &World, summary: &str) -> String {
    let made = world
        .jira
        .create_issue(accounts::DEVELOPER, "SHOP", "Bug", summary, &json!({}));
    made.unwrap().key
}

/// The defects of the test, with their status.
async fn linked(world: &World) -> Vec<String> {
    let coverage = world.coverage().await;
    let defects = coverage["tests"][0]["defects"].as_array().unwrap().iter();
    defects
        .map(|one| one["key"].as_str().unwrap().to_owned())
        .collect()
}

both_databases! {
    async fn tests_of_a_duplicate_move_to_the_issue_that_stays(database: Database) {
        let world = World::new(database).await;
        let key = defect(&world).await;
        let stays = bug(&world, "Cards are refused");
        world.jira.link("Duplicate", &key, &stays, accounts::DEVELOPER).unwrap();
        world.jira.resolve(&key, "Duplicate", accounts::DEVELOPER).unwrap();
        world.heard().await;

        assert_eq!(linked(&world).await, std::slice::from_ref(&stays));
        let audit = world.audit(&key).await;
        assert!(audit.contains(&"D8: follow duplicate".to_owned()), "{audit:?}");
        assert!(audit.contains(&"D8: move to duplicated issue".to_owned()), "{audit:?}");
        assert!(world.audit(&stays).await.contains(&"D8: move to duplicated issue".to_owned()));
        let marks = &world.coverage().await["tests"][0]["marks"];
        assert_eq!(marks, &json!([]), "no retest is awaited for what is not fixed");

        // The same failure again is the survivor's.
        world.report(Some("expected 402, got 503")).await;
        world.heard().await;
        assert!(world.comments(&stays).iter().any(|said| said.contains("still fails")));
        assert_eq!(world.press().await.unwrap(), Outcome::Existing { key: stays });
    }

    async fn a_duplicate_is_followed_along_a_chain_and_when_it_is_linked_later(database: Database) {
        let world = World::new(database).await;
        let key = defect(&world).await;
        world.jira.resolve(&key, "Duplicate", accounts::DEVELOPER).unwrap();
        world.heard().await;
        assert_eq!(linked(&world).await, std::slice::from_ref(&key), "nobody knows yet of what");
        let audit = world.audit(&key).await;
        assert!(audit.contains(&"D8: nothing (not done)".to_owned()), "{audit:?}");

        let (between, stays) = (bug(&world, "Cards"), bug(&world, "All payments"));
        world.jira.link("Duplicate", &between, &stays, accounts::DEVELOPER).unwrap();
        world.jira.resolve(&between, "Duplicate", accounts::DEVELOPER).unwrap();
        world.jira.link("Duplicate", &key, &between, accounts::DEVELOPER).unwrap();
        world.heard().await;
        assert_eq!(linked(&world).await, [stays]);
    }

    async fn issues_that_duplicate_each_other_move_nothing(database: Database) {
        let world = World::new(database).await;
        let key = defect(&world).await;
        let other = bug(&world, "Cards");
        world.jira.link("Duplicate", &key, &other, accounts::DEVELOPER).unwrap();
        world.jira.link("Duplicate", &other, &key, accounts::DEVELOPER).unwrap();
        world.jira.resolve(&other, "Duplicate", accounts::DEVELOPER).unwrap();
        world.jira.resolve(&key, "Duplicate", accounts::DEVELOPER).unwrap();
        world.heard().await;
        assert_eq!(linked(&world).await, [key]);
    }

    async fn a_deleted_defect_stays_with_its_test_as_a_tombstone(database: Database) {
        let world = World::new(database).await;
        let key = defect(&world).await;
        world.jira.delete(&key, accounts::ADMIN).unwrap();
        world.heard().await;
        let test = &world.coverage().await["tests"][0];
        assert_eq!(test["defects"][0]["key"], key.as_str(), "{test}");
        let audit = world.audit(&key).await;
        assert!(audit.contains(&"D10: keep link".to_owned()), "{audit:?}");
        // It reports nothing any more, so the failure may have a new one.
        assert!(matches!(world.press().await.unwrap(), Outcome::Created { .. }));
    }
}
