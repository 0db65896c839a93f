//! `/xray/api/v2/graphql`: what clients and scripts ask and change there, and what is stored of it.

use serde_json::{Value, json};

use crate::both_databases;
use crate::support::events::Issue;
use crate::support::site::Site;
use crate::support::{Database, TestApp};

/// 2026-11-20, in milliseconds.
const T0: i64 = 1_795_132_800_000;

struct World {
    app: TestApp,
    site: Site,
    token: String,
}

impl World {
    /// A site with a story, a bug and an issue of another project.
    async fn new(database: Database) -> Self {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let token = app.api_token(&site).await;
        let world = Self { app, site, token };
        for (id, key, issue_type) in [
            (10_007, "SHOP-7", "Story"),
            (10_300, "SHOP-300", "Bug"),
            (10_400, "BANK-1", "Story"),
        ] {
            let mut created = Issue::new(id, key).created(T0);
            created["issue"]["fields"]["issuetype"] =
                json!({ "id": issue_type, "name": issue_type, "subtask": false });
            world.app.deliver(&world.site, key, &created).await;
        }
        world.app.applied().await;
        world
    }

    async fn answer(&self, query: &str, variables: Value) -> Value {
        let url = format!("{}/xray/api/v2/graphql", self.app.base);
        let asking = self.app.http.post(url).bearer_auth(&self.token);
        let body = json!({ "query": query, "variables": variables });
        let answer = asking.json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{query}");
        answer.json().await.unwrap()
    }

    /// What is answered to something that is understood.
    async fn ask(&self, query: &str) -> Value {
        self.ask_with(query, json!({})).await
    }

    async fn ask_with(&self, query: &str, variables: Value) -> Value {
        let answer = self.answer(query, variables).await;
        assert_eq!(answer["errors"], Value::Null, "{query}: {answer}");
        answer["data"].clone()
    }

    /// Why something is refused.
    async fn refused(&self, query: &str) -> String {
        let answer = self.answer(query, json!({})).await;
        let message = answer["errors"][0]["message"].as_str();
        message
            .unwrap_or_else(|| panic!("{query}: {answer}"))
            .to_owned()
    }

    /// Makes a test; returns its id.
    async fn test(&self, name: &str) -> String {
        let query = format!(
            r#"mutation {{ createTest(testType: {{ name: "Manual" }},
                steps: [{{ action: "Open" }}, {{ action: "Pay", data: "card", result: "paid" }}],
                jira: {{ fields: {{ summary: "{name}", project: {{ key: "SHOP" }} }} }})
                {{ test {{ issueId }} warnings }} }}"#
        );
        text(&self.ask(&query).await["createTest"]["test"]["issueId"])
    }

    /// Makes an execution of tests; returns its id.
    async fn execution(&self, tests: &[&str]) -> String {
        let query = "mutation ($tests: [String], $jira: JSON!) { \
            createTestExecution(testIssueIds: $tests, testEnvironments: [\"chrome\"], jira: $jira) \
            { testExecution { issueId } createdTestEnvironments warnings } }";
        let jira = json!({ "fields": { "summary": "Smoke", "project": { "key": "SHOP" },
            "fixVersions": [{ "name": "1.4" }] } });
        let made = self
            .ask_with(query, json!({ "tests": tests, "jira": jira }))
            .await;
        text(&made["createTestExecution"]["testExecution"]["issueId"])
    }

    async fn plan(&self, tests: &[&str]) -> String {
        let query = "mutation ($tests: [String], $jira: JSON!) { \
            createTestPlan(testIssueIds: $tests, jira: $jira) { testPlan { issueId } warnings } }";
        let jira = json!({ "fields": { "summary": "1.4", "project": { "key": "SHOP" } } });
        let made = self
            .ask_with(query, json!({ "tests": tests, "jira": jira }))
            .await;
        text(&made["createTestPlan"]["testPlan"]["issueId"])
    }

    async fn run(&self, test: &str, execution: &str) -> Value {
        let query = format!(
            r#"{{ getTestRun(testIssueId: "{test}", testExecIssueId: "{execution}")
                {{ id status {{ name }} comment finishedOn executedById defects
                   evidence {{ id filename downloadLink size }}
                   steps {{ id action status {{ name }} actualResult comment defects
                            evidence {{ filename }} }} }} }}"#
        );
        self.ask(&query).await["getTestRun"].clone()
    }

    /// The projections are what a rebuild makes of the facts.
    async fn consistent(&self) {
        let store = &self.app.app().store;
        let found = touchstone::store::sites::find(store.read(), &self.site.client_key);
        let site = found.await.unwrap().unwrap().site.id;
        let checked = touchstone::app::check_projections::check_projections(store, site);
        let checked = checked.await.unwrap();
        assert!(checked.wrong.is_empty() && checked.tests > 0, "{checked:?}");
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value}"))
        .to_owned()
}

