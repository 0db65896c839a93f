//! What a person is asked before a defect is made, and what becomes of their answers.

use jira_standin::accounts;
use serde_json::json;
use touchstone::app::create_defect::{
    Answers, DefectError, Input, Outcome, Request, create_defect, preview,
};

use crate::both_databases;
use crate::defects::World;

fn answers(fields: &[(&str, &[&str])]) -> Answers {
    let fields = fields.iter().map(|(id, given)| {
        let given = given.iter().map(|text| (*text).to_owned()).collect();
        ((*id).to_owned(), given)
    });
    Answers {
        fields: fields.collect(),
        ..Answers::default()
    }
}

async fn press(world: &World, answers: &Answers) -> Result<Outcome, DefectError> {
    let request = Request {
        answers: Some(answers),
        ..world.request(accounts::DEVELOPER)
    };
    create_defect(world.app.app(), &world.site, &request).await
}

both_databases! {
    async fn what_jira_demands_is_asked_for_and_sent(database: Database) {
        let world = World::new(database).await;
        world.jira.demand_fields(&["components", "customfield_10016"]);
        let request = world.request(accounts::DEVELOPER);
        let seen = preview(world.app.app(), &world.site, &request).await.unwrap();
        let asked: Vec<_> = seen.fields.iter().filter(|one| one.is_required).collect();
        let names: Vec<_> = asked.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["Components", "Story point estimate"]);
        let Input::Several(parts) = &asked[0].input else { panic!("{asked:?}") };
        assert_eq!((parts[0].1.as_str(), &asked[1].input), ("Payment", &Input::Number));

        let unanswered = press(&world, &Answers::default()).await;
        assert!(matches!(unanswered, Err(DefectError::MissingFields { .. })), "{unanswered:?}");
        let wrong = press(&world, &answers(&[("components", &["10110"]), ("customfield_10016", &["many"])])).await;
        assert!(matches!(wrong, Err(DefectError::BadField { .. })), "{wrong:?}");
        let unknown = press(&world, &answers(&[("components", &["4711"]), ("customfield_10016", &["3"])])).await;
        assert!(matches!(unknown, Err(DefectError::BadField { .. })), "{unknown:?}");
        assert!(world.made().is_empty());

        let mut given = answers(&[("components", &["10110", "10111"]), ("customfield_10016", &["3"]), ("priority", &["1"])]);
        given.description = Some("Seen twice.\n\n- on chrome".to_owned());
        let Outcome::Created { key } = press(&world, &given).await.unwrap() else { panic!() };
        let bug = world.jira.issue(&key).unwrap();
        assert_eq!(bug.components, ["Payment", "Basket"]);
        assert_eq!(bug.priority, "Highest");
        assert!(bug.description.starts_with("Seen twice.") && !bug.description.contains("cart.rs"), "{}", bug.description);
    }

    async fn the_template_is_filled_in_from_the_story_and_can_be_taken_back(database: Database) {
        let world = World::new(database).await;
        let fields = json!({ "priority": { "name": "High" }, "assignee": { "accountId": accounts::TESTER } });
        world.jira.edit(&world.story.key, &fields, accounts::DEVELOPER).unwrap();
        world.heard().await;
        let request = world.request(accounts::DEVELOPER);
        let seen = preview(world.app.app(), &world.site, &request).await.unwrap();
        let given = |id: &str| seen.fields.iter().find(|one| one.id == id).unwrap().given.clone();
        assert_eq!(given("assignee"), [accounts::TESTER]);
        assert!(seen.description.contains("at cart.rs:88"), "{}", seen.description);

        let Outcome::Created { key } = press(&world, &answers(&[("assignee", &[])])).await.unwrap() else { panic!() };
        let bug = world.jira.issue(&key).unwrap();
        assert_eq!((bug.priority.as_str(), bug.assignee), ("High", None));
    }

    async fn an_open_defect_for_another_failure_is_offered_and_not_taken(database: Database) {
        let world = World::new(database).await;
        let Outcome::Created { key } = press(&world, &Answers::default()).await.unwrap() else { panic!() };
        world.heard().await;
        world.report(Some("no such card")).await;
        let request = world.request(accounts::DEVELOPER);
        let seen = preview(world.app.app(), &world.site, &request).await.unwrap();
        assert_eq!(seen.existing, None);
        assert_eq!(seen.others.iter().map(|one| &one.0).collect::<Vec<_>>(), [&key]);

        let same = |key: &str| Answers { same_as: Some(key.to_owned()), ..Answers::default() };
        let other = press(&world, &same(&world.story.key)).await;
        assert!(matches!(other, Err(DefectError::NotItsDefect(_))), "{other:?}");
        let used = press(&world, &same(&key)).await.unwrap();
        assert_eq!(used, Outcome::Existing { key: key.clone() });
        assert_eq!(world.made(), std::slice::from_ref(&key));
        let seen = preview(world.app.app(), &world.site, &request).await.unwrap();
        assert_eq!(seen.existing, Some(key), "the failure is known by it from now on");
    }
}
