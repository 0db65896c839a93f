//! The tokens Forge hands along: which is kept, which is used for what, and what waits without one.

use jira_standin::{Options, Settings, Spreading, Standin, accounts};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use touchstone::app::create_defect::{Outcome, Request, create_defect};
use touchstone::domain::site::Site;
use touchstone::domain::work::{Block, Work};
use touchstone::jira::permissions::{Asker, Permission};
use touchstone::jira::{Gone, JiraError};
use touchstone::store::outbox::{self, NewWork};
use touchstone::store::{installations, tests};

use crate::both_databases;
use crate::support::knock::{Caller, token};
use crate::support::site::now_s;
use crate::support::{Database, TestApp, eventually};

const CLOUD: &str = "11111111-2222-4333-8444-555555555555";

/// A service on a stand-in Jira through Forge, settled.
struct World {
    app: TestApp,
    jira: Standin,
}

impl World {
    async fn new(database: Database, settings: Settings) -> Self {
        let jira = Standin::start(Options::default()).await.unwrap();
        jira.set_forge(settings);
        let app = TestApp::spawn_on_forge(database, &jira).await;
        Self { app, jira }
    }

    async fn site(&self) -> std::sync::Arc<Site> {
        let sites = &self.app.app().sites;
        let id = self.jira.installation_id().unwrap();
        let copy = sites.by_installation(&id).await.unwrap().unwrap();
        sites.forget(copy.id).await;
        sites.by_installation(&id).await.unwrap().unwrap()
    }

    /// Runs a statement on the service's database, as time or chance would.
    async fn turn(&self, sql: &str) {
        turn(&self.app, sql).await;
        self.app.app().sites.forget(self.site().await.id).await;
    }

    /// A comment that is wanted on a new issue; the issue's key.
    async fn want_comment(&self) -> String {
        let none = json!({});
        let issue = self
            .jira
            .create_issue(accounts::DEVELOPER, "SHOP", "Story", "Pay", &none)
            .unwrap();
        let work = Work::Comment {
            issue_jira_id: i64::try_from(issue.id).unwrap(),
            body: vec![Block::text("It fails.")],
        };
        let site = self.site().await.id;
        let txn = self.app.app().store.write().await.unwrap();
        let now_ms = self.app.app().clock.now_ms();
        outbox::put(&*txn, site, &NewWork::new(&work, "test", now_ms))
            .await
            .unwrap();
        txn.commit().await.unwrap();
        self.app.app().outbox_filled.notify_one();
        issue.key
    }

    async fn commented(&self, key: &str) {
        let jira = &self.jira;
        let seen = |state: &jira_standin::State| {
            state.issue(key).is_some_and(|it| !it.comments.is_empty())
        };
        jira.wait_until("the comment is there", crate::support::PATIENCE, seen)
            .await
            .unwrap();
    }

    /// The state and the tries of the wanted comment.
    async fn comment_work(&self) -> (i16, i32) {
        let on = self.app.app().store.read();
        let sql = "SELECT state, attempts FROM outbox WHERE kind = 'comment'";
        let statement = Statement::from_string(on.get_database_backend(), sql);
        let row = on.query_one_raw(statement).await.unwrap().unwrap();
        (
            row.try_get_by_index(0).unwrap(),
            row.try_get_by_index(1).unwrap(),
        )
    }

    async fn hour(&self, token: Option<&str>) {
        let claims = self.jira.event_claims("hourly").unwrap();
        let request = self
            .app
            .http
            .post(format!("{}/forge/scheduled/hourly", self.app.base));
        let request = request
            .bearer_auth(self.jira.sign_fit(&claims))
            .json(&json!({}));
        let request = match token {
            Some(token) => request.header("x-forge-oauth-system", token),
            None => request,
        };
        assert_eq!(request.send().await.unwrap().status(), 204);
    }
}

async fn turn(app: &TestApp, sql: &str) {
    let on = app.app().store.read();
    let statement = Statement::from_string(on.get_database_backend(), sql);
    on.execute_raw(statement).await.unwrap();
}

fn withheld() -> Settings {
    Settings {
        withhold_system_token: true,
        ..Settings::default()
    }
}

