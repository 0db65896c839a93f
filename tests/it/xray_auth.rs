//! Who may call `/xray`: every credential that upload clients send, and nothing else.

use serde_json::{Value, json};
use touchstone::store::api_clients;

use crate::both_databases;
use crate::support::site::Site;
use crate::support::{Database, TestApp};

struct World {
    app: TestApp,
    site: Site,
    token: String,
}

impl World {
    async fn new(database: Database) -> Self {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let token = app.api_token(&site).await;
        Self { app, site, token }
    }

    async fn sign_in(&self, id: &str, secret: &str) -> (u16, Value) {
        let body = json!({"client_id": id, "client_secret": secret});
        self.send("/xray/api/v2/authenticate", body).await
    }

    async fn send(&self, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}{path}", self.app.base);
        let answer = self.app.http.post(url).json(&body).send().await.unwrap();
        let status = answer.status().as_u16();
        assert_eq!(
            answer.headers()["content-type"],
            "application/json",
            "{answer:?}"
        );
        (status, answer.json().await.unwrap())
    }

    async fn client(&self) -> api_clients::ApiClient {
        let app = self.app.app();
        let found = touchstone::store::sites::find(app.store.read(), &self.site.client_key);
        let site = found.await.unwrap().unwrap().site.id;
        let clients = api_clients::of_site(app.store.read(), site).await.unwrap();
        clients.into_iter().next().unwrap()
    }

    /// What the licence address, which takes any verified client, answers to a credential.
    async fn knock(&self, authorization: &str) -> u16 {
        let url = format!("{}/xray/rest/raven/latest/api/xraylicense", self.app.base);
        let asking = self
            .app
            .http
            .get(url)
            .header("Authorization", authorization);
        asking.send().await.unwrap().status().as_u16()
    }
}

both_databases! {
    async fn a_client_signs_in_with_its_id_or_name_and_its_token(database: Database) {
        let world = World::new(database).await;
        let id = world.client().await.id.to_string();
        for name in [id.as_str(), "tests"] {
            let (status, token) = world.sign_in(name, &world.token).await;
            assert_eq!(status, 200, "{token}");
            let token = token.as_str().unwrap();
            assert_eq!(token.split('.').count(), 3);
            assert_eq!(world.knock(&format!("Bearer {token}")).await, 200);
            assert_eq!(world.knock(&format!("Bearer {token}x")).await, 401);
        }
        for (name, secret) in [("tests", "tst_other"), ("other", world.token.as_str()), ("", "")] {
            let (status, answer) = world.sign_in(name, secret).await;
            assert_eq!(status, 401);
            let said = answer["error"].as_str().unwrap();
            assert!(said.contains("client id and secret"), "{said}");
        }
        let (status, answer) = world.send("/xray/api/v1/authenticate", json!([1])).await;
        assert_eq!(status, 400);
        assert!(answer["error"].as_str().unwrap().contains("client_id"));
    }

    async fn data_center_clients_send_the_token_itself(database: Database) {
        use base64::Engine;
        let world = World::new(database).await;
        let basic = |user: &str, password: &str| {
            let pair = format!("{user}:{password}");
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        };
        assert_eq!(world.knock(&format!("Bearer {}", world.token)).await, 200);
        assert_eq!(world.knock(&basic("ci", &world.token)).await, 200);
        assert_eq!(world.knock(&basic("ci", "tst_other")).await, 401);
        assert_eq!(world.knock(&basic(&world.token, "")).await, 401);
        assert_eq!(world.knock("Basic %%%").await, 401);
        assert_eq!(world.knock("Digest x").await, 401);
    }

    async fn a_revoked_client_is_out_at_once(database: Database) {
        let world = World::new(database).await;
        let (_, token) = world.sign_in("tests", &world.token).await;
        let bearer = format!("Bearer {}", token.as_str().unwrap());
        assert_eq!(world.knock(&bearer).await, 200);
        let client = world.client().await;
        let txn = world.app.app().store.write().await.unwrap();
        api_clients::revoke(&*txn, client.site, client.id, 1).await.unwrap();
        txn.commit().await.unwrap();
        assert_eq!(world.knock(&bearer).await, 401);
        assert_eq!(world.sign_in("tests", &world.token).await.0, 401);
    }
}

both_databases! {
    async fn what_is_not_there_is_said_in_the_same_form(database: Database) {
        let world = World::new(database).await;
        let (status, answer) = world.send("/xray/api/v2/nothing", json!({})).await;
        assert_eq!(status, 404);
        assert!(answer["error"].as_str().unwrap().contains("/xray/api/v2/nothing"));
    }
}
