//! What a panel reads of an issue: its tests with what hangs on them, and the links people make.

use sea_orm::{ConnectionTrait, Statement};
use touchstone::app::import_results::{Upload, import_results, prepare};
use touchstone::app::issue_coverage::{IssueCoverage, IssueRef, of_issue};
use touchstone::app::link_test::{LinkError, link_test};
use touchstone::app::unlink_test::unlink_test;
use touchstone::domain::attempts::Aggregation;
use touchstone::domain::coverage::{CoverageStatus, Scope};
use touchstone::domain::execution::Particulars;
use touchstone::domain::issue::{IssueSnapshot, MirroredIssue, StatusCategory};
use touchstone::domain::keys::TestKey;
use touchstone::domain::rule::MarkKind;
use touchstone::results::{Limits, read};
use touchstone::store::{SiteId, Store, issues, tests};
use uuid::Uuid;

use crate::both_databases;
use crate::support::Database;

const SITE: SiteId = SiteId(1);
const T0: i64 = 1_795_132_800_000;

/// A store with the issues SHOP-7 and SHOP-41 and, covering SHOP-7, a failing test SHOP-T1 and a
/// passing one SHOP-T2.
async fn shop(database: &Database) -> Store {
    Store::migrate(&database.url).await.unwrap();
    let store = Store::open(&database.url, 4).await.unwrap();
    let txn = store.write().await.unwrap();
    for (jira_id, key) in [(10_042, "SHOP-7"), (10_050, "SHOP-41")] {
        let snapshot = IssueSnapshot {
            jira_id,
            key: key.into(),
            project_key: "SHOP".into(),
            summary: format!("Summary of {key}"),
            status_category: StatusCategory::Done,
            ..IssueSnapshot::default()
        };
        issues::upsert_snapshot(&*txn, SITE, &snapshot, T0)
            .await
            .unwrap();
    }
    txn.commit().await.unwrap();
    import(&store, "chrome", T0, r#"<failure message="no"/>"#).await;
    store
}

async fn import(store: &Store, environment: &str, now: i64, pays: &str) {
    let covers = r#"<properties><property name="requirement" value="SHOP-7"/></properties>"#;
    let xml = format!(
        r#"<testsuite><testcase classname="shop" name="pays">{covers}{pays}</testcase>
           <testcase classname="shop" name="ships">{covers}</testcase></testsuite>"#
    );
    let upload = Upload {
        project: "SHOP".into(),
        particulars: Particulars {
            environments: vec![environment.into()],
            ..Particulars::default()
        },
        execution: None,
        source: "JUnit".into(),
        created_by: None,
        ..Upload::default()
    };
    let report = read(xml.as_bytes(), &Limits::default()).unwrap();
    let prepared = prepare(report, Aggregation::Worst, now);
    import_results(store, SITE, &upload, prepared)
        .await
        .unwrap();
}

async fn coverage(store: &Store, environment: Option<&str>) -> IssueCoverage {
    let issue = IssueRef::ByJiraId(10_042);
    let scope = Scope::named("latest", environment).unwrap();
    of_issue(store, SITE, issue, &scope, T0)
        .await
        .unwrap()
        .unwrap()
}

fn key(text: &str) -> TestKey {
    text.parse().unwrap()
}

/// Writes a row for the tests' sake alone: rules make marks, people make defects.
async fn insert(store: &Store, sql: &str, ids: [Uuid; 2]) {
    let values = [SITE.0.into(), ids[0].into(), ids[1].into(), T0.into()];
    let txn = store.write().await.unwrap();
    let statement = Statement::from_sql_and_values(txn.get_database_backend(), sql, values);
    txn.execute_raw(statement).await.unwrap();
    txn.commit().await.unwrap();
}

both_databases! {
    async fn the_worst_test_stands_first_with_its_defects_and_marks(database: Database) {
        let store = shop(&database).await;
        let defect = issues::by_key(store.read(), SITE, "SHOP-41").await.unwrap().unwrap();
        let test = tests::by_key(store.read(), SITE, &key("SHOP-T1")).await.unwrap().unwrap();
        let ids = [test.id, defect.id];
        insert(&store, "INSERT INTO defect_link (site_id, test_id, issue_id, created_ms) VALUES ($1, $2, $3, $4)", ids).await;
        insert(&store, "INSERT INTO mark (site_id, test_id, issue_id, kind, since_ms, environments, rule) VALUES ($1, $2, $3, 1, $4, '[]', 'D5')", ids).await;

        let seen = coverage(&store, None).await;

        assert_eq!((seen.status, seen.counts.total, seen.counts.failed), (CoverageStatus::Nok, 2, 1));
        let [failing, passing] = seen.tests.as_slice() else { panic!("two tests") };
        assert_eq!((failing.key.as_str(), passing.key.as_str()), ("SHOP-T1", "SHOP-T2"));
        assert_eq!(failing.message.as_deref(), Some("no"));
        assert_eq!(failing.picks[0].environment, "chrome");
        let linked = &failing.defects[0];
        assert_eq!((linked.key.as_str(), linked.status_category), ("SHOP-41", StatusCategory::Done));
        assert_eq!(failing.marks[0].kind, MarkKind::RetestNeeded);
        assert!(passing.defects.is_empty() && passing.marks.is_empty());
    }

    async fn one_environment_is_looked_at_alone(database: Database) {
        let store = shop(&database).await;
        import(&store, "safari", T0 + 1, "").await;
        let all = coverage(&store, None).await;
        assert_eq!(all.status, CoverageStatus::Nok);
        assert_eq!(all.environments, ["chrome", "safari"]);
        assert_eq!(all.tests[0].picks.len(), 2);
        let safari = coverage(&store, Some("safari")).await;
        assert_eq!(safari.status, CoverageStatus::Ok);
        assert_eq!(safari.environments, ["chrome", "safari"], "the choice stays");
        let nowhere = coverage(&store, Some("firefox")).await;
        assert_eq!(nowhere.status, CoverageStatus::NotRun);
        assert!(nowhere.tests.iter().all(|test| test.last_run.is_none()));
    }

    async fn an_issue_without_tests_is_uncovered_and_an_unknown_one_is_none(database: Database) {
        let store = shop(&database).await;
        let bare = of_issue(&store, SITE, IssueRef::ByKey("SHOP-41"), &Scope::default(), T0).await.unwrap();
        assert_eq!(bare.unwrap().status, CoverageStatus::Uncovered);
        let unknown = IssueRef::ByKey("SHOP-99");
        assert_eq!(of_issue(&store, SITE, unknown, &Scope::default(), T0).await.unwrap(), None);
        let foreign = of_issue(&store, SiteId(2), IssueRef::ByJiraId(10_042), &Scope::default(), T0).await;
        assert_eq!(foreign.unwrap(), None);
    }

    async fn an_issue_is_found_by_the_key_it_had_until_another_takes_it(database: Database) {
        let store = shop(&database).await;
        let [shop7, shop41] = [10_042, 10_050];
        let move_to = async |jira_id: i64, key: &str, at| {
            let snapshot = IssueSnapshot {
                jira_id,
                key: key.into(),
                project_key: "SHOP".into(),
                ..IssueSnapshot::default()
            };
            let txn = store.write().await.unwrap();
            issues::upsert_snapshot(&*txn, SITE, &snapshot, at).await.unwrap();
            txn.commit().await.unwrap();
        };
        let found = async |key: &str| {
            let found = of_issue(&store, SITE, IssueRef::ByKey(key), &Scope::default(), T0).await;
            found.unwrap().unwrap().issue.snapshot.jira_id
        };
        move_to(shop7, "SHOP-8", T0 + 1).await;
        assert_eq!((found("SHOP-7").await, found("SHOP-8").await), (shop7, shop7));
        move_to(shop41, "SHOP-7", T0 + 2).await;
        assert_eq!((found("SHOP-7").await, found("SHOP-8").await), (shop41, shop7));
    }

    async fn people_link_and_unlink_and_results_do_not_argue(database: Database) {
        let store = shop(&database).await;
        let ann = Some("ann");
        assert!(unlink_test(&store, SITE, 10_042, &key("SHOP-T1"), ann, T0).await.unwrap());
        assert!(!unlink_test(&store, SITE, 10_042, &key("SHOP-T1"), ann, T0).await.unwrap());
        import(&store, "chrome", T0 + 1, r#"<failure message="no"/>"#).await;
        assert_eq!(coverage(&store, None).await.status, CoverageStatus::Ok);

        let linked = link_test(&store, SITE, 10_042, &key("SHOP-T1"), ann, T0 + 2).await.unwrap();
        assert_eq!(linked.name, "pays");
        assert_eq!(coverage(&store, None).await.status, CoverageStatus::Nok);

        let unknown = link_test(&store, SITE, 10_042, &key("SHOP-T9"), ann, T0).await;
        assert_eq!(unknown.unwrap_err().to_string(), "there is no test SHOP-T9");
        let nowhere = link_test(&store, SITE, 999, &key("SHOP-T1"), ann, T0).await;
        assert!(matches!(nowhere.unwrap_err(), LinkError::UnknownIssue));
    }

    async fn tests_are_found_by_text_key_or_number(database: Database) {
        let store = shop(&database).await;
        let found = async |text: &str| -> Vec<String> {
            let found = tests::search(store.read(), SITE, "SHOP", text, 10).await.unwrap();
            found.iter().map(|test| test.key.to_string()).collect()
        };
        assert_eq!(found("").await, ["SHOP-T2", "SHOP-T1"]);
        assert_eq!(found("PAY").await, ["SHOP-T1"]);
        assert_eq!(found("shop-t2").await, ["SHOP-T2"]);
        assert_eq!(found("2").await, ["SHOP-T2"]);
        assert_eq!(found("%").await, Vec::<String>::new());
    }

    async fn a_placeholder_made_meanwhile_gives_its_links_to_the_issue(database: Database) {
        Store::migrate(&database.url).await.unwrap();
        let store = Store::open(&database.url, 4).await.unwrap();
        import(&store, "chrome", T0, "").await;
        let placeholder = issues::by_key(store.read(), SITE, "SHOP-7").await.unwrap().unwrap();
        let snapshot = IssueSnapshot {
            jira_id: 10_042,
            key: "SHOP-7".into(),
            project_key: "SHOP".into(),
            ..IssueSnapshot::default()
        };
        let row = MirroredIssue { id: Uuid::new_v4(), snapshot: snapshot.clone(), ..placeholder };

        let txn = store.write().await.unwrap();
        issues::upsert_all(&*txn, &[(SITE, &row)]).await.unwrap();
        issues::upsert_snapshot(&*txn, SITE, &snapshot, T0 + 1).await.unwrap();
        txn.commit().await.unwrap();

        assert_eq!(coverage(&store, None).await.status, CoverageStatus::Ok);
        let left = issues::placeholders(store.read(), &[(SITE, "SHOP-7")]).await.unwrap();
        assert!(left.is_empty());
    }
}
