//! The traceability matrix over the API: forward, backward, orphans, files and snapshots, each with
//! what a client may not see left out.

use serde_json::{Value, json};
use touchstone::app::create_api_client::create_api_client;
use touchstone::domain::issue::{IssueSnapshot, Named, StatusCategory};
use touchstone::store::{SiteId, defects, executions, issues, sites, tests};

use crate::both_databases;
use crate::support::site::Site;
use crate::support::{Database, TestApp};

/// 2026-11-20, in milliseconds.
const T0: i64 = 1_795_132_800_000;

struct World {
    app: TestApp,
    site: SiteId,
    token: String,
}

/// An issue of the mirror: key, type, priority, fix version, sprint, whether it is done.
type Told<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str, bool);

const TOLD: [Told<'_>; 9] = [
    ("SHOP-7", "Story", "High", "1.4", "Sprint 7", false),
    ("SHOP-8", "Story", "Low", "1.5", "Sprint 8", false),
    ("SHOP-9", "Story", "Low", "1.4", "", false),
    ("SHOP-10", "Story", "Low", "", "", false),
    ("SHOP-11", "Bug", "Critical", "", "", false),
    ("SHOP-12", "Bug", "Blocker", "", "", true),
    ("SHOP-13", "Bug", "Low", "", "", false),
    ("SHOP-14", "Sub-task", "Low", "", "", false),
    ("PAY-1", "Bug", "Blocker", "", "", false),
];

impl World {
    /// SHOP-7 fails on chrome in version 1.4 and has an open, a resolved and a foreign defect, SHOP-8
    /// passes, SHOP-9's test was never run but skipped, SHOP-10 has no test; one test covers nothing.
    async fn new(database: Database) -> Self {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let token = app.api_token(&site).await;
        let found = sites::find(app.app().store.read(), &site.client_key);
        let site = found.await.unwrap().unwrap().site.id;
        let world = Self { app, site, token };
        for (n, told) in (10_000..).zip(TOLD) {
            world.tell(n, told).await;
        }
        world
            .report(
                "pays",
                Some("SHOP-7"),
                "environment=chrome&fixVersion=1.4",
                FAILS,
            )
            .await;
        world
            .report("ships", Some("SHOP-7"), "environment=chrome", "")
            .await;
        world
            .report("refunds", Some("SHOP-8"), "environment=safari", "")
            .await;
        world
            .report("cancels", Some("SHOP-9"), "", "<skipped/>")
            .await;
        world.report("dreams", None, "", "").await;
        for defect in ["SHOP-11", "SHOP-12", "PAY-1"] {
            world.link_defect("SHOP-T1", defect, "SHOP-E1").await;
        }
        world
    }

    async fn tell(&self, jira_id: i64, (key, kind, priority, version, sprint, done): Told<'_>) {
        let named = |name: &str| Named {
            id: name.to_lowercase(),
            name: name.to_owned(),
        };
        let some = |name: &str| (!name.is_empty()).then(|| named(name));
        let snapshot = IssueSnapshot {
            jira_id,
            key: key.into(),
            project_key: key.split('-').next().unwrap().into(),
            summary: format!("Summary of {key}"),
            issue_type: named(kind),
            status: named(if done { "Done" } else { "In Progress" }),
            status_category: if done {
                StatusCategory::Done
            } else {
                StatusCategory::Indeterminate
            },
            priority: some(priority),
            fix_versions: some(version).into_iter().collect(),
            sprints: some(sprint).into_iter().collect(),
            ..IssueSnapshot::default()
        };
        let txn = self.app.app().store.write().await.unwrap();
        issues::upsert_snapshot(&*txn, self.site, &snapshot, T0)
            .await
            .unwrap();
        txn.commit().await.unwrap();
    }

