//! A person makes a defect from a failing test, and follows it to its end: against a Jira that
//! answers, with the real outbox and webhooks.

use jira_standin::{FailNext, Faults, IssueRef, Standin, accounts};
use serde_json::{Value, json};
use touchstone::app::create_api_client::create_api_client;
use touchstone::app::create_defect::{
    DefectError, Outcome, Preview, Request, create_defect, preview,
};
use touchstone::app::link_defect::{DefectLinkError, link_defect, unlink_defect};
use touchstone::domain::site::Site;
use touchstone::jira::permissions::Asker;
use touchstone::store::{issues, outbox, sites, tests};
use uuid::Uuid;

use crate::both_databases;
use crate::support::{Database, TestApp, eventually};

/// A service on a stand-in Jira with a story that a failing test covers.
pub(super) struct World {
    pub(super) jira: Standin,
    pub(super) app: TestApp,
    pub(super) site: std::sync::Arc<Site>,
    token: String,
    story: IssueRef,
    pub(super) test: Uuid,
}

impl World {
    async fn new(database: Database) -> Self {
        let jira = Standin::start(jira_standin::Options::default())
            .await
            .unwrap();
        let app = TestApp::spawn_on(database, &jira).await;
        let story = jira
            .create_issue(
                accounts::DEVELOPER,
                "SHOP",
                "Story",
                "Pay by card",
                &json!({}),
            )
            .unwrap();
        Self::covering(jira, app, story).await
    }

    /// The same, on a site that is there already and has the app.
    pub(super) async fn covering(jira: Standin, app: TestApp, story: IssueRef) -> Self {
        let of = app.app();
        let found = sites::find(of.store.read(), &jira.cloud_id())
            .await
            .unwrap();
        let id = found.unwrap().site.id;
        let site = of.sites.by_id(id).await.unwrap().unwrap();
        let made = create_api_client(&of.store, id, "tests", vec![], None, of.clock.now_ms()).await;
        let token = made.unwrap().1;
        let mut world = Self {
            jira,
            app,
            site,
            token,
            story,
            test: Uuid::nil(),
        };
        let key = world.report(Some("expected 402, got 500")).await;
        let found = tests::by_key(world.app.app().store.read(), id, &key.parse().unwrap()).await;
        world.test = found.unwrap().unwrap().id;
        world.heard().await;
        world
    }

    /// A build reports the test: its failure, or that it passed. The test's key.
    pub(super) async fn report(&self, failure: Option<&str>) -> String {
        let failure = failure.map_or(String::new(), |message| {
            format!(r#"<failure message="{message}">at cart.rs:88</failure>"#)
        });
        // Each build writes another file: the same one again would be a repeat.
        let file = format!(
            r#"<testsuite name="unit"><testcase classname="shop.Card" name="pays">
            <properties><property name="requirement" value="{}"/></properties>{failure}
            </testcase></testsuite><!-- {} -->"#,
            self.story.key,
            Uuid::new_v4()
        );
        let base = &self.app.base;
        let url = format!("{base}/api/v1/projects/SHOP/results?environment=chrome&fixVersion=2.1");
        let sending = self.app.http.post(url).bearer_auth(&self.token).body(file);
        let answer = sending.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        // The issue may be becoming known at this moment, its row changing hands.
        eventually("the issue shows its test", async || {
            let coverage = self.coverage().await;
            Some(coverage["tests"][0]["key"].as_str()?.to_owned())
        })
        .await
    }

    /// Waits until every webhook was delivered and applied, and everything wanted from Jira done.
    pub(super) async fn heard(&self) {
        self.jira.settle().await.unwrap();
        self.app.applied().await;
        let app = self.app.app();
        eventually("the outbox is empty", async || {
            let counts = outbox::counts(app.store.read(), Some(self.site.id))
                .await
                .unwrap();
            (counts.waiting == 0).then_some(())
        })
        .await;
        self.jira.settle().await.unwrap();
        self.app.applied().await;
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.app.api_get(&self.token, path).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    pub(super) async fn coverage(&self) -> Value {
        self.get(&format!("/api/v1/issues/{}/coverage", self.story.key))
            .await
    }

    /// The audit of an issue, oldest first: rule, action, whether it was done.
    pub(super) async fn audit(&self, key: &str) -> Vec<String> {
        let page = self.get(&format!("/api/v1/issues/{key}/audit")).await;
        let words = |entry: &Value| {
            let done = if entry["done"] == true {
                ""
            } else {
                " (not done)"
            };
            let (rule, action) = (entry["rule"].as_str(), entry["action"].as_str());
            format!("{}: {}{done}", rule.unwrap(), action.unwrap())
        };
        page["entries"]
            .as_array()
            .unwrap()
            .iter()
            .rev()
            .map(words)
            .collect()
    }

    fn request<'a>(&self, account_id: &'a str) -> Request<'a> {
        Request {
            test: self.test,
            project_key: "SHOP",
            account_id,
            user_token: None,
            summary: None,
        }
    }