/// Keys of the results of a list.
fn keys(list: &Value) -> Vec<String> {
    let results = list["results"]
        .as_array()
        .unwrap_or_else(|| panic!("{list}"));
    results
        .iter()
        .map(|one| text(&one["jira"]["key"]))
        .collect()
}

both_databases! {
    async fn what_upload_clients_ask_is_answered(database: Database) {
        let world = World::new(database).await;
        let (test, other) = (world.test("Pays").await, world.test("Refunds").await);
        let (plan, execution) = (world.plan(&[&test]).await, world.execution(&[&test, &other]).await);
        let found = world.ask(r#"{ getTestPlans(jql: "key = 'SHOP-P1'", limit: 1) { results { issueId } } }"#).await;
        assert_eq!(found["getTestPlans"]["results"][0]["issueId"], plan.as_str());

        let add = format!(
            r#"mutation {{ addTestExecutionsToTestPlan(issueId: "{plan}", testExecIssueIds: ["{execution}", "17"])
                {{ addedTestExecutions warning }} }}"#
        );
        let added = world.ask(&add).await;
        let added = &added["addTestExecutionsToTestPlan"];
        assert_eq!(added["addedTestExecutions"], json!([execution]));
        assert!(text(&added["warning"]).contains("`17`"), "{added}");
        let again = world.ask(&add).await;
        assert_eq!(again["addTestExecutionsToTestPlan"]["addedTestExecutions"], json!([]));
        let stored: Value = world.app.api_get(&world.token, "/api/v1/executions/SHOP-E1").await.json().await.unwrap();
        assert_eq!((&stored["plan"], &stored["fixVersion"]), (&json!("SHOP-P1"), &json!("1.4")));

        let runs = "query ($tests: [String], $execs: [String]) { getTestRuns(testIssueIds: $tests, \
            testExecIssueIds: $execs, limit: 100, start: 0) { total start limit results { id \
            status { name } test { jira(fields: [\"key\", \"summary\"]) } evidence { filename downloadLink } \
            iterations(limit: 10) { results { parameters { name value } status { name } } } } } }";
        let found = world.ask_with(runs, json!({ "tests": [test], "execs": [execution] })).await;
        let found = &found["getTestRuns"];
        assert_eq!((&found["total"], &found["limit"]), (&json!(1), &json!(100)));
        let run = &found["results"][0];
        assert_eq!(run["test"]["jira"], json!({ "key": "SHOP-T1", "summary": "Pays" }));
        assert_eq!(run["status"]["name"], "TO DO");

        let evidence = "mutation ($id: String!, $files: [AttachmentDataInput]!) { \
            addEvidenceToTestRun(id: $id, evidence: $files) { addedEvidence warnings } }";
        let files = json!([{ "filename": "screen.png", "mimeType": "image/png", "data": "aGVsbG8=" }]);
        let added = world.ask_with(evidence, json!({ "id": run["id"], "files": files })).await;
        assert_eq!(added["addEvidenceToTestRun"]["addedEvidence"].as_array().unwrap().len(), 1);
        let kept = world.run(&test, &execution).await["evidence"][0].clone();
        assert_eq!((&kept["filename"], &kept["size"]), (&json!("screen.png"), &json!(5)));
        let got = world.app.http.get(text(&kept["downloadLink"])).bearer_auth(&world.token).send().await.unwrap();
        assert_eq!((got.status().as_u16(), got.bytes().await.unwrap().as_ref()), (200, b"hello".as_slice()));
        let got = world.app.http.get(text(&kept["downloadLink"])).send().await.unwrap();
        assert_eq!(got.status(), 401);
        world.app.stop().await;
    }

    async fn a_run_is_changed_and_the_issue_follows(database: Database) {
        let world = World::new(database).await;
        let test = world.test("Pays").await;
        let linked = world.app.http.put(format!("{}/api/v1/issues/SHOP-7/tests/SHOP-T1", world.app.base));
        assert_eq!(linked.bearer_auth(&world.token).send().await.unwrap().status(), 204);
        let execution = world.execution(&[&test]).await;
        let status = async || {
            let query = r#"{ getCoverableIssues(jql: "key = SHOP-7", limit: 10) { results { issueId
                jira(fields: ["key"]) status(isFinal: true) { name }
                of: status(version: "1.4") { name } tests(limit: 5) { total } } } }"#;
            let found = world.ask(query).await["getCoverableIssues"]["results"][0].clone();
            assert_eq!((&found["issueId"], &found["tests"]["total"]), (&json!("10007"), &json!(1)));
            assert_eq!(found["status"], found["of"]);
            text(&found["status"]["name"])
        };
        assert_eq!(status().await, "NOTRUN");
        let run = world.run(&test, &execution).await;
        let (id, second) = (text(&run["id"]), text(&run["steps"][1]["id"]));
        assert_eq!(run["finishedOn"], Value::Null);

        let step = format!(
            r#"mutation {{ updateTestRunStep(testRunId: "{id}", stepId: "{second}", updateData: {{
                status: "FAILED", actualResult: "nothing", comment: "again", defects: {{ add: ["SHOP-300", "SHOP-7"] }},
                evidence: {{ add: [{{ filename: "a.txt", mimeType: "text/plain", data: "YQ==" }}] }} }})
                {{ addedDefects addedEvidence warnings }} }}"#
        );
        let said = world.ask(&step).await["updateTestRunStep"].clone();
        assert_eq!(said["addedDefects"], json!(["10300"]));
        assert_eq!(said["warnings"].as_array().unwrap().len(), 1, "a story is no defect: {said}");
        let run = world.run(&test, &execution).await;
        assert_eq!(run["status"]["name"], "FAILED", "its steps make it: {run}");
        assert_eq!(run["steps"][0]["status"]["name"], "TO DO");
        assert_eq!(run["steps"][1]["defects"], json!(["10300"]));
        assert_eq!(run["steps"][1]["evidence"][0]["filename"], "a.txt");
        assert_eq!(run["evidence"], json!([]), "that is the step's");
        assert_eq!(status().await, "NOK");

        world.ask(&format!(r#"mutation {{ updateTestRunStatus(id: "{id}", status: "passed") }}"#)).await;
        world.ask(&format!(r#"mutation {{ updateTestRun(id: "{id}", comment: "by hand", executedById: "ann") {{ warnings }} }}"#)).await;
        let run = world.run(&test, &execution).await;
        assert_eq!((&run["status"]["name"], &run["comment"], &run["executedById"]), (&json!("PASSED"), &json!("by hand"), &json!("ann")));
        assert!(run["finishedOn"].is_string());
        assert_eq!(status().await, "OK");
        world.consistent().await;

        let defects = format!(r#"mutation {{ addDefectsToTestRun(id: "{id}", issues: ["10300"]) {{ addedDefects warnings }} }}"#);
        assert_eq!(world.ask(&defects).await["addDefectsToTestRun"]["addedDefects"], json!(["10300"]));
        world.ask(&format!(r#"mutation {{ removeDefectsFromTestRun(id: "{id}", issues: ["SHOP-300"]) }}"#)).await;
        assert_eq!(world.run(&test, &execution).await["defects"], json!([]));
        world.ask(&format!(r#"mutation {{ resetTestRun(id: "{id}") }}"#)).await;
        let run = world.run(&test, &execution).await;
        assert_eq!((&run["status"]["name"], &run["comment"]), (&json!("TO DO"), &Value::Null));
        assert_eq!((&run["steps"][1]["evidence"], &run["steps"][1]["defects"]), (&json!([]), &json!([])));
        assert_eq!(status().await, "NOTRUN");
        world.consistent().await;
        let why = world.refused(&format!(r#"mutation {{ updateTestRunStatus(id: "{id}", status: "SPLENDID") }}"#)).await;
        assert!(why.contains("SPLENDID"), "{why}");
        world.app.stop().await;
    }

    async fn tests_are_made_changed_and_found(database: Database) {
        let world = World::new(database).await;
        let test = world.test("Pays").await;
        let read = format!(
            r#"{{ getTest(issueId: "{test}") {{ projectId testType {{ name kind }} unstructured gherkin
                steps {{ id action data result attachments {{ id }} }} jira(fields: ["key"]) status {{ name }}
                testVersions(limit: 10) {{ total results {{ id default testType {{ name }} steps {{ action }} }} }} }} }}"#
        );
        let found = world.ask(&read).await["getTest"].clone();
        assert_eq!(found["testType"], json!({ "name": "Manual", "kind": "Steps" }));
        assert_eq!((&found["steps"][1]["data"], &found["steps"][1]["result"]), (&json!("card"), &json!("paid")));
        assert_eq!(found["status"]["name"], "TO DO");
        let first = text(&found["steps"][0]["id"]);
        let third = format!(r#"mutation {{ addTestStep(issueId: "{test}", step: {{ action: "Leave" }}) {{ id action }} }}"#);
        let third = text(&world.ask(&third).await["addTestStep"]["id"]);
        world.ask(&format!(r#"mutation {{ removeTestStep(stepId: "{first}") }}"#)).await;
        let change = format!(r#"mutation {{ updateTestStep(stepId: "{third}", step: {{ result: "outside" }}) {{ warnings }} }}"#);
        world.ask(&change).await;
        let found = world.ask(&read).await["getTest"].clone();
        let actions: Vec<String> = found["steps"].as_array().unwrap().iter().map(|step| text(&step["action"])).collect();
        assert_eq!(actions, ["Pay", "Leave"], "the id of a step stays when another goes");
        assert_eq!(found["steps"][1]["result"], "outside");
        assert_eq!(found["testVersions"]["total"], 4);
        assert_eq!(found["testVersions"]["results"][0]["default"], true);
        assert_eq!(found["testVersions"]["results"][3]["steps"].as_array().unwrap().len(), 2);

        let cucumber = "mutation ($jira: JSON!) { createTest(testType: { name: \"Cucumber\" }, \
            gherkin: \"Given a card\\nExamples:\", jira: $jira) { test { issueId gherkin scenarioType \
            unstructured testType { kind } } warnings } }";
        let jira = json!({ "fields": { "summary": "Pays", "project": { "key": "SHOP" }, "labels": ["fast"],
            "priority": { "name": "High" } } });
        let made = world.ask_with(cucumber, json!({ "jira": jira })).await["createTest"].clone();
        assert_eq!((&made["test"]["scenarioType"], &made["test"]["unstructured"]), (&json!("scenario_outline"), &Value::Null));
        assert!(text(&made["warnings"][0]).contains("`priority`"), "{made}");
        let id = text(&made["test"]["issueId"]);
        let why = world.refused(&format!(r#"mutation {{ addTestStep(issueId: "{id}", step: {{ action: "Leave" }}) {{ id }} }}"#)).await;
        assert!(why.contains("Manual"), "{why}");
        world.ask(&format!(r#"mutation {{ updateGherkinTestDefinition(issueId: "{id}", gherkin: "Given cash") {{ gherkin }} }}"#)).await;
        world.ask(&format!(r#"mutation {{ updateTestType(issueId: "{id}", testType: {{ name: "Generic" }}) {{ testType {{ name }} }} }}"#)).await;
        world.ask(&format!(r#"mutation {{ updateUnstructuredTestDefinition(issueId: "{id}", unstructured: "run it") {{ unstructured }} }}"#)).await;

        for (jql, wanted) in [
            ("project = SHOP", vec!["SHOP-T1", "SHOP-T2"]),
            ("project = shop ORDER BY key DESC", vec!["SHOP-T2", "SHOP-T1"]),
            ("key in (SHOP-T2, 'SHOP-T9')", vec!["SHOP-T2"]),
            ("key = SHOP-T1 OR labels = fast", vec!["SHOP-T1", "SHOP-T2"]),
            ("labels = fas", vec![]),
            ("labels is EMPTY", vec!["SHOP-T1"]),
            ("NOT key = SHOP-T1 AND issuetype = Test", vec!["SHOP-T2"]),
            ("issuetype != Test", vec![]),
            ("fixVersion = 1.4", vec![]),
            ("summary ~ pay AND key != SHOP-T2", vec!["SHOP-T1"]),
            ("sprint in openSprints()", vec![]),
        ] {
            let query = "query ($jql: String) { getTests(jql: $jql, limit: 10) { total results { jira(fields: [\"key\"]) } } }";
            let found = world.ask_with(query, json!({ "jql": jql })).await["getTests"].clone();
            assert_eq!(keys(&found), wanted, "{jql}");
            assert_eq!(found["total"], wanted.len(), "{jql}");
        }
        let typed = r#"{ getTests(projectId: "SHOP", testType: { name: "Generic" }, limit: 1) { total results { jira(fields: ["key"]) } } }"#;
        assert_eq!(keys(&world.ask(typed).await["getTests"]), ["SHOP-T2"]);
        world.ask(&format!(r#"mutation {{ deleteTest(issueId: "{id}") }}"#)).await;
        assert!(world.refused(&format!(r#"{{ getTest(issueId: "{id}") {{ issueId }} }}"#)).await.contains(&id));
        world.app.stop().await;
    }

    async fn sets_preconditions_and_folders_hold_tests(database: Database) {
        let world = World::new(database).await;
        let (one, two) = (world.test("Pays").await, world.test("Refunds").await);
        let jira = r#"jira: { fields: { summary: "Cards", project: { key: "SHOP" } } }"#;
        let made = world.ask(&format!(r#"mutation {{ createTestSet(testIssueIds: ["{one}"], {jira}) {{ testSet {{ issueId jira(fields: ["key"]) tests(limit: 5) {{ total }} }} warnings }} }}"#)).await;
        let set = &made["createTestSet"]["testSet"];
        assert_eq!((&set["jira"]["key"], &set["tests"]["total"]), (&json!("SHOP-S1"), &json!(1)));
        let set = text(&set["issueId"]);
        let made = world.ask(&format!(r#"mutation {{ createPrecondition(preconditionType: {{ name: "Manual" }}, definition: "A card", testIssueIds: ["{two}"], {jira})
            {{ precondition {{ issueId jira(fields: ["key"]) definition preconditionType {{ name }} }} warnings }} }}"#)).await;
        let condition = &made["createPrecondition"]["precondition"];
        assert_eq!((&condition["jira"]["key"], &condition["definition"]), (&json!("SHOP-C2"), &json!("A card")));
        let condition = text(&condition["issueId"]);

        let added = world.ask(&format!(r#"mutation {{ addTestsToTestSet(issueId: "{set}", testIssueIds: ["{one}", "{two}"]) {{ addedTests warning }} }}"#)).await;
        assert_eq!(added["addTestsToTestSet"]["addedTests"], json!([two]));
        assert!(text(&added["addTestsToTestSet"]["warning"]).contains("SHOP-T1"));
        world.ask(&format!(r#"mutation {{ addPreconditionsToTest(issueId: "{one}", preconditionIssueIds: ["{condition}"]) {{ addedPreconditions warning }} }}"#)).await;
        world.ask(&format!(r#"mutation {{ removeTestSetsFromTest(issueId: "{one}", testSetIssueIds: ["{set}"]) }}"#)).await;
        let found = world.ask(&format!(r#"{{ getTest(issueId: "{one}") {{ testSets(limit: 5) {{ total }}
            preconditions(limit: 5) {{ results {{ jira(fields: ["key"]) tests(limit: 5) {{ total }} }} }} }} }}"#)).await;
        assert_eq!(found["getTest"]["testSets"]["total"], 0);
        assert_eq!(found["getTest"]["preconditions"]["results"][0]["tests"]["total"], 2);
        let changed = world.ask(&format!(r#"mutation {{ updatePrecondition(issueId: "{condition}", data: {{ definition: "Cash" }}) {{ definition }} }}"#)).await;
        assert_eq!(changed["updatePrecondition"]["definition"], "Cash");
        let found = world.ask(r#"{ getPreconditions(jql: "project = SHOP", limit: 5) { total } getTestSets(jql: "key = SHOP-S1", limit: 5) { total } }"#).await;
        assert_eq!((&found["getPreconditions"]["total"], &found["getTestSets"]["total"]), (&json!(1), &json!(1)));

        let folder = r#"projectId: "SHOP""#;
        world.ask(&format!(r#"mutation {{ createFolder({folder}, path: "/Shop/Cards", testIssueIds: ["{one}"]) {{ folder {{ name path testsCount }} warnings }} }}"#)).await;
        world.ask(&format!(r#"mutation {{ addIssuesToFolder({folder}, path: "/Shop", issueIds: ["{two}", "{condition}"]) {{ folder {{ issuesCount }} warnings }} }}"#)).await;
        let found = world.ask(&format!(r#"{{ getFolder({folder}, path: "/") {{ issuesCount testsCount preconditionsCount folders }} }}"#)).await;
        let root = &found["getFolder"];
        assert_eq!((&root["testsCount"], &root["preconditionsCount"]), (&json!(2), &json!(1)));
        assert_eq!(root["folders"][0]["folders"][0]["path"], "/Shop/Cards");
        world.ask(&format!(r#"mutation {{ renameFolder({folder}, path: "/Shop", newName: "Store") {{ folder {{ path }} }} }}"#)).await;
        let inside = async |path: &str, deep: bool| {
            let query = format!(r#"{{ getTests(projectId: "SHOP", limit: 5, folder: {{ path: "{path}", includeDescendants: {deep} }}) {{ total results {{ jira(fields: ["key"]) }} }} }}"#);
            keys(&world.ask(&query).await["getTests"])
        };
        assert_eq!(inside("/Store", false).await, ["SHOP-T2"]);
        assert_eq!(inside("/Store", true).await, ["SHOP-T1", "SHOP-T2"]);
        assert!(inside("/Shop", true).await.is_empty());
        world.ask(&format!(r#"mutation {{ moveFolder({folder}, path: "/Store/Cards", destinationPath: "/") {{ folder {{ path testsCount }} }} }}"#)).await;
        assert_eq!(inside("/Cards", false).await, ["SHOP-T1"]);
        let why = world.refused(&format!(r#"mutation {{ moveFolder({folder}, path: "/Cards", destinationPath: "/Cards") {{ folder {{ path }} }} }}"#)).await;
        assert!(why.contains("into itself"), "{why}");
        world.ask(&format!(r#"mutation {{ deleteFolder({folder}, path: "/Cards") }}"#)).await;
        assert_eq!(inside("/", false).await, ["SHOP-T1"], "what lay in it lies in the root");
        world.ask(&format!(r#"mutation {{ deleteTestSet(issueId: "{set}") deletePrecondition(issueId: "{condition}") }}"#)).await;
        assert_eq!(world.ask("{ getTestSets(limit: 5) { total } }").await["getTestSets"]["total"], 0);
        world.app.stop().await;
    }

    async fn executions_and_plans_hold_tests(database: Database) {
        let world = World::new(database).await;
        let (one, two) = (world.test("Pays").await, world.test("Refunds").await);
        let (plan, execution) = (world.plan(&[&one]).await, world.execution(&[&one]).await);
        let added = world.ask(&format!(r#"mutation {{ addTestsToTestExecution(issueId: "{execution}", testIssueIds: ["{one}", "{two}"]) {{ addedTests warning }} }}"#)).await;
        assert_eq!(added["addTestsToTestExecution"]["addedTests"], json!([two]));
        world.ask(&format!(r#"mutation {{ addTestsToTestPlan(issueId: "{plan}", testIssueIds: ["{two}"]) {{ addedTests warning }} }}"#)).await;
        world.ask(&format!(r#"mutation {{ removeTestPlansFromTest(issueId: "{one}", testPlanIssueIds: ["{plan}"]) }}"#)).await;
        let environments = world.ask(&format!(r#"mutation {{ addTestEnvironmentsToTestExecution(issueId: "{execution}", testEnvironments: ["safari", "chrome"]) {{ associatedTestEnvironments createdTestEnvironments warning }} }}"#)).await;
        assert_eq!(environments["addTestEnvironmentsToTestExecution"]["createdTestEnvironments"], json!(["safari"]));
        let query = format!(r#"{{ getTestExecution(issueId: "{execution}") {{ testEnvironments jira(fields: ["key", "fixVersions", "issuetype"])
            tests(limit: 10) {{ total }} testRuns(limit: 10) {{ total results {{ status {{ name }} testExecution {{ issueId }} }} }} testPlans(limit: 10) {{ total }} }}
            getTestPlan(issueId: "{plan}") {{ tests(limit: 10) {{ results {{ jira(fields: ["key"]) }} }} testExecutions(limit: 10) {{ total }} }} }}"#);
        let found = world.ask(&query).await;
        let held = &found["getTestExecution"];
        assert_eq!(held["testEnvironments"], json!(["chrome", "safari"]));
        assert_eq!((&held["tests"]["total"], &held["testRuns"]["total"], &held["testPlans"]["total"]), (&json!(2), &json!(2), &json!(0)));
        assert_eq!(held["jira"]["fixVersions"][0]["name"], "1.4");
        assert_eq!(keys(&found["getTestPlan"]["tests"]), ["SHOP-T2"]);
        world.ask(&format!(r#"mutation {{ removeTestsFromTestExecution(issueId: "{execution}", testIssueIds: ["{one}"]) }}"#)).await;
        assert_eq!(world.ask(&query).await["getTestExecution"]["testRuns"]["total"], 1);
        world.consistent().await;
        let found = world.ask(r#"{ getTestExecutions(jql: "fixVersion = 1.4 AND project = SHOP", limit: 5) { total } none: getTestExecutions(jql: "fixVersion = 2", limit: 5) { total } }"#).await;
        assert_eq!((&found["getTestExecutions"]["total"], &found["none"]["total"]), (&json!(1), &json!(0)));
        world.ask(&format!(r#"mutation {{ deleteTestExecution(issueId: "{execution}") deleteTestPlan(issueId: "{plan}") }}"#)).await;
        assert!(world.refused(&query).await.contains("There is no Test"));
        world.app.stop().await;
    }

    async fn what_cannot_be_answered_is_an_error(database: Database) {
        let world = World::new(database).await;
        let test = world.test("Pays").await;
        for (query, wanted) in [
            (r#"{ getTests(jql: "assignee = me", limit: 5) { total } }"#.to_owned(), "assignee"),
            (r#"{ getTests(jql: "key = ", limit: 5) { total } }"#.to_owned(), "a value"),
            ("{ getTests(limit: 101) { total } }".to_owned(), "100"),
            ("{ getTestRuns(limit: 5) { total } }".to_owned(), "name some"),
            ("{ getTest(issueId: \"17\") { issueId } }".to_owned(), "17"),
            (format!(r#"{{ getTest(issueId: "{test}") {{ unheardOf }} }}"#), "unheardOf"),
            (r#"mutation { createTest(jira: { fields: { summary: "x" } }) { warnings } }"#.to_owned(), "project"),
            (r#"{ getProjectSettings(projectIdOrKey: "NONE") { projectId } }"#.to_owned(), "NONE"),
            ("{ getTests(limit: 100) { results { testRuns(limit: 100) { results { test { testRuns(limit: 100) { results { id } } } } } } } }".to_owned(), "complex"),
        ] {
            let why = world.refused(&query).await;
            assert!(why.contains(wanted), "{query}: {why}");
        }
        let url = format!("{}/xray/api/v2/graphql", world.app.base);
        let body = json!({ "query": "{ getStatuses { name } }" });
        let none = world.app.http.post(&url).json(&body).send().await.unwrap();
        assert_eq!(none.status(), 401);
        let wrong = world.app.http.post(&url).bearer_auth(&world.token).body("{").send().await.unwrap();
        assert_eq!(wrong.status(), 400);

        let found = world.ask(r#"{ getStatuses { name final color coverageStatus } getStepStatuses { name } getStatus(name: "pass") { name }
            getProjectSettings(projectIdOrKey: "SHOP") { projectId defectIssueTypes testEnvironments testTypeSettings { testTypes { name kind } } } }"#).await;
        assert_eq!(found["getStatus"]["name"], "PASSED");
        assert!(found["getStatuses"].as_array().unwrap().iter().any(|status| status["name"] == "TO DO" && status["final"] == false));
        assert_eq!(found["getProjectSettings"]["defectIssueTypes"], json!(["Bug"]));
        world.app.stop().await;
    }

    async fn a_client_of_one_project_sees_no_other(database: Database) {
        let world = World::new(database).await;
        let test = world.test("Pays").await;
        let execution = world.execution(&[&test]).await;
        let run = text(&world.run(&test, &execution).await["id"]);
        let store = &world.app.app().store;
        let site = touchstone::store::sites::find(store.read(), &world.site.client_key).await.unwrap().unwrap().site.id;
        let projects = vec!["BANK".to_owned()];
        let made = touchstone::app::create_api_client::create_api_client(store, site, "bank", projects, None, T0).await.unwrap();
        let bank = World { token: made.1, ..world };
        assert_eq!(bank.ask("{ getTests(limit: 5) { total } }").await["getTests"]["total"], 0);
        let issues = bank.ask(r#"{ getCoverableIssues(limit: 5) { results { jira(fields: ["key"]) } } }"#).await;
        assert_eq!(keys(&issues["getCoverableIssues"]), ["BANK-1"]);
        for query in [
            format!(r#"{{ getTest(issueId: "{test}") {{ issueId }} }}"#),
            format!(r#"{{ getTestRunById(id: "{run}") {{ id }} }}"#),
            format!(r#"mutation {{ updateTestRunStatus(id: "{run}", status: "PASSED") }}"#),
            format!(r#"mutation {{ deleteTestExecution(issueId: "{execution}") }}"#),
            r#"mutation { createTest(jira: { fields: { summary: "x", project: { key: "SHOP" } } }) { warnings } }"#.to_owned(),
            r#"{ getFolder(projectId: "SHOP", path: "/") { path } }"#.to_owned(),
        ] {
            bank.refused(&query).await;
        }
        bank.app.stop().await;
    }

    async fn tests_call_one_another_and_have_a_past(database: Database) {
        let world = World::new(database).await;
        let (one, two) = (world.test("Signs in").await, world.test("Pays").await);
        let call = format!(r#"mutation {{ addTestStep(issueId: "{two}", step: {{ callTestIssueId: "{one}" }}) {{ id action callTestIssueId }} }}"#);
        let step = world.ask(&call).await["addTestStep"].clone();
        assert_eq!((&step["callTestIssueId"], &step["action"]), (&json!(one), &json!("Carry out SHOP-T1.")));
        let query = format!(r#"{{ getExpandedTest(issueId: "{two}") {{ issueId versionId testType {{ name }} jira(fields: ["key"]) warnings
            steps {{ id action parentTestIssueId calledTestIssueId attachments {{ id }} }} }}
            before: getExpandedTest(issueId: "{two}", versionId: 1) {{ versionId steps {{ action }} }}
            getExpandedTests(tests: [{{ issueId: "{one}", versionId: 1 }}], limit: 5) {{ total results {{ versionId }} }} }}"#);
        let found = world.ask(&query).await;
        let expanded = &found["getExpandedTest"];
        let actions: Vec<String> = expanded["steps"].as_array().unwrap().iter().map(|step| text(&step["action"])).collect();
        assert_eq!(actions, ["Open", "Pay", "Open", "Pay"]);
        assert_eq!((&expanded["steps"][2]["parentTestIssueId"], &expanded["steps"][0]["parentTestIssueId"]), (&json!(one), &Value::Null));
        assert_eq!((&expanded["versionId"], &expanded["jira"]["key"]), (&json!(2), &json!("SHOP-T2")));
        assert_eq!(found["before"]["steps"].as_array().unwrap().len(), 2);
        assert_eq!((&found["getExpandedTests"]["total"], &found["getExpandedTests"]["results"][0]["versionId"]), (&json!(1), &json!(1)));
        // A test that calls itself, by way of another, is not followed for ever.
        world.ask(&format!(r#"mutation {{ addTestStep(issueId: "{one}", step: {{ callTestIssueId: "{two}" }}) {{ id }} }}"#)).await;
        let round = world.ask(&query).await["getExpandedTest"].clone();
        assert_eq!((round["steps"].as_array().unwrap().len(), round["warnings"].as_array().unwrap().len()), (5, 1));

        let past = world.ask(&format!(r#"{{ getTest(issueId: "{two}") {{ history(limit: 5) {{ total results {{ user version action date changes {{ field change }} }} }} }} }}"#)).await;
        let past = &past["getTest"]["history"];
        assert_eq!((&past["total"], &past["results"][0]["action"], &past["results"][1]["action"]), (&json!(2), &json!("Update"), &json!("Create")));
        assert_eq!(past["results"][0]["changes"][0]["field"], "Steps");
        let why = world.refused(&format!(r#"mutation {{ addTestStep(issueId: "{two}", step: {{ action: "x", attachments: [{{ filename: "a" }}] }}) {{ id }} }}"#)).await;
        assert!(why.contains("not kept"), "{why}");
        let one_of_two = format!(r#"{{ known: getTest(issueId: "{one}") {{ issueId }} unknown: getTest(issueId: "17") {{ issueId }} }}"#);
        let answer = world.answer(&one_of_two, json!({})).await;
        assert_eq!(answer["data"], json!({ "known": { "issueId": one }, "unknown": null }), "{answer}");
        assert_eq!(answer["errors"][0]["path"], json!(["unknown"]));
        world.app.stop().await;
    }

    async fn runs_have_examples_versions_and_a_timer(database: Database) {
        let world = World::new(database).await;
        let gherkin = "Given a <card>\\nExamples:\\n| card |\\n| visa |\\n| amex |";
        let made = world.ask(&format!(r#"mutation {{ createTest(testType: {{ name: "Cucumber" }}, gherkin: "{gherkin}",
            jira: {{ fields: {{ summary: "Pays", project: {{ key: "SHOP" }} }} }}) {{ test {{ issueId }} }} }}"#)).await;
        let test = text(&made["createTest"]["test"]["issueId"]);
        let execution = world.execution(&[&test]).await;
        let read = format!(r#"{{ getTestRun(testIssueId: "{test}", testExecIssueId: "{execution}") {{ id status {{ name }} parameters {{ name }}
            examples {{ id duration status {{ name }} }} preconditions(limit: 5) {{ total }} results {{ duration backgrounds {{ error }} }} testVersion {{ id }} }} }}"#);
        let run = world.ask(&read).await["getTestRun"].clone();
        assert_eq!(run["examples"].as_array().unwrap().len(), 2);
        assert_eq!((&run["examples"][1]["status"]["name"], &run["preconditions"]["total"]), (&json!("TO DO"), &json!(0)));
        let example = |n: usize| text(&run["examples"][n]["id"]);
        for (n, status) in [(0, "PASSED"), (1, "FAILED")] {
            world.ask(&format!(r#"mutation {{ updateTestRunExampleStatus(exampleId: "{}", status: "{status}") {{ warnings }} }}"#, example(n))).await;
        }
        let now = world.ask(&read).await["getTestRun"].clone();
        assert_eq!((&now["status"]["name"], &now["examples"][0]["status"]["name"]), (&json!("FAILED"), &json!("PASSED")));
        world.consistent().await;
        let id = text(&run["id"]);
        let timer = async |how: &str| text(&world.ask(&format!(r#"mutation {{ setTestRunTimer(testRunId: "{id}", {how}) }}"#)).await["setTestRunTimer"]);
        assert!(timer("running: true").await.contains("runs"));
        assert!(timer("running: false").await.contains("stands"));
        assert!(timer("reset: true").await.contains("stands at 0"));

        // An execution may hold a test in a version it had before.
        world.ask(&format!(r#"mutation {{ updateGherkinTestDefinition(issueId: "{test}", gherkin: "Given cash") {{ gherkin }} }}"#)).await;
        let other = world.execution(&[]).await;
        let added = world.ask(&format!(r#"mutation {{ addTestsToTestExecution(issueId: "{other}", tests: [{{ issueId: "{test}", versionId: 1 }}]) {{ addedTests warning }} }}"#)).await;
        assert_eq!(added["addTestsToTestExecution"]["addedTests"], json!([test]));
        let found = world.ask(&format!(r#"{{ getTestRun(testIssueId: "{test}", testExecIssueId: "{other}") {{ testVersion {{ id testExecutions(limit: 5) {{ total }} }} }} }}"#)).await;
        assert_eq!(found["getTestRun"]["testVersion"], json!({ "id": 1, "testExecutions": { "total": 2 } }));
        let query = |who: &str| format!(r#"{{ getTestRuns(testIssueIds: ["{test}"], testRunAssignees: ["{who}"], limit: 5) {{ total }} }}"#);
        world.ask(&format!(r#"mutation {{ updateTestRun(id: "{id}", assigneeId: "bob") {{ warnings }} }}"#)).await;
        assert_eq!(world.ask(&query("bob")).await["getTestRuns"]["total"], 1);
        assert_eq!(world.ask(&query("ann")).await["getTestRuns"]["total"], 0);
        let settings = world.ask(r#"{ getIssueLinkTypes { id name } getProjectSettings(projectIdOrKey: "SHOP") { testStepSettings { fields { id } } testRunCustomFieldSettings { fields { id } } } }"#).await;
        assert_eq!(settings["getIssueLinkTypes"], json!([]));
        world.app.stop().await;
    }
}