    async fn report(&self, test: &str, issue: Option<&str>, query: &str, outcome: &str) {
        let covers = issue.map_or(String::new(), |key| {
            format!("<properties><property name='requirement' value='{key}'/></properties>")
        });
        let file = format!(
            "<testsuite name='unit' timestamp='2026-11-20T10:00:00Z'>\
             <testcase classname='shop' name='{test}'>{covers}{outcome}</testcase></testsuite>"
        );
        let url = format!("{}/api/v1/projects/SHOP/results?{query}", self.app.base);
        let sending = self.app.http.post(url).bearer_auth(&self.token).body(file);
        let answer = sending.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    async fn link_defect(&self, test: &str, defect: &str, execution: &str) {
        let store = &self.app.app().store;
        let on = store.read();
        let test = tests::by_key(on, self.site, &test.parse().unwrap())
            .await
            .unwrap()
            .unwrap();
        let issue = issues::by_key(on, self.site, defect)
            .await
            .unwrap()
            .unwrap();
        let execution = execution.parse().unwrap();
        let execution = executions::by_key(on, self.site, &execution);
        let link = defects::NewDefectLink {
            test: test.id,
            issue: issue.id,
            run: Some((execution.await.unwrap().unwrap().id, 1)),
            signature: None,
            cause: None,
            created_by: None,
        };
        let txn = store.write().await.unwrap();
        defects::link(&*txn, self.site, &link, T0).await.unwrap();
        txn.commit().await.unwrap();
    }

    /// A client that was made for SHOP alone.
    async fn client_of_shop(&self) -> String {
        let (store, projects) = (&self.app.app().store, vec!["SHOP".to_owned()]);
        let made = create_api_client(store, self.site, "shop", projects, None, T0).await;
        made.unwrap().1
    }

    async fn get(&self, path: &str) -> Value {
        self.get_as(&self.token, path).await
    }

    async fn get_as(&self, token: &str, path: &str) -> Value {
        let path = format!("/api/v1/projects/SHOP/matrix{path}");
        let answer = self.app.api_get(token, &path).await;
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// How a request is refused.
    async fn refused(&self, path: &str) -> (u16, String) {
        let path = format!("/api/v1/projects/{path}");
        let answer = self.app.api_get(&self.token, &path).await;
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap();
        (status, body["title"].as_str().unwrap().to_owned())
    }

    async fn keys(&self, query: &str) -> Vec<String> {
        let matrix = self.get(query).await;
        keys(&matrix["items"])
    }

    async fn take(&self, body: &Value) -> (u16, Value) {
        let url = format!("{}/api/v1/projects/SHOP/matrix/snapshots", self.app.base);
        let sending = self.app.http.post(url).bearer_auth(&self.token).json(body);
        let answer = sending.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

const FAILS: &str = "<failure message='no'/>";

fn keys(rows: &Value) -> Vec<String> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["issue"]["key"].as_str().unwrap().to_owned())
        .collect()
}

both_databases! {
    async fn a_row_leads_from_the_issue_to_its_defects_and_agrees_with_the_panel(database: Database) {
        let world = World::new(database).await;
        let matrix = world.get("?type=story&expand=tests").await;
        assert_eq!(keys(&matrix["items"]), ["SHOP-7", "SHOP-8", "SHOP-9", "SHOP-10"]);
        assert_eq!((&matrix["next"], &matrix["hidden"]), (&json!(null), &json!(0)));
        let row = &matrix["items"][0];
        assert_eq!(row["issue"], json!({
            "key": "SHOP-7", "summary": "Summary of SHOP-7", "type": "Story", "priority": "High",
            "workflowStatus": "In Progress", "statusCategory": "indeterminate",
            "fixVersions": ["1.4"], "sprints": ["Sprint 7"],
        }));
        assert_eq!(row["counts"], json!({"tests": 2, "passed": 1, "failed": 1, "notRun": 0, "unknown": 0}));
        assert_eq!(row["environments"], json!(["chrome"]));
        assert_eq!(row["defects"]["worstOpenSeverity"], "blocker");
        assert_eq!(row["defects"]["open"][0]["key"], "PAY-1");
        assert_eq!(row["defects"]["open"][1]["key"], "SHOP-11");
        assert_eq!(row["defects"]["resolved"][0]["key"], "SHOP-12");
        assert_eq!(row["reason"]["rule"], "a-test-failed");
        assert_eq!(row["reason"]["decidedBy"][0]["test"], "SHOP-T1");
        let test = &row["tests"][0];
        assert_eq!((&test["key"], &test["status"]), (&json!("SHOP-T1"), &json!("FAILED")));
        assert_eq!(test["runs"][0]["execution"], "SHOP-E1");
        assert_eq!(test["runs"][0]["defects"], json!(["PAY-1", "SHOP-11", "SHOP-12"]));
        assert_eq!(test["defects"][0]["run"], "SHOP-E1/1");

        for scope in ["latest", "version:1.4", "version:9"] {
            let matrix = world.get(&format!("?type=Story&scope={scope}")).await;
            for row in matrix["items"].as_array().unwrap() {
                let key = row["issue"]["key"].as_str().unwrap();
                let path = format!("/api/v1/issues/{key}/coverage?scope={scope}");
                let panel: Value = world.app.api_get(&world.token, &path).await.json().await.unwrap();
                assert_eq!(row["status"], panel["status"], "{key} in {scope}");
                assert_eq!(row["counts"], panel["counts"], "{key} in {scope}");
                assert_eq!(row["reason"]["sentence"], panel["reason"]["sentence"], "{key} in {scope}");
                assert_eq!(row["reason"]["excluded"], panel["reason"]["excluded"], "{key} in {scope}");
                assert!(row.get("tests").is_none(), "tests are shown when they are asked for");
            }
        }
        world.app.stop().await;
    }

    async fn issues_are_narrowed_paged_and_counted(database: Database) {
        let world = World::new(database).await;
        assert_eq!(world.keys("?status=NOK").await, ["SHOP-7"]);
        assert_eq!(world.keys("?status=OK&status=NOTRUN").await, ["SHOP-8", "SHOP-9"]);
        assert_eq!(world.keys("?version=1.4").await, ["SHOP-7", "SHOP-9"]);
        assert_eq!(world.keys("?sprint=sprint%208").await, ["SHOP-8"]);
        assert_eq!(world.keys("?priority=low&type=Story").await, ["SHOP-8", "SHOP-9", "SHOP-10"]);
        assert_eq!(world.keys("?text=shop-1&type=Bug").await, ["SHOP-11", "SHOP-12", "SHOP-13"]);
        assert_eq!(world.keys("?text=nobody").await, Vec::<String>::new());

        let all = world.keys("").await;
        assert_eq!(all.len(), 7, "no sub-task, nothing of PAY: {all:?}");
        for filter in ["", "&status=UNCOVERED"] {
            let (mut seen, mut path) = (Vec::new(), format!("?limit=2{filter}"));
            loop {
                let page = world.get(&path).await;
                assert!(page["items"].as_array().unwrap().len() <= 2);
                seen.extend(keys(&page["items"]));
                match page["next"].as_str() {
                    Some(next) => path = format!("?limit=2&cursor={next}{filter}"),
                    None => break,
                }
            }
            assert_eq!(seen, world.keys(&format!("?limit=200{filter}")).await);
        }

        let totals = world.get("/totals?type=Story").await;
        assert_eq!(totals["issues"], 4);
        assert_eq!(totals["statuses"], json!({
            "OK": 1, "NOK": 1, "NOTRUN": 1, "UNKNOWN": 0, "UNCOVERED": 1, "EXEMPT": 0,
        }));
        for (status, count) in totals["statuses"].as_object().unwrap() {
            let listed = world.keys(&format!("?type=Story&status={status}")).await;
            assert_eq!(json!(listed.len()), *count, "the list behind {status}");
        }
        world.app.stop().await;
    }

    async fn what_cannot_be_understood_is_one_clear_problem(database: Database) {
        let world = World::new(database).await;
        for (path, status) in [
            ("SHOP/matrix?status=FINE", 400),
            ("SHOP/matrix?scope=newest", 400),
            ("SHOP/matrix?limit=0", 400),
            ("SHOP/matrix?limit=201", 400),
            ("SHOP/matrix?cursor=x", 400),
            ("SHOP/matrix?expand=runs", 400),
            ("SHOP/matrix?colour=red", 400),
            ("SHOP/matrix/backward?from=runs", 400),
            ("SHOP/matrix/orphans?kind=socks", 400),
            ("SHOP/matrix/orphans?cursor=MQ", 400),
            ("SHOP/matrix/export?format=pdf", 400),
            ("SHOP/matrix/export?format=json&detail=tests", 400),
            ("SHOP/matrix/snapshots/1", 404),
            ("SHOP/matrix/snapshots/0198c5f0-0000-7000-8000-000000000000", 404),
            ("1/matrix", 400),
        ] {
            let (answered, title) = world.refused(path).await;
            assert_eq!(answered, status, "{path}: {title}");
        }
        for body in [
            json!({"name": ""}),
            json!({"name": "x".repeat(121)}),
            json!({"name": "a\nb"}),
            json!({"name": "a", "scope": "newest"}),
            json!({"name": "a", "filters": {"status": ["FINE"]}}),
            json!({"name": "a", "filters": {"type": vec!["Story"; 21]}}),
            json!({"name": "a", "filters": {"text": "x".repeat(256)}}),
        ] {
            let (status, problem) = world.take(&body).await;
            assert_eq!(status, 422, "{body}: {problem}");
        }
        assert_eq!(world.get("/snapshots").await["items"], json!([]), "nothing was stored");
        world.app.stop().await;
    }

    async fn backward_leads_from_a_defect_to_the_issues_at_risk(database: Database) {
        let world = World::new(database).await;
        world.report("pays", Some("SHOP-8"), "environment=chrome", FAILS).await;
        let back = world.get("/backward").await;
        assert!(back.get("tests").is_none());
        let rows = back["defects"]["items"].as_array().unwrap();
        let defects: Vec<_> = rows.iter().map(|row| row["defect"]["key"].as_str().unwrap()).collect();
        assert_eq!(defects, ["PAY-1", "SHOP-11", "SHOP-12"]);
        let own = &rows[1];
        assert_eq!(own["tests"][0]["key"], "SHOP-T1");
        assert_eq!(own["tests"][0]["run"], "SHOP-E1/1");
        assert_eq!(own["tests"][0]["status"], "FAILED");
        let at_risk: Vec<_> = own["issues"].as_array().unwrap().iter()
            .map(|issue| (issue["key"].as_str().unwrap(), issue["status"].as_str().unwrap())).collect();
        assert_eq!(at_risk, [("SHOP-7", "NOK"), ("SHOP-8", "NOK")]);

        let first = world.get("/backward?limit=1").await;
        let next = first["defects"]["next"].as_str().unwrap();
        let second = world.get(&format!("/backward?limit=1&cursor={next}")).await;
        assert_eq!(second["defects"]["items"][0]["defect"]["key"], "SHOP-11");

        let tests = world.get("/backward?from=tests").await;
        let rows = tests["tests"]["items"].as_array().unwrap();
        let protects: Vec<_> = rows.iter()
            .map(|row| (row["test"]["key"].as_str().unwrap(), row["test"]["issues"].clone())).collect();
        assert_eq!(protects, [
            ("SHOP-T1", json!(["SHOP-7", "SHOP-8"])),
            ("SHOP-T2", json!(["SHOP-7"])),
            ("SHOP-T3", json!(["SHOP-8"])),
            ("SHOP-T4", json!(["SHOP-9"])),
            ("SHOP-T5", json!([])),
        ]);
        assert_eq!(rows[0]["defects"].as_array().unwrap().len(), 3);
        world.app.stop().await;
    }

    async fn what_hangs_on_nothing_is_found(database: Database) {
        let world = World::new(database).await;
        let orphans = world.get("/orphans").await;
        assert_eq!(orphans["tests"]["items"], json!([
            {"key": "SHOP-T5", "name": "dreams", "kind": "automated"},
        ]));
        assert_eq!(orphans["defects"]["items"][0]["key"], "SHOP-13");
        assert_eq!(orphans["defects"]["items"].as_array().unwrap().len(), 1);
        let uncovered = keys(&orphans["issues"]["items"]);
        assert_eq!(uncovered, ["SHOP-10", "SHOP-11", "SHOP-12", "SHOP-13"]);
        assert_eq!(orphans["results"]["items"], json!([]));

        let url = format!("{}/api/v1/tests/SHOP-T5", world.app.base);
        let change = world.app.http.patch(url).bearer_auth(&world.token).header("If-Match", "*");
        let archived = change.json(&json!({"archived": true})).send().await.unwrap();
        assert_eq!(archived.status(), 200, "{}", archived.text().await.unwrap());
        let orphans = world.get("/orphans").await;
        assert_eq!(orphans["tests"]["items"], json!([]), "it was put away");
        assert_eq!(orphans["results"]["items"], json!([]), "its results came before");
        world.report("dreams", None, "", FAILS).await;
        let late = world.get("/orphans?kind=results").await["results"]["items"].clone();
        assert_eq!((&late[0]["test"]["key"], &late[0]["status"]), (&json!("SHOP-T5"), &json!("FAILED")));

        let alone = world.get("/orphans?kind=issues&limit=3").await;
        assert!(alone.get("tests").is_none());
        let next = alone["issues"]["next"].as_str().unwrap();
        let rest = world.get(&format!("/orphans?kind=issues&limit=3&cursor={next}")).await;
        assert_eq!(keys(&rest["issues"]["items"]), ["SHOP-13"]);
        world.app.stop().await;
    }

    async fn every_file_says_what_it_shows(database: Database) {
        let world = World::new(database).await;
        let file = async |query: &str, form: &str| {
            let path = format!("/api/v1/projects/SHOP/matrix/export?{query}&scope=version:1.4&environment=chrome&type=Story");
            let answer = world.app.api_get(&world.token, &path).await;
            assert_eq!(answer.status(), 200, "{query}");
            assert_eq!(answer.headers()["content-type"], form);
            let disposition = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
            assert!(disposition.starts_with("attachment; filename=\"SHOP-matrix-20"), "{disposition}");
            answer.bytes().await.unwrap().to_vec()
        };
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();

        let csv = text(file("format=csv", "text/csv; charset=utf-8").await);
        for said in ["# Traceability matrix of: SHOP", "# Scope: version:1.4", "# Environment: chrome",
                     "# Type: Story", "# Settings: {\"finalPrecedence\":true", "# Computed: 20", "# Hidden: no issue"] {
            assert!(csv.contains(said), "{said}: {csv}");
        }
        let table: Vec<_> = csv.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(table.len(), 5, "{csv}");
        assert!(table[0].starts_with("Issue,Summary,Type,"), "{csv}");
        assert!(table[1].starts_with("SHOP-7,Summary of SHOP-7,Story,High,In Progress,1.4,Sprint 7,NOK,"), "{csv}");

        let csv = text(file("detail=tests", "text/csv; charset=utf-8").await);
        assert!(csv.contains("SHOP-7,NOK,SHOP-T1,pays,automated,FAILED,yes,chrome,SHOP-E1/1,2026-11-20T10:00:00Z,\"PAY-1, SHOP-11, SHOP-12\""), "{csv}");
        assert!(csv.contains("\nSHOP-10,UNCOVERED,,,,,,,,,\n"), "{csv}");

        let whole: Value = serde_json::from_slice(&file("format=json", "application/json").await).unwrap();
        assert_eq!((&whole["scope"], &whole["environment"]), (&json!("version:1.4"), &json!("chrome")));
        assert_eq!(whole["filters"], json!({"type": ["Story"]}));
        assert_eq!(whole["settings"]["finalPrecedence"], true);
        assert_eq!(keys(&whole["rows"]), ["SHOP-7", "SHOP-8", "SHOP-9", "SHOP-10"]);
        assert_eq!(whole["rows"][0]["tests"][0]["key"], "SHOP-T1");

        let page = text(file("format=html", "text/html; charset=utf-8").await);
        assert!(page.contains("<dt>Scope</dt><dd>version:1.4</dd>") && page.contains("SHOP-T1 pays: FAILED"), "{page}");
        assert!(!page.contains("<script"));

        let form = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
        let book = file("format=xlsx", form).await;
        assert_eq!(&book[..4], b"PK\x03\x04");
        world.app.stop().await;
    }

    async fn a_snapshot_stays_as_it_was_and_tells_what_changed_since(database: Database) {
        let world = World::new(database).await;
        let (status, first) = world.take(&json!({"name": " Before 1.4 ", "filters": {"type": ["Story"]}})).await;
        assert_eq!(status, 201, "{first}");
        assert_eq!((&first["name"], &first["scope"]), (&json!("Before 1.4"), &json!("latest")));
        assert_eq!(first["counts"]["NOK"], 1);
        assert_eq!(first["createdBy"], "tests");
        let path = format!("/snapshots/{}", first["id"].as_str().unwrap());
        let held = world.get(&path).await;
        let mut rows = [held["items"].clone(), world.get("?type=Story&expand=tests").await["items"].clone()];
        for row in rows.iter_mut().flat_map(|rows| rows.as_array_mut().unwrap()) {
            row["reason"]["computedMs"].take();
        }
        assert_eq!(rows[0], rows[1], "the same rows as the matrix");

        // SHOP-7 is mended, SHOP-8 breaks, SHOP-10 is covered by a test that fails, SHOP-15 is new.
        world.report("pays", Some("SHOP-7"), "environment=chrome", "").await;
        world.report("refunds", Some("SHOP-8"), "environment=safari", FAILS).await;
        world.report("waits", Some("SHOP-10"), "", FAILS).await;
        world.tell(10_050, ("SHOP-15", "Story", "Low", "", "", false)).await;
        assert_eq!(world.get(&path).await, held, "nothing of it changes");

        let changed = world.get(&format!("{path}/compare")).await;
        let turned = |what: &str| -> Vec<String> {
            let list = changed[what].as_array().unwrap().iter();
            list.map(|one| format!("{} {}→{}", one["key"].as_str().unwrap(), one["before"], one["after"])).collect()
        };
        assert_eq!(turned("becameOk"), ["SHOP-7 \"NOK\"→\"OK\""]);
        assert_eq!(turned("becameNok"), ["SHOP-8 \"OK\"→\"NOK\"", "SHOP-10 \"UNCOVERED\"→\"NOK\""]);
        assert_eq!(turned("becameCovered"), ["SHOP-10 \"UNCOVERED\"→\"NOK\""]);
        assert_eq!(turned("added"), ["SHOP-15 null→\"UNCOVERED\""]);
        assert_eq!(turned("removed"), Vec::<String>::new());

        let (_, second) = world.take(&json!({"name": "After", "filters": {"type": ["Story"]}})).await;
        let later = second["id"].as_str().unwrap();
        let stored = world.get(&format!("{path}/compare?with={later}")).await;
        for what in ["becameOk", "becameNok", "becameCovered", "lostCoverage", "changed", "added", "removed"] {
            assert_eq!(stored[what], changed[what], "{what}");
        }
        let listed = world.get("/snapshots?limit=1").await;
        assert_eq!(listed["items"][0]["id"], second["id"]);
        let next = listed["next"].as_str().unwrap();
        assert_eq!(world.get(&format!("/snapshots?limit=1&cursor={next}")).await["items"][0]["id"], first["id"]);

        let url = format!("{}/api/v1/projects/SHOP/matrix{path}", world.app.base);
        let gone = world.app.http.delete(&url).bearer_auth(&world.token).send().await.unwrap();
        assert_eq!(gone.status(), 204);
        let again = world.app.http.delete(&url).bearer_auth(&world.token).send().await.unwrap();
        assert_eq!(again.status(), 404);
        world.app.stop().await;
    }

    async fn a_client_sees_nothing_of_projects_it_was_not_made_for(database: Database) {
        let world = World::new(database).await;
        let (_, taken) = world.take(&json!({"name": "All"})).await;
        let client = world.client_of_shop().await;
        let matrix = world.get_as(&client, "?type=Story&expand=tests").await;
        let row = &matrix["items"][0];
        assert_eq!(row["defects"]["hidden"], 1);
        assert_eq!(row["defects"]["worstOpenSeverity"], "critical");
        let back = world.get_as(&client, "/backward").await;
        assert_eq!(back["defects"]["hidden"], 1);
        let snapshot = world.get_as(&client, &format!("/snapshots/{}", taken["id"].as_str().unwrap())).await;
        assert_eq!(snapshot["items"][0]["defects"]["hidden"], 1);
        let path = "/api/v1/projects/SHOP/matrix/export?format=json";
        let file = world.app.api_get(&client, path).await.text().await.unwrap();
        for seen in [matrix, back, snapshot] {
            assert!(!seen.to_string().contains("PAY-1"), "{seen}");
        }
        assert!(!file.contains("PAY-1"), "{file}");
        for path in ["", "/totals", "/backward", "/orphans", "/export", "/snapshots"] {
            let answer = world.app.api_get(&client, &format!("/api/v1/projects/PAY/matrix{path}")).await;
            assert_eq!(answer.status(), 403, "{path}");
        }
        world.app.stop().await;
    }
}
