//! What is kept beside each test for speed equals what its stored runs say: after any history of
//! imports, and after `touchstone rebuild`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use touchstone::app::check_projections::{Checked, check_projections};
use touchstone::store::sites;

use crate::both_databases;
use crate::support::TestApp;
use crate::support::service::SECRET_KEY;
use crate::support::site::{Site, now_s};

/// A history that looks random and is the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.roll(u64::try_from(of.len()).unwrap())).unwrap()]
    }
}

/// A report of some of twelve tests, dated up to two days back, with every kind of outcome.
fn report(dice: &mut Dice) -> String {
    let outcomes = [
        "",
        "",
        "<failure message='expected 1, got 2'/>",
        "<error message='reset'/>",
        "<skipped/>",
        "<flakyFailure message='timeout'/>",
        "<rerunFailure message='again'/><failure message='no'/>",
    ];
    let mut cases = String::new();
    for n in 0..12 {
        if dice.roll(3) > 0 {
            let outcome = dice.pick(&outcomes);
            write!(
                cases,
                "<testcase classname='a.B' name='test {n}' time='1'>{outcome}</testcase>"
            )
            .unwrap();
        }
    }
    let began_ms = (now_s() - i64::try_from(dice.roll(172_800)).unwrap()) * 1000;
    let began = jiff::Timestamp::from_millisecond(began_ms).unwrap();
    format!("<testsuite name='s' timestamp='{began}'>{cases}</testsuite>")
}

async fn projections(on: &DatabaseConnection) -> BTreeMap<uuid::Uuid, String> {
    let sql = Statement::from_string(
        on.get_database_backend(),
        "SELECT test_id, latest FROM test_latest",
    );
    let rows = on.query_all_raw(sql).await.unwrap();
    rows.iter()
        .map(|row| {
            (
                row.try_get_by_index(0).unwrap(),
                row.try_get_by_index(1).unwrap(),
            )
        })
        .collect()
}

async fn check(app: &TestApp, site: &Site) -> Checked {
    let store = &app.app().store;
    let held = sites::find(store.read(), &site.client_key).await.unwrap();
    check_projections(store, held.unwrap().site.id)
        .await
        .unwrap()
}

/// Whether `touchstone doctor` finds everything in order, and what it says.
fn doctor(app: &TestApp) -> (bool, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_touchstone"))
        .args(["doctor", "--database-url", &app.database.url])
        .args(["--secret-key", SECRET_KEY])
        .output()
        .unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    (done.status.success(), said)
}

both_databases! {
    async fn a_rebuild_gives_what_the_imports_gave(database: Database) {
        let app = TestApp::spawn(database).await;
        let site = Site::new("acme");
        app.install(&site).await;
        let token = app.api_token(&site).await;
        let mut dice = Dice(7);
        let mut executions: Vec<String> = vec![];
        for _ in 0..40 {
            let mut query = vec![];
            for _ in 0..dice.roll(3) {
                query.push(format!("environment={}", dice.pick(&["chrome", "firefox", "safari"])));
            }
            if dice.roll(4) == 0 && !executions.is_empty() {
                let names: Vec<&str> = executions.iter().map(String::as_str).collect();
                query.push(format!("execution={}", dice.pick(&names)));
            }
            let url = format!("{}/api/v1/projects/SHOP/results?{}", app.base, query.join("&"));
            let answer = app.http.post(url).bearer_auth(&token).body(report(&mut dice)).send().await.unwrap();
            // An execution may be asked to be in other environments than it is in: refused whole.
            if answer.status() == 200 {
                let answer: serde_json::Value = answer.json().await.unwrap();
                executions.push(answer["execution"]["key"].as_str().unwrap().to_owned());
            } else {
                assert_eq!(answer.status(), 409);
            }
        }
        assert!(executions.len() > 20);

        let on = sea_orm::Database::connect(&app.database.url).await.unwrap();
        let before = projections(&on).await;
        assert_eq!(before.len(), 12);
        assert_eq!(check(&app, &site).await, Checked { tests: 12, ..Checked::default() });
        on.execute_unprepared("DELETE FROM test_latest WHERE length(latest) % 2 = 0").await.unwrap();
        on.execute_unprepared("UPDATE test_latest SET latest = '{\"broken\"'").await.unwrap();
        assert_eq!(check(&app, &site).await.wrong.len(), 12);
        let (is_good, said) = doctor(&app);
        assert!(!is_good && said.contains("BAD   what is kept of 12 of 12 tests"), "{said}");
        let command = Command::new(env!("CARGO_BIN_EXE_touchstone"))
            .args(["rebuild", "--database-url", &app.database.url]).output().unwrap();
        assert!(command.status.success(), "{}", String::from_utf8_lossy(&command.stderr));
        assert!(String::from_utf8_lossy(&command.stdout).contains("12 tests"));
        assert_eq!(projections(&on).await, before);
        let (is_good, said) = doctor(&app);
        assert!(is_good && said.contains("good  what is kept of 12 tests"), "{said}");
        app.stop().await;
    }
}
