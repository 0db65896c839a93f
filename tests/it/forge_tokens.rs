//! The security table of Forge: every kind of route against every token it must refuse, and JSON in
//! every answer. What is refused leaves nothing behind.

use reqwest::{Method, Response};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};
use touchstone::forge::Forge;

use crate::both_databases;
use crate::support::issuer::{APP_ID, Issuer};
use crate::support::{Database, TestApp};

const EVENTS: [&str; 4] = [
    "/forge/events/jira",
    "/forge/events/lifecycle",
    "/forge/events/pre-uninstall",
    "/forge/scheduled/hourly",
];
const PAGES: [(&str, Method); 3] = [
    ("/ui/issue/10042", Method::GET),
    ("/ui/issue/10042/link", Method::POST),
    ("/ui/admin/settings", Method::POST),
];

struct World {
    app: TestApp,
    issuer: Issuer,
}

impl World {
    /// A service that believes an issuer, on whose site the app is.
    async fn new(database: Database) -> Self {
        let issuer = Issuer::start();
        let app = TestApp::spawn_with(database, &issuer.options()).await;
        let world = Self { app, issuer };
        let met = world
            .event("/forge/events/lifecycle", &world.issuer.event())
            .await;
        assert_eq!(met.status(), 204);
        world
    }

    /// Sends a request with these `Authorization` headers.
    async fn send(&self, method: &Method, path: &str, authorizations: &[String]) -> Response {
        let url = format!("{}{path}", self.app.base);
        let mut request = self.app.http.request(method.clone(), url);
        for value in authorizations {
            request = request.header("Authorization", value);
        }
        if *method == Method::POST {
            request = request.json(&json!({ "eventType": "avi:jira:updated:issue" }));
        }
        // Anybody can add these; without a token that verifies they are nothing.
        let planted = request
            .header("x-forge-oauth-system", "planted")
            .header("x-forge-oauth-user", "planted");
        planted.send().await.unwrap()
    }

    /// Sends an event under these claims, as Forge does.
    async fn event(&self, path: &str, claims: &Value) -> Response {
        let token = format!("Bearer {}", self.issuer.sign(claims));
        self.send(&Method::POST, path, &[token]).await
    }

    /// Every route, with claims that its kind takes.
    fn routes(&self) -> Vec<(Method, &'static str, Value)> {
        let events = EVENTS.map(|path| (Method::POST, path, self.issuer.event()));
        let pages = PAGES.map(|(path, method)| (method, path, self.issuer.page(10042)));
        events.into_iter().chain(pages).collect()
    }

    /// How many rows every table has, and what is known of the sites.
    async fn state(&self) -> Vec<String> {
        let app = self.app.app();
        let on = app.store.read();
        let backend = on.get_database_backend();
        let list = match backend {
            DbBackend::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1",
            _ => "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1",
        };
        let tables = on
            .query_all_raw(Statement::from_string(backend, list))
            .await
            .unwrap();
        let mut state = vec![format!("{:?}", app.sites.list().await.unwrap())];
        for table in tables {
            let name: String = table.try_get_by_index(0).unwrap();
            let count = Statement::from_string(backend, format!("SELECT count(*) FROM \"{name}\""));
            let count = on.query_one_raw(count).await.unwrap().unwrap();
            state.push(format!(
                "{name} {}",
                count.try_get_by_index::<i64>(0).unwrap()
            ));
        }
        state
    }
}

/// The problem an answer is. Forge hands a page nothing but plain JSON, and of a 401 nothing at all.
async fn problem(answer: Response, status: u16, what: &str) -> Value {
    assert_eq!(answer.status(), status, "{what}");
    let is_for_a_page = answer.url().path().starts_with("/ui") && status != 401;
    let form = if is_for_a_page {
        "application/json"
    } else {
        "application/problem+json"
    };
    assert_eq!(answer.headers()["content-type"], form, "{what}");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["status"], status, "{what}");
    assert!(problem["title"].is_string(), "{what}: {problem}");
    problem
}