    pub(super) async fn press(&self) -> Result<Outcome, DefectError> {
        create_defect(
            self.app.app(),
            &self.site,
            &self.request(accounts::DEVELOPER),
        )
        .await
    }

    async fn preview(&self) -> Preview {
        let request = self.request(accounts::DEVELOPER);
        preview(self.app.app(), &self.site, &request).await.unwrap()
    }

    /// Keys of the issues that carry our marker.
    pub(super) fn made(&self) -> Vec<String> {
        let issues = self.jira.read(|state| state.issues_of("SHOP"));
        issues
            .into_iter()
            .filter(|issue| issue.properties.contains_key("touchstone.defect"))
            .map(|issue| issue.key)
            .collect()
    }

    pub(super) fn comments(&self, key: &str) -> Vec<String> {
        let issue = self.jira.issue(key).unwrap();
        issue
            .comments
            .into_iter()
            .map(|comment| comment.text)
            .collect()
    }
}

fn key_of(outcome: Outcome) -> String {
    match outcome {
        Outcome::Created { key } | Outcome::Existing { key } => key,
        Outcome::BeingChecked => panic!("Jira has answered"),
    }
}

both_databases! {
    async fn a_failing_test_walks_its_defect_through_retest_to_verified(database: Database) {
        let world = World::new(database).await;
        assert_eq!(world.coverage().await["status"], "NOK");
        let preview = world.preview().await;
        assert_eq!((preview.issue_type.as_str(), preview.existing), ("Bug", None));

        let made = world.press().await.unwrap();
        let Outcome::Created { key } = made.clone() else { panic!("{made:?}") };
        world.heard().await;
        let bug = world.jira.issue(&key).unwrap();
        assert_eq!((bug.kind.as_str(), bug.summary.as_str()), ("Bug", preview.summary.as_str()));
        assert!(bug.summary.ends_with("] expected 402, got 500"), "{}", bug.summary);
        assert!(bug.description.contains("at cart.rs:88"), "{}", bug.description);
        assert!(bug.links.iter().any(|link| link.key == world.story.key), "{:?}", bug.links);
        let test = &world.coverage().await["tests"][0];
        assert_eq!(test["defects"][0]["key"], key.as_str());

        world.report(Some("expected 402, got 503")).await;
        world.heard().await;
        assert!(world.comments(&key)[0].contains("still fails"), "{:?}", world.comments(&key));

        world.jira.resolve(&key, "Done", accounts::DEVELOPER).unwrap();
        world.heard().await;
        let test = &world.coverage().await["tests"][0];
        assert_eq!(test["marks"][0]["mark"], "retest needed", "{test}");

        world.report(None).await;
        world.heard().await;
        let coverage = world.coverage().await;
        assert_eq!((&coverage["status"], &coverage["tests"][0]["marks"]), (&json!("OK"), &json!([])));
        let said = world.comments(&key);
        assert_eq!(said.len(), 2);
        assert!(said[1].contains("Verified"), "{said:?}");
        assert_eq!(world.audit(&key).await, [
            "person: create defect",
            "D2: comment",
            "D5: mark retest needed",
            "D6: clear retest needed",
            "D6: comment",
        ]);
    }

    async fn a_failure_after_the_fix_reopens_the_defect_and_its_echo_is_known(database: Database) {
        let world = World::new(database).await;
        let key = key_of(world.press().await.unwrap());
        world.heard().await;
        world.jira.resolve(&key, "Done", accounts::DEVELOPER).unwrap();
        world.heard().await;

        world.report(Some("expected 402, got 500")).await;
        world.heard().await;

        let audit = world.audit(&key).await;
        assert_eq!(world.jira.issue(&key).unwrap().status_category, "new", "{audit:?}");
        assert!(audit.contains(&"D3: reopen".to_owned()), "{audit:?}");
        assert_eq!(audit.last().unwrap(), "D5: clear retest needed");
        assert_eq!(world.comments(&key).len(), 1);
    }

    async fn however_often_it_is_pressed_one_defect_is_made(database: Database) {
        let world = World::new(database).await;
        let together = tokio::join!(world.press(), world.press(), world.press());
        for outcome in [together.0, together.1, together.2] {
            outcome.unwrap();
        }
        world.heard().await;
        let made = world.made();
        assert_eq!(made.len(), 1);
        let again = world.press().await.unwrap();
        assert_eq!(again, Outcome::Existing { key: made[0].clone() });
        assert_eq!(world.preview().await.existing.as_ref(), Some(&made[0]));

        // Once it is closed, the same failure is worth a new one.
        world.jira.resolve(&made[0], "Done", accounts::DEVELOPER).unwrap();
        world.heard().await;
        let Outcome::Created { key } = world.press().await.unwrap() else { panic!() };
        assert_ne!(key, made[0]);
    }

    async fn a_lost_answer_makes_no_second_defect(database: Database) {
        let world = World::new(database).await;
        let lost = FailNext {
            method: Some("POST".into()),
            path: Some("/rest/api/3/issue".into()),
            status: 504,
            carried_out: true,
            ..FailNext::default()
        };
        world.jira.set_faults(Faults { fail_next: vec![lost], ..Faults::default() });
        assert_eq!(world.press().await.unwrap(), Outcome::BeingChecked);
        assert_eq!(world.press().await.unwrap(), Outcome::BeingChecked);
        assert_eq!(world.made().len(), 1);
        let app = world.app.app();
        let counts = outbox::counts(app.store.read(), Some(world.site.id)).await.unwrap();
        assert_eq!((counts.waiting, counts.parked), (1, 0), "the outbox will look for it");
    }

    async fn a_refusal_is_told_and_the_next_click_may_try_again(database: Database) {
        let world = World::new(database).await;
        let refused = FailNext {
            method: Some("POST".into()),
            path: Some("/rest/api/3/issue".into()),
            status: 400,
            ..FailNext::default()
        };
        world.jira.set_faults(Faults { fail_next: vec![refused], ..Faults::default() });
        assert!(matches!(world.press().await, Err(DefectError::Jira(_))));
        assert!(world.made().is_empty());
        assert!(matches!(world.press().await.unwrap(), Outcome::Created { .. }));
    }

    async fn who_may_not_create_issues_makes_no_defect(database: Database) {
        let world = World::new(database).await;
        let request = world.request(accounts::ONLOOKER);
        let answer = create_defect(world.app.app(), &world.site, &request).await;
        assert!(matches!(answer, Err(DefectError::NotAllowed(_))), "{answer:?}");
        world.report(None).await;
        let answer = world.press().await;
        assert!(matches!(answer, Err(DefectError::NotFailing(_))), "{answer:?}");
        assert!(world.made().is_empty());
    }

    async fn a_defect_typed_by_hand_is_linked_when_the_person_can_see_it(database: Database) {
        let world = World::new(database).await;
        let app = world.app.app();
        let bug = world
            .jira
            .create_issue(accounts::DEVELOPER, "SHOP", "Bug", "Card is refused", &json!({}))
            .unwrap();
        let link = async |typed: &str, account| link_defect(app, &world.site, world.test, typed, &Asker::of(account)).await;

        let typed = bug.key.to_lowercase();
        assert_eq!(link(&typed, accounts::DEVELOPER).await.unwrap(), bug.key);
        let test = &world.coverage().await["tests"][0];
        assert_eq!(test["defects"][0]["key"], bug.key.as_str());

        let unseen = link(&bug.key, accounts::OUTSIDER).await;
        let absent = link("SHOP-4711", accounts::DEVELOPER).await;
        for answer in [unseen, absent] {
            assert!(matches!(answer, Err(DefectLinkError::UnknownIssue(_))), "{answer:?}");
        }
        let story = link(&world.story.key, accounts::DEVELOPER).await;
        assert!(matches!(story, Err(DefectLinkError::NotADefect { .. })), "{story:?}");
        let no_key = link("the card bug", accounts::DEVELOPER).await;
        assert!(matches!(no_key, Err(DefectLinkError::NotAKey(_))), "{no_key:?}");

        let issue = issues::by_key(app.store.read(), world.site.id, &bug.key).await.unwrap().unwrap();
        let unlink = async || {
            unlink_defect(app, &world.site, world.test, issue.id, accounts::DEVELOPER).await
        };
        unlink().await.unwrap();
        assert_eq!(world.coverage().await["tests"][0]["defects"], json!([]));
        assert!(matches!(unlink().await, Err(DefectLinkError::NotLinked)));
        assert_eq!(world.audit(&bug.key).await, ["person: link defect", "person: unlink defect"]);
    }
}
