//! What comes of it when a rule wants defects for failures: as few as say it all, each once.

use jira_standin::{FailNext, Faults, accounts};
use sea_orm::ConnectionTrait;
use serde_json::json;
use touchstone::app::create_defect::automatic::{Wanted, create};
use touchstone::app::run_rules::{ImportedResults, ImportedRun};
use touchstone::domain::defect_settings::{DefectChoices, Reuse};
use touchstone::domain::run::RunStatus;
use touchstone::domain::settings::RuleName;
use touchstone::store::settings::{Decision, Scope};
use touchstone::store::{audit, executions, failed_runs, outbox, settings, tests};

use crate::both_databases;
use crate::defects::World;
use crate::support::eventually;

/// A build reports failures (name and message) into one execution, and the rule wants a defect for
/// each. Returns the execution, and what was decided for each: action and reason.
async fn fail(
    world: &World,
    execution: Option<&str>,
    failures: &[(&str, &str)],
) -> (String, Vec<String>) {
    let cases: Vec<String> = failures
        .iter()
        .map(|(name, message)| {
            format!(
                r#"<testcase classname="shop.Flood" name="{name}"><properties>
                <property name="requirement" value="{}"/></properties>
                <failure message="{message}">at db.rs:88
                at {name}.rs:3</failure></testcase>"#,
                world.story.key
            )
        })
        .collect();
    let base = &world.app.base;
    let into = execution.map_or(String::new(), |key| format!("&execution={key}"));
    let url = format!("{base}/api/v1/projects/SHOP/results?fixVersion=1.4{into}");
    let file = format!(r#"<testsuite name="unit">{}</testsuite>"#, cases.concat());
    let sent = world
        .app
        .http
        .post(url)
        .bearer_auth(&world.token)
        .body(file)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 200);
    let answer: serde_json::Value = sent.json().await.unwrap();
    let key = answer["execution"]["key"].as_str().unwrap().to_owned();

    let (app, site) = (world.app.app(), world.site.id);
    let now_ms = app.clock.now_ms();
    let txn = app.store.write().await.unwrap();
    let found = executions::by_key(&*txn, site, &key.parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let first = found.next_run - i64::try_from(failures.len()).unwrap();
    let numbers: Vec<i64> = (first..found.next_run).collect();
    let runs = failed_runs::of_execution(&*txn, site, found.id, &numbers)
        .await
        .unwrap();
    let mut keys = Vec::new();
    for run in &runs {
        let test = tests::by_id(&*txn, site, run.test_id)
            .await
            .unwrap()
            .unwrap();
        keys.push(test.key.to_string());
    }
    let imported: Vec<ImportedRun<'_>> = runs
        .iter()
        .zip(&keys)
        .map(|(run, test_key)| ImportedRun {
            test_id: run.test_id,
            test_key,
            number: run.number,
            status: RunStatus::Failed,
            is_flaky: false,
            finished_ms: now_ms,
        })
        .collect();
    let results = ImportedResults {
        project_key: "SHOP",
        execution_id: found.id,
        execution_key: &key,
        environments: &[],
        fix_version: Some("1.4"),
        branch: None,
        runs: &imported,
    };
    let wanted: Vec<Wanted> = runs
        .iter()
        .map(|run| Wanted {
            test_id: run.test_id,
            run_number: run.number,
            reason: "It failed twice in a row.".to_owned(),
        })
        .collect();
    let all = settings::of_site(&*txn, site).await.unwrap();
    let entries = create(&*txn, site, now_ms, &wanted, &results, &all)
        .await
        .unwrap();
    audit::insert_all(&*txn, site, &entries, now_ms)
        .await
        .unwrap();
    txn.commit().await.unwrap();
    app.outbox_filled.notify_one();
    let told = entries
        .iter()
        .map(|one| format!("{}: {}", one.action, one.reason))
        .collect();
    (key, told)
}

async fn choose(world: &World, choices: DefectChoices) {
    let app = world.app.app();
    let txn = app.store.write().await.unwrap();
    let decision = Decision::Defect(choices);
    let scope = Scope::Project("SHOP");
    settings::decide(&*txn, world.site.id, scope, &decision, None, 1)
        .await
        .unwrap();
    txn.commit().await.unwrap();
}

async fn sql(world: &World, statement: &str) {
    let txn = world.app.app().store.write().await.unwrap();
    txn.execute_unprepared(statement).await.unwrap();
    txn.commit().await.unwrap();
}

/// The defects of each test of the story, by the test's name.
async fn defects(world: &World) -> Vec<(String, Vec<String>)> {
    let coverage = world.coverage().await;
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut found: Vec<_> = coverage["tests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|test| {
            let keys = test["defects"].as_array().unwrap().iter();
            (
                text(&test["name"]),
                keys.map(|one| text(&one["key"])).collect(),
            )
        })
        .collect();
    found.sort();
    found
}