both_databases! {
    async fn the_token_that_lasts_longest_is_kept_and_absence_erases_nothing(database: Database) {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_for_forge(database, &jira).await;
        let caller = Caller::new("a", CLOUD);
        let held = async || {
            let token = caller.site(&app).await.forge.clone().unwrap().system_token;
            token.map(|token| (secrecy::ExposeSecret::expose_secret(&token.secret).to_owned(), token.expires_ms))
        };
        let (long, short) = (now_s() + 9000, now_s() + 7200);
        for (sent, kept) in [
            (None, None),
            (Some(token("a", short)), Some((token("a", short), short * 1000))),
            (None, Some((token("a", short), short * 1000))),
            (Some(token("b", long)), Some((token("b", long), long * 1000))),
            (Some(token("c", short)), Some((token("b", long), long * 1000))),
            (Some("not-a-jwt".to_owned()), Some((token("b", long), long * 1000))),
        ] {
            caller.hour(&app, &jira, sent.as_deref()).await;
            assert_eq!(held().await, kept);
        }
        let sealed = installations::by_id(app.app().store.read(), &caller.installation).await.unwrap().unwrap();
        let sealed = sealed.sealed_token.unwrap();
        let plain = token("b", long);
        assert!(!sealed.windows(plain.len()).any(|part| part == plain.as_bytes()), "tokens are sealed");
    }

    async fn a_token_that_does_not_say_when_it_expires_is_used_for_an_hour_once(database: Database) {
        let jira = Standin::start(Options::default()).await.unwrap();
        let app = TestApp::spawn_for_forge(database, &jira).await;
        let caller = Caller::new("a", CLOUD);
        let expires = async || caller.site(&app).await.forge.clone().unwrap().system_token.unwrap().expires_ms;
        caller.hour(&app, &jira, Some("opaque")).await;
        let first = expires().await;
        let until = first - app.app().clock.now_ms();
        assert!((59 * 60_000..=60 * 60_000).contains(&until), "{until}");
        turn(&app, "UPDATE installation SET last_seen_ms = last_seen_ms - 120000").await;
        caller.site(&app).await;
        caller.hour(&app, &jira, Some("opaque")).await;
        assert_eq!(expires().await, first, "the same token does not get younger");
    }

    async fn a_page_cannot_plant_a_token(database: Database) {
        let world = World::new(database, Settings::default()).await;
        let before = world.site().await.forge.clone().unwrap().system_token.unwrap();
        let module = world.jira.module_key("jira:adminPage").unwrap();
        let claims = world.jira.page_claims(&module, accounts::OUTSIDER, None).unwrap();
        let planted = token("planted", now_s() + 1_000_000);
        let request = world.app.http.get(format!("{}/ui/admin/health", world.app.base));
        let request = request.bearer_auth(world.jira.sign_fit(&claims));
        request.header("x-forge-oauth-system", planted).send().await.unwrap();
        let after = world.site().await.forge.clone().unwrap().system_token.unwrap();
        assert_eq!(after.expires_ms, before.expires_ms);
    }

    async fn work_waits_without_a_token_and_goes_when_one_comes(database: Database) {
        let world = World::new(database, withheld()).await;
        let key = world.want_comment().await;
        let site = world.site().await;
        let asker = Asker::of(accounts::ADMIN);
        let asked = world.app.app().jira.may(&site, &asker, Permission::Administer).await;
        assert!(matches!(asked, Err(JiraError::NoToken)), "{asked:?}");
        assert_eq!(world.comment_work().await, (0, 0), "it was not even tried");
        assert!(world.jira.requests().iter().all(|request| !request.by_forge));

        world.hour(Some(&world.jira.system_token().unwrap())).await;
        world.commented(&key).await;
        let done = eventually("the work is done", async || {
            let work = world.comment_work().await;
            (work.0 == 1).then_some(work)
        })
        .await;
        assert_eq!(done, (1, 1));
    }

    async fn a_token_is_not_used_once_it_expired_nor_for_another_installation(database: Database) {
        let world = World::new(database, Settings::default()).await;
        let id = world.jira.installation_id().unwrap();
        world.turn(&format!("UPDATE installation SET token_expires_ms = 1000 WHERE id = '{id}'")).await;
        let site = world.site().await;
        let jira = &world.app.app().jira;
        let expired = jira.for_site(&site).myself().await;
        assert!(matches!(expired, Err(JiraError::NoToken)), "{expired:?}");

        world.jira.set_forge(Settings { token_lifetime_ms: 12 * 3_600_000, ..Settings::default() });
        world.hour(Some(&world.jira.system_token().unwrap())).await;
        let fresh = world.site().await;
        jira.for_site(&fresh).myself().await.unwrap();
        world.jira.set_forge(withheld());
        world.jira.reinstall_forge().await.unwrap();
        let again = world.site().await;
        assert_eq!(again.id, site.id);
        let other = jira.for_site(&again).myself().await;
        assert!(matches!(other, Err(JiraError::NoToken)), "{other:?}");
    }

    async fn refusals_right_after_the_install_are_no_answer_yet(database: Database) {
        let spreading = Spreading { status: 403, requests: 2 };
        let settings = Settings { spreading: Some(spreading), ..withheld() };
        let world = World::new(database, settings).await;
        let key = world.want_comment().await;
        world.hour(Some(&world.jira.system_token().unwrap())).await;
        world.commented(&key).await;
        let refused = world.jira.requests().iter().filter(|request| request.status == 403).count();
        assert_eq!(refused, 2);
        assert_eq!(outbox::counts(world.app.app().store.read(), None).await.unwrap().parked, 0);
    }

    async fn a_token_that_jira_refuses_later_is_forgotten_and_work_waits_for_the_next(database: Database) {
        let world = World::new(database, withheld()).await;
        world.turn("UPDATE installation SET first_seen_ms = first_seen_ms - 3600000").await;
        let key = world.want_comment().await;
        world.hour(Some(&token("no longer good", now_s() + 7200))).await;
        eventually("the bad token is forgotten", async || {
            let held = world.site().await.forge.clone().unwrap().system_token;
            held.is_none().then_some(())
        })
        .await;
        let id = world.jira.installation_id().unwrap();
        let known = installations::by_id(world.app.app().store.read(), &id).await.unwrap().unwrap();
        assert!(known.refused_ms.is_some());
        eventually("the work lies still", async || (world.comment_work().await == (0, 0)).then_some(())).await;

        world.hour(Some(&world.jira.system_token().unwrap())).await;
        world.commented(&key).await;
    }

    async fn people_are_asked_by_their_own_token_and_report_what_they_make(database: Database) {
        let world = World::new(database, Settings::default()).await;
        let (app, jira) = (world.app.app(), &world.jira);
        let site = world.site().await;
        let issue = jira.create_issue(accounts::DEVELOPER, "SHOP", "Story", "Pay", &json!({})).unwrap();
        let issue_id = i64::try_from(issue.id).unwrap();
        for (account, expected) in [(accounts::DEVELOPER, true), (accounts::OUTSIDER, false)] {
            let own = secrecy::SecretString::from(jira.user_token(account).unwrap());
            let asker = Asker { account_id: account, user_token: Some(&own) };
            let may = app.jira.may(&site, &asker, Permission::EditIssue(issue_id)).await.unwrap();
            assert_eq!(may, expected, "{account}");
        }
        let asked = jira.requests();
        assert!(asked.iter().any(|it| it.target.starts_with("/rest/api/3/mypermissions")));
        assert!(!asked.iter().any(|it| it.target.contains("permissions/check")));

        let test = failing_test(&world, &site, &issue.key).await;
        let own = secrecy::SecretString::from(jira.user_token(accounts::DEVELOPER).unwrap());
        let request = Request {
            test,
            project_key: "SHOP",
            account_id: accounts::DEVELOPER,
            user_token: Some(&own),
            summary: None,
            answers: None,
        };
        let Outcome::Created { key } = create_defect(app, &site, &request).await.unwrap() else {
            panic!("not created");
        };
        assert_eq!(jira.issue(&key).unwrap().reporter, accounts::DEVELOPER);

        let foreign = app.jira.for_site(&site).as_user(&own).connect_client_key().await;
        assert!(matches!(foreign, Ok(None) | Err(JiraError::Gone(Gone::Forbidden))), "{foreign:?}");
    }

    async fn replacing_the_key_seals_tokens_too_and_the_doctor_says_how_forge_is(database: Database) {
        let world = World::new(database, Settings::default()).await;
        let id = world.jira.installation_id().unwrap();
        let sealed = async || {
            let on = world.app.app().store.read();
            installations::by_id(on, &id).await.unwrap().unwrap().sealed_token.unwrap()
        };
        let before = sealed().await;
        let newer = "bmV3ZXItdG91Y2hzdG9uZS1rZXktMDEyMzQ1Njc4OWE=";
        let both = format!("{newer},{}", crate::support::service::SECRET_KEY);
        assert!(command(&world, &both, "rotate-key").await.contains("1 secrets were sealed anew"));
        assert_ne!(sealed().await, before);
        let said = command(&world, newer, "doctor").await;
        assert!(said.contains("the token of"), "{said}");
        assert!(said.contains("(PRODUCTION), heard of 0 min ago: Forge calls, and the app may call Jira."), "{said}");
        world.turn("UPDATE installation SET last_seen_ms = 1000, refused_ms = 2000").await;
        let said = command(&world, newer, "doctor").await;
        assert!(said.contains("BAD") && said.contains("probably removed"), "{said}");
    }
}

