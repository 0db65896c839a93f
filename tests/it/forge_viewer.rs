//! What a person may see and do from a page under Forge: asked of Jira as that person, and never
//! taken from what the page says.

use jira_standin::{IssueRef, Options, Standin};
use reqwest::{Method, Response};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::both_databases;
use crate::support::{Database, TestApp};

/// A service on a stand-in Jira with two issues, of which Mina may see the first.
struct World {
    jira: Standin,
    app: TestApp,
    shown: IssueRef,
    hidden: IssueRef,
}

impl World {
    async fn new(database: Database) -> Self {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_on_forge(database, &jira).await;
        let issue = |project: &str| {
            let made = jira.create_issue("ada", project, "Story", "Pays by card", &json!({}));
            made.unwrap()
        };
        let (shown, hidden) = (issue("SHOP"), issue("OPS"));
        jira.set_permission("mina", "OPS", "BROWSE_PROJECTS", false)
            .unwrap();
        Self {
            jira,
            app,
            shown,
            hidden,
        }
    }

    /// Asks for the panel of an issue from the page of another.
    async fn look(&self, account: &str, page: &IssueRef, issue: &IssueRef) -> Response {
        let path = format!("/ui/issue/{}", issue.id);
        let page = Some(page.key.as_str());
        self.app
            .call_from_page(&self.jira, account, page, Method::GET, &path, None)
            .await
    }

    /// How often people asked Jira what they may, and whether the app ever asked for one.
    fn questions(&self) -> (usize, bool) {
        self.jira.read(|state| {
            let asked = |path: &str, by_app: bool| {
                let requests = state.requests().iter();
                let requests = requests.filter(|request| request.target.contains(path));
                requests
                    .filter(|request| request.by_forge && request.by_app == by_app)
                    .count()
            };
            (
                asked("/mypermissions", false),
                asked("permission", true) > 0,
            )
        })
    }
}

async fn problem(answer: Response, status: u16) -> String {
    assert_eq!(answer.status(), status);
    assert_eq!(answer.headers()["content-type"], "application/json");
    let problem: Value = answer.json().await.unwrap();
    problem["title"].as_str().unwrap().to_owned()
}

both_databases! {
    async fn sight_is_asked_of_jira_as_the_person(database: Database) {
        let world = World::new(database).await;
        assert_eq!(world.look("mina", &world.shown, &world.shown).await.status(), 200);
        assert_eq!(world.look("mina", &world.shown, &world.shown).await.status(), 200);
        assert_eq!(world.questions(), (1, false), "asked once, by herself");
        let refused = problem(world.look("mina", &world.shown, &world.hidden).await, 404).await;
        assert_eq!(refused, "There is no such issue, or you may not see it.");
        assert_eq!(world.look("ada", &world.hidden, &world.hidden).await.status(), 200);
    }

    async fn an_issue_the_page_names_is_no_proof(database: Database) {
        let world = World::new(database).await;
        let module = world.jira.module_key("jira:issuePanel").unwrap();
        let mut claims = world.jira.page_claims(&module, "mina", Some(&world.shown.key)).unwrap();
        claims["context"]["extension"]["issue"] =
            json!({ "id": world.hidden.id.to_string(), "key": world.hidden.key });
        let url = format!("{}/ui/issue/{}", world.app.base, world.hidden.id);
        let request = world.app.http.get(url).bearer_auth(world.jira.sign_fit(&claims));
        let token = world.jira.user_token("mina").unwrap();
        let answer = request.header("x-forge-oauth-user", token).send().await.unwrap();
        problem(answer, 404).await;
    }

    async fn acts_and_settings_follow_the_persons_own_rights(database: Database) {
        let world = World::new(database).await;
        let settings = async |account: &str, method: Method| {
            let path = "/ui/admin/settings";
            world.app.call_from_page(&world.jira, account, None, method, path, None).await
        };
        assert_eq!(settings("ada", Method::GET).await.status(), 200);
        for method in [Method::GET, Method::POST] {
            let refused = problem(settings("mina", method).await, 403).await;
            assert_eq!(refused, "Only Jira administrators can change these settings.");
        }
        world.jira.set_permission("daniel", "SHOP", "EDIT_ISSUES", false).unwrap();
        let page = Some(world.shown.key.as_str());
        let path = format!("/ui/issue/{}/link", world.shown.id);
        let link = async |account: &str| {
            world.app.call_from_page(&world.jira, account, page, Method::POST, &path, None).await
        };
        assert_eq!(problem(link("daniel").await, 403).await, "You may not edit this issue.");
        assert_ne!(link("mina").await.status(), 403);
    }

    async fn a_page_cannot_plant_a_token_of_the_app(database: Database) {
        let world = World::new(database).await;
        let held = async || {
            let sites = world.app.app().sites.list().await.unwrap();
            let access = sites[0].forge.clone().unwrap();
            access.system_token.unwrap().secret.expose_secret().to_owned()
        };
        let before = held().await;
        let module = world.jira.module_key("jira:issuePanel").unwrap();
        let claims = world.jira.page_claims(&module, "mina", Some(&world.shown.key)).unwrap();
        let later = "eyJhbGciOiJub25lIn0.eyJleHAiOjQwMDAwMDAwMDB9.x";
        let url = format!("{}/ui/issue/{}", world.app.base, world.shown.id);
        let request = world.app.http.get(url).bearer_auth(world.jira.sign_fit(&claims));
        let request = request.header("x-forge-oauth-system", later);
        let token = world.jira.user_token("mina").unwrap();
        let answer = request.header("x-forge-oauth-user", token).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(held().await, before);
    }

    async fn a_rotation_of_forges_keys_is_followed(database: Database) {
        let world = World::new(database).await;
        let fetches = world.jira.key_fetches();
        world.jira.rotate_keys(false).unwrap();
        for _ in 0..3 {
            assert_eq!(world.look("mina", &world.shown, &world.shown).await.status(), 200);
        }
        assert_eq!(world.jira.key_fetches(), fetches + 1);
    }

    async fn a_removed_app_lets_no_page_in(database: Database) {
        let world = World::new(database).await;
        let module = world.jira.module_key("jira:issuePanel").unwrap();
        let claims = world.jira.page_claims(&module, "mina", Some(&world.shown.key)).unwrap();
        let token = world.jira.user_token("mina").unwrap();
        world.jira.uninstall_forge(false).await.unwrap();
        let url = format!("{}/ui/issue/{}", world.app.base, world.shown.id);
        let request = world.app.http.get(url).bearer_auth(world.jira.sign_fit(&claims));
        let answer = request.header("x-forge-oauth-user", token).send().await.unwrap();
        problem(answer, 403).await;
    }
}