both_databases! {
    async fn failures_of_one_cause_share_a_defect_that_carries_what_the_story_has(database: Database) {
        let world = World::new(database).await;
        let fields = json!({
            "priority": { "name": "High" },
            "components": [{ "name": "Payment" }],
            "assignee": { "accountId": accounts::TESTER },
        });
        world.jira.edit(&world.story.key, &fields, accounts::DEVELOPER).unwrap();
        world.heard().await;

        let three = [("a", "no host db7"), ("b", "expected 3, got 4"), ("c", "no host db9")];
        let (_, told) = fail(&world, None, &three).await;
        assert_eq!(told.len(), 3);
        assert!(told.iter().any(|one| one.starts_with("link defect: It failed for the same cause as SHOP-T")), "{told:?}");
        assert_eq!(told.iter().filter(|one| *one == "create defect: It failed twice in a row.").count(), 2);
        world.heard().await;

        let made = world.made();
        assert_eq!(made.len(), 2, "{made:?}");
        let linked = defects(&world).await;
        let of = |name: &str| linked.iter().find(|one| one.0 == name).unwrap().1.clone();
        let shared = of("a");
        assert_eq!((shared.len(), of("b").len()), (1, 1));
        assert!(of("c") == shared && of("b") != shared, "{linked:?}");
        let bug = world.jira.issue(&shared[0]).unwrap();
        assert_eq!((bug.kind.as_str(), bug.priority.as_str()), ("Bug", "High"));
        assert_eq!((bug.affects_versions, bug.components), (vec!["1.4".to_owned()], vec!["Payment".to_owned()]));
        assert_eq!(bug.assignee.as_deref(), Some(accounts::TESTER));
        assert_eq!(bug.labels, ["touchstone"]);
        assert!(bug.description.contains("Failed in the same way"), "{}", bug.description);
        assert!(bug.links.iter().any(|link| link.key == world.story.key));
        assert!(world.audit(&shared[0]).await.contains(&"D1: create defect".to_owned()));

        // The next build brings nothing new.
        let (_, told) = fail(&world, None, &three).await;
        assert!(told.iter().all(|one| one.starts_with("nothing: ")), "{told:?}");
        world.heard().await;
        assert_eq!(world.made(), made);
    }

    async fn a_flood_is_capped_and_one_defect_lists_the_rest(database: Database) {
        let world = World::new(database).await;
        choose(&world, DefectChoices { most_per_execution: Some(2), ..DefectChoices::default() }).await;
        let app = world.app.app();
        let hour = app.clock.now_ms() + 3_600_000;
        sql(&world, &format!("UPDATE site SET paused_until_ms = {hour}")).await;
        let five = [("a", "one"), ("b", "two"), ("c", "three"), ("d", "four"), ("e", "five")];
        let (execution, told) = fail(&world, None, &five).await;
        let is_rest = |one: &&String| one.contains("one more lists the rest");
        assert_eq!(told.iter().filter(is_rest).count(), 3, "{told:?}");
        // Before Jira has answered, more of the same execution joins what is being made.
        let (_, told) = fail(&world, Some(&execution), &[("f", "six"), ("a", "one")]).await;
        assert_eq!(told.iter().filter(is_rest).count(), 1, "{told:?}");
        assert!(told.iter().any(|one| one.contains("is being made")), "{told:?}");
        sql(&world, "UPDATE site SET paused_until_ms = 0").await;
        app.outbox_filled.notify_one();
        world.heard().await;

        let made = world.made();
        assert_eq!(made.len(), 3, "{made:?}");
        let summary = format!("[{execution}] 3 more tests failed");
        let is_it = |key: &&String| world.jira.issue(key).unwrap().summary == summary;
        let rest = made.iter().find(is_it).unwrap();
        let with_rest = async || {
            let linked = defects(&world).await;
            let its = linked.into_iter().filter(|one| one.1 == [rest.clone()]);
            its.map(|one| one.0).collect::<Vec<_>>()
        };
        assert_eq!(with_rest().await, ["c", "d", "e", "f"]);

        // And what comes after joins the issue.
        let (_, told) = fail(&world, Some(&execution), &[("g", "seven")]).await;
        assert!(told[0].starts_with("link defect"), "{told:?}");
        world.heard().await;
        assert_eq!(world.made().len(), 3);
        assert_eq!(with_rest().await, ["c", "d", "e", "f", "g"]);
    }

    async fn where_causes_are_not_shared_each_test_has_its_own(database: Database) {
        let world = World::new(database).await;
        choose(&world, DefectChoices { reuse: Some(Reuse::Never), ..DefectChoices::default() }).await;
        fail(&world, None, &[("a", "no host"), ("b", "no host")]).await;
        world.heard().await;
        assert_eq!(world.made().len(), 2);

        // Across executions only where that was decided.
        choose(&world, DefectChoices { reuse: Some(Reuse::Always), ..DefectChoices::default() }).await;
        let (_, told) = fail(&world, None, &[("c", "no host")]).await;
        assert!(told[0].starts_with("link defect"), "{told:?}");
        choose(&world, DefectChoices::default()).await;
        let (_, told) = fail(&world, None, &[("d", "no host")]).await;
        assert!(told[0].starts_with("create defect"), "{told:?}");
        world.heard().await;
        assert_eq!(world.made().len(), 3);
    }

    async fn a_demanded_field_without_a_value_is_parked_by_name_and_a_setting_helps(database: Database) {
        let world = World::new(database).await;
        world.jira.demand_fields(&["duedate"]);
        fail(&world, None, &[("a", "no host")]).await;
        let app = world.app.app();
        let parked = eventually("the creation is parked", async || {
            outbox::parked(app.store.read(), world.site.id, 10).await.unwrap().into_iter().next()
        })
        .await;
        assert!(parked.note.as_deref().unwrap_or_default().contains("demands Due date"), "{parked:?}");
        let asked = world.jira.requests();
        let posts = asked.iter().filter(|one| one.method == "POST" && one.target.ends_with("/rest/api/3/issue"));
        assert_eq!(posts.count(), 0, "nothing was sent that Jira would refuse");
        let (_, told) = fail(&world, None, &[("a", "no host")]).await;
        assert!(told[0].contains("refused it within the last day"), "{told:?}");

        let fields = [("duedate".to_owned(), "2027-01-31".to_owned())].into();
        choose(&world, DefectChoices { fields: Some(fields), ..DefectChoices::default() }).await;
        let txn = app.store.write().await.unwrap();
        // What was tried before is looked for first, once Jira's search had time to learn of it.
        let made_longer_ago = "UPDATE outbox SET created_ms = created_ms - 120000 WHERE state = 2";
        txn.execute_unprepared(made_longer_ago).await.unwrap();
        let again = outbox::replay(&*txn, world.site.id, Some(parked.id), app.clock.now_ms()).await;
        assert_eq!(again.unwrap(), 1);
        txn.commit().await.unwrap();
        app.outbox_filled.notify_one();
        world.heard().await;
        assert_eq!(world.made().len(), 1);
    }

    async fn what_jira_refuses_of_what_nobody_demanded_is_left_out(database: Database) {
        let world = World::new(database).await;
        let nobody = Some("712020:nobody-at-all".to_owned());
        choose(&world, DefectChoices { assignee: nobody, ..DefectChoices::default() }).await;
        fail(&world, None, &[("a", "no host")]).await;
        world.heard().await;
        let made = world.made();
        assert_eq!(made.len(), 1);
        assert_eq!(world.jira.issue(&made[0]).unwrap().assignee, None);
    }

    async fn a_lost_answer_to_a_rule_makes_no_second_defect(database: Database) {
        let world = World::new(database).await;
        let lost = FailNext {
            method: Some("POST".into()),
            path: Some("/rest/api/3/issue".into()),
            status: 504,
            carried_out: true,
            ..FailNext::default()
        };
        world.jira.set_faults(Faults { fail_next: vec![lost], ..Faults::default() });
        fail(&world, None, &[("a", "no host")]).await;
        let app = world.app.app();
        // The next try lies still for longer than Jira's search may lag; then the issue is found.
        eventually("the next try is set", async || {
            let soon = app.clock.now_ms() + 30_000;
            let made_longer_ago = format!(
                "UPDATE outbox SET created_ms = created_ms - 200000, ready_ms = ready_ms - 200000 \
                 WHERE kind = 'create_defect' AND attempts > 0 AND ready_ms > {soon}"
            );
            let txn = app.store.write().await.unwrap();
            let done = txn.execute_unprepared(&made_longer_ago).await.unwrap();
            txn.commit().await.unwrap();
            (done.rows_affected() == 1).then_some(())
        })
        .await;
        app.outbox_filled.notify_one();
        world.heard().await;
        let made = world.made();
        assert_eq!(made.len(), 1);
        assert!(defects(&world).await.iter().any(|one| one.0 == "a" && one.1 == made));
    }

    async fn switched_on_the_rule_makes_a_defect_when_a_test_fails_again(database: Database) {
        let world = World::new(database).await;
        world.report(Some("expected 402, got 500")).await;
        world.heard().await;
        assert!(world.made().is_empty(), "switched off, it is only offered");

        let app = world.app.app();
        let txn = app.store.write().await.unwrap();
        let on = Decision::Rule(RuleName::D1Automatic, Some(true));
        settings::decide(&*txn, world.site.id, Scope::Project("SHOP"), &on, None, 1).await.unwrap();
        txn.commit().await.unwrap();
        world.report(Some("expected 402, got 500")).await;
        world.heard().await;
        let made = world.made();
        assert_eq!(made.len(), 1, "it has failed three times in a row");
        assert!(world.audit(&made[0]).await.contains(&"D1: create defect".to_owned()));

        world.report(Some("expected 402, got 500")).await;
        world.heard().await;
        assert_eq!(world.made(), made, "the next failure is said on it");
        assert!(world.comments(&made[0])[0].contains("still fails"));
    }
}