both_databases! {
    async fn a_token_that_does_not_verify_is_refused_everywhere(database: Database) {
        let world = World::new(database).await;
        let before = world.state().await;
        for (method, path, claims) in world.routes() {
            let good = world.issuer.sign(&claims);
            let bearer = format!("Bearer {good}");
            let bent = world.issuer.bent(&claims);
            let mut refused: Vec<(&str, Vec<String>)> =
                bent.into_iter().map(|(name, token)| (name, vec![format!("Bearer {token}")])).collect();
            refused.push(("no token", vec![]));
            refused.push(("two tokens", vec![bearer.clone(), bearer.clone()]));
            refused.push(("two schemes", vec![bearer.clone(), format!("JWT {good}")]));
            refused.push(("another scheme", vec![format!("JWT {good}")]));
            refused.push(("no scheme", vec![good.clone()]));
            refused.push(("words", vec![format!("{bearer} x")]));
            for (name, authorizations) in refused {
                let what = format!("{method} {path}: {name}");
                let answer = world.send(&method, path, &authorizations).await;
                let problem = problem(answer, 401, &what).await;
                assert_eq!(problem["type"], "urn:touchstone:problem:unauthorized", "{what}");
                assert!(problem.get("detail").is_none(), "{what}: {problem}");
            }
            let with_another = format!("{path}?jwt={good}");
            problem(world.send(&method, &with_another, &[bearer]).await, 401, path).await;
        }
        assert_eq!(world.state().await, before);
    }

    async fn a_page_reports_no_events_and_an_event_opens_no_page(database: Database) {
        let world = World::new(database).await;
        let before = world.state().await;
        let (event, page) = (world.issuer.event(), world.issuer.page(10042));
        let with = |claims: &Value, name: &str, value: &Value| {
            let mut claims = claims.clone();
            claims[name] = value.clone();
            claims
        };
        let mut disguised = page.clone();
        disguised["app"]["module"] = event["app"]["module"].clone();
        let for_events = [
            page.clone(),
            disguised.clone(),
            with(&event, "principal", &page["principal"]),
            with(&event, "context", &page["context"]),
        ];
        for (path, claims) in EVENTS.iter().flat_map(|path| for_events.iter().map(move |it| (path, it))) {
            problem(world.event(path, claims).await, 403, path).await;
        }
        let for_pages = [event.clone(), disguised, with(&event, "principal", &page["principal"])];
        for (path, method) in PAGES {
            for claims in &for_pages {
                let token = format!("Bearer {}", world.issuer.sign(claims));
                problem(world.send(&method, path, &[token]).await, 403, path).await;
            }
        }
        assert_eq!(world.state().await, before);
    }

    async fn a_page_without_a_person_is_refused_but_not_as_a_bad_token(database: Database) {
        let world = World::new(database).await;
        let before = world.state().await;
        let mut anonymous = world.issuer.page(10042);
        anonymous.as_object_mut().unwrap().remove("principal");
        let anonymous = format!("Bearer {}", world.issuer.sign(&anonymous));
        let person = format!("Bearer {}", world.issuer.sign(&world.issuer.page(10042)));
        for (path, method) in PAGES {
            let answer = world.send(&method, path, std::slice::from_ref(&anonymous)).await;
            assert_eq!(problem(answer, 403, path).await["title"], "Nobody is logged in.");
            // A person for whom Jira sends no token: nobody can say what they may see.
            let url = format!("{}{path}", world.app.base);
            let request = world.app.http.request(method, url).header("Authorization", &person);
            problem(request.send().await.unwrap(), 403, path).await;
        }
        assert_eq!(world.state().await, before);
    }

    async fn every_event_route_takes_a_token_of_an_endpoint(database: Database) {
        let world = World::new(database).await;
        let mut large = world.issuer.event();
        large["app"]["more"] = json!("x".repeat(15_000));
        let large = world.issuer.sign(&large);
        assert!(large.len() > 20_000);
        let good = world.issuer.sign(&world.issuer.event());
        for path in EVENTS {
            for value in [
                format!("Bearer {good}"),
                format!("bearer {good}"),
                format!("BEARER  {good}"),
                format!("Bearer {good} "),
                format!("Bearer {large}"),
            ] {
                let answer = world.send(&Method::POST, path, std::slice::from_ref(&value)).await;
                assert!(answer.status().is_success(), "{path} {value:.10}: {}", answer.status());
            }
        }
        assert_eq!(world.issuer.fetches(), 1);
    }

    async fn keys_that_cannot_be_had_are_no_verdict(database: Database) {
        let issuer = Issuer::start();
        issuer.fail(usize::MAX);
        let app = TestApp::spawn_with(database, &issuer.options()).await;
        let world = World { app, issuer };
        let before = world.state().await;
        for (method, path, claims) in world.routes() {
            let token = format!("Bearer {}", world.issuer.sign(&claims));
            let answer = world.send(&method, path, &[token]).await;
            assert!(answer.headers().contains_key("retry-after"), "{path}");
            problem(answer, 503, path).await;
        }
        assert_eq!(world.state().await, before);
    }

    async fn a_thousand_made_up_keys_cause_one_fetch(database: Database) {
        let world = World::new(database).await;
        let loaded = world.issuer.fetches();
        let good = world.issuer.sign(&world.issuer.event());
        let (_, rest) = good.split_once('.').unwrap();
        let requests = (0..1000).map(|n| {
            let header = json!({ "alg": "RS256", "kid": format!("made-up-{n}") }).to_string();
            let header = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header);
            let url = format!("{}/forge/events/jira", world.app.base);
            world.app.http.post(url).bearer_auth(format!("{header}.{rest}")).send()
        });
        let requests: Vec<_> = requests.collect();
        for some in futures_util::future::join_all(requests).await {
            assert_eq!(some.unwrap().status(), 401);
        }
        assert_eq!(world.issuer.fetches(), loaded + 1);
        let answer = world.event("/forge/scheduled/hourly", &world.issuer.event()).await;
        assert!(answer.status().is_success());
    }

    async fn every_other_answer_is_json_too(database: Database) {
        let world = World::new(database).await;
        let event = format!("Bearer {}", world.issuer.sign(&world.issuer.event()));
        let authorizations = [event.clone()];
        for (method, path, status) in [
            (Method::GET, "/forge/events/jira", 405),
            (Method::DELETE, "/forge/scheduled/hourly", 405),
            (Method::POST, "/forge/events/other", 404),
            (Method::GET, "/forge", 404),
            (Method::GET, "/ui", 404),
            (Method::GET, "/ui/nowhere", 404),
            (Method::DELETE, "/ui/issue/10042", 404),
        ] {
            let answer = world.send(&method, path, &authorizations).await;
            problem(answer, status, path).await;
        }
        let endless = world.app.http.post(format!("{}/forge/events/jira", world.app.base));
        let endless = endless.header("Authorization", &event).body(vec![b'x'; 6 * 1024 * 1024]);
        problem(endless.send().await.unwrap(), 413, "6 MB").await;
    }

    async fn without_an_app_forge_is_off_and_says_so(database: Database) {
        let issuer = Issuer::start();
        let world = World { app: TestApp::spawn(database).await, issuer };
        for path in EVENTS {
            let problem = problem(world.event(path, &world.issuer.event()).await, 404, path).await;
            assert_eq!(problem["title"], "Forge is not set up here.");
        }
        let page = format!("Bearer {}", world.issuer.sign(&world.issuer.page(10042)));
        problem(world.send(&Method::GET, "/ui/issue/10042", &[page]).await, 401, "a page").await;
        assert_eq!(world.issuer.fetches(), 0);
    }

    async fn settings_that_would_trust_anybody_are_refused(database: Database) {
        let app = TestApp::spawn(database).await;
        let taken = |app_id: &str, jwks_url: &str, is_insecure: bool| {
            let mut config = app.config.clone();
            config.forge.app_id = Some(app_id.to_owned());
            jwks_url.clone_into(&mut config.forge.jwks_url);
            config.server.insecure_sites = is_insecure;
            Forge::new(&config).is_ok()
        };
        assert!(taken(APP_ID, "https://keys.example/jwks.json", false));
        assert!(taken(APP_ID, "http://127.0.0.1:8090/jwks.json", true));
        assert!(!taken(APP_ID, "http://keys.example/jwks.json", false));
        assert!(!taken(APP_ID, "file:///etc/keys.json", true));
        assert!(!taken(APP_ID, "keys", true));
        assert!(!taken("2f1f7b62-3f8b-4d53-8b6b-6f0d8a4d0001", "https://keys.example/", false));
        assert!(!taken("ari:cloud:ecosystem::app/", "https://keys.example/", false));
        assert!(taken("", "keys", false), "off");
    }
}