/// What a command of the service's binary says, good or bad.
async fn command(world: &World, key: &str, name: &'static str) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_touchstone"));
    command
        .arg(name)
        .env("TOUCHSTONE_DATABASE_URL", &world.app.database.url)
        .env("TOUCHSTONE_SECRET_KEY", key);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// A test that fails and covers an issue.
async fn failing_test(world: &World, site: &Site, key: &str) -> uuid::Uuid {
    let store = &world.app.app().store;
    let now_ms = world.app.app().clock.now_ms();
    let made = touchstone::app::create_api_client::create_api_client(
        store,
        site.id,
        "t",
        vec![],
        None,
        now_ms,
    );
    let (_, token) = made.await.unwrap();
    let body = format!(
        r#"<testsuite><testcase classname="shop" name="pays">
        <properties><property name="requirement" value="{key}"/></properties>
        <failure message="no"/></testcase></testsuite>"#
    );
    let url = format!("{}/api/v1/projects/SHOP/results", world.app.base);
    let answer = world
        .app
        .http
        .post(url)
        .bearer_auth(token)
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let said: Value = answer.json().await.unwrap();
    assert_eq!(said["counts"]["failed"], 1);
    let key = "SHOP-T1".parse().unwrap();
    let found = tests::by_key(store.read(), site.id, &key).await;
    found.unwrap().unwrap().id
}
