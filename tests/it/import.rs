//! A build's report becomes tests, runs, links and statuses, all or nothing.

use std::io::{Cursor, Write as _};

use touchstone::app::import_results::{
    ImportError, Imported, UnknownTests, Upload, import_results, prepare,
};
use touchstone::domain::attempts::Aggregation;
use touchstone::domain::coverage::Latest;
use touchstone::domain::execution::Particulars;
use touchstone::domain::issue::{IssueSnapshot, Named};
use touchstone::domain::run::RunStatus;
use touchstone::results::{Limits, read};
use touchstone::store::{SiteId, Store, executions, issues, latest, links, outbox, runs, tests};

use crate::both_databases;
use crate::support::Database;

const SITE: SiteId = SiteId(1);
/// 2026-11-20, in milliseconds.
const T0: i64 = 1_795_132_800_000;

async fn store(database: &Database) -> Store {
    Store::migrate(&database.url).await.unwrap();
    Store::open(&database.url, 4).await.unwrap()
}

fn upload() -> Upload {
    Upload {
        project: "SHOP".into(),
        particulars: Particulars::default(),
        execution: None,
        source: "JUnit".into(),
        created_by: None,
        ..Upload::default()
    }
}

fn on(environments: &[&str]) -> Upload {
    let environments = environments.iter().map(|name| (*name).to_owned()).collect();
    Upload {
        particulars: Particulars {
            environments,
            ..Particulars::default()
        },
        ..upload()
    }
}

async fn import(
    store: &Store,
    upload: &Upload,
    xml: &str,
    now: i64,
) -> Result<Imported, ImportError> {
    import_file(store, upload, xml.as_bytes(), now).await
}

async fn import_file(
    store: &Store,
    upload: &Upload,
    file: &[u8],
    now: i64,
) -> Result<Imported, ImportError> {
    let report = read(file, &Limits::default()).unwrap();
    let prepared = prepare(report, Aggregation::Worst, now);
    import_results(store, SITE, upload, prepared).await
}

/// A suite of class `shop.Cart`; each case is a name and what stands inside it.
fn suite(cases: &[(&str, &str)]) -> String {
    let cases: Vec<String> = cases
        .iter()
        .map(|(name, inside)| {
            format!(
                r#"<testcase classname="shop.Cart" name="{name}" time="0.1">{inside}</testcase>"#
            )
        })
        .collect();
    format!(r#"<testsuite name="unit">{}</testsuite>"#, cases.concat())
}

const FAILURE: &str = r#"<failure message="expected 402, got 500">at cart.rs:88</failure>"#;

fn covers(key: &str) -> String {
    format!(r#"<properties><property name="requirement" value="{key}"/></properties>"#)
}

async fn kept(store: &Store, key: &str) -> Latest {
    let test = tests::by_key(store.read(), SITE, &key.parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let mut found = latest::by_tests(store.read(), SITE, &[test.id])
        .await
        .unwrap();
    found.remove(&test.id).unwrap_or_default()
}

async fn status(store: &Store, key: &str) -> RunStatus {
    kept(store, key)
        .await
        .status(&touchstone::domain::coverage::Settings::default())
        .status
}

/// A zip archive of files as they are.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer
            .start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

both_databases! {
    async fn an_archive_is_one_execution_of_all_its_files(database: Database) {
        let store = store(&database).await;
        let given = Upload { source: String::new(), ..upload() };
        let testng = include_bytes!("../data/results/testng.xml");
        let nunit = include_bytes!("../data/results/nunit2.xml");
        let archive = zip(&[("testng.xml", testng), ("nunit.xml", nunit), ("log.txt", b"done")]);

        let imported = import_file(&store, &given, &archive, T0).await.unwrap();

        assert_eq!((imported.counts.tests, imported.counts.flaky), (8 + 11, 1));
        assert_eq!(imported.issues, ["SHOP-7", "SHOP-8"]);
        assert!(imported.warnings[0].contains("passed over: log.txt"), "{:?}", imported.warnings);
        let execution = executions::by_key(store.read(), SITE, &imported.execution);
        let execution = execution.await.unwrap().unwrap();
        assert_eq!((execution.source.as_str(), execution.name.as_str()), ("several formats", "several formats results"));
        let runs = runs::of_execution(store.read(), SITE, execution.id, 0, 50).await.unwrap();
        assert_eq!(runs.len(), 7 + 10, "rows are one run");

        let alone = import_file(&store, &given, nunit, T0 + 1).await.unwrap();
        let execution = executions::by_key(store.read(), SITE, &alone.execution);
        assert_eq!(execution.await.unwrap().unwrap().source, "NUnit");
        let next = "SHOP-T18".parse().unwrap();
        let again = tests::by_key(store.read(), SITE, &next);
        assert!(again.await.unwrap().is_none(), "the tests are the same ones");
    }

    async fn a_file_makes_tests_runs_and_an_execution(database: Database) {
        let store = store(&database).await;
        let xml = suite(&[("pays", ""), ("refunds", FAILURE), ("ships", "<skipped/>")]);

        let imported = import(&store, &on(&["chrome"]), &xml, T0).await.unwrap();

        assert_eq!(imported.execution.to_string(), "SHOP-E1");
        let counts = imported.counts;
        assert_eq!([counts.tests, counts.passed, counts.failed, counts.skipped], [3, 1, 1, 1]);
        assert_eq!(status(&store, "SHOP-T1").await, RunStatus::Passed);
        assert_eq!(status(&store, "SHOP-T2").await, RunStatus::Failed);
        assert_eq!(status(&store, "SHOP-T3").await, RunStatus::Skipped);
        let failed = kept(&store, "SHOP-T2").await;
        let run = failed.last_run().unwrap();
        assert_eq!(run.message.as_deref(), Some("expected 402, got 500"));
        assert_eq!((run.execution_key.as_str(), run.number), ("SHOP-E1", 2));
        assert_eq!(run.environments, ["chrome"]);

        let execution = executions::by_key(store.read(), SITE, &imported.execution);
        let execution = execution.await.unwrap().unwrap();
        assert_eq!((execution.next_run, execution.finished_ms), (4, T0));
        let listed = runs::of_execution(store.read(), SITE, execution.id, 1, 10).await.unwrap();
        let seen: Vec<_> = listed.iter().map(|run| (run.number, run.test_name.as_str())).collect();
        assert_eq!(seen, [(2, "refunds"), (3, "ships")]);
    }

    async fn the_same_case_is_the_same_test_in_the_next_file(database: Database) {
        let store = store(&database).await;
        import(&store, &upload(), &suite(&[("pays", FAILURE)]), T0).await.unwrap();

        let xml = suite(&[("new", ""), ("pays", "")]);
        let second = import(&store, &upload(), &xml, T0 + 1).await.unwrap();

        assert_eq!(second.execution.to_string(), "SHOP-E2");
        assert_eq!(status(&store, "SHOP-T1").await, RunStatus::Passed);
        assert_eq!(kept(&store, "SHOP-T1").await.recent().len(), 2);
        assert_eq!(status(&store, "SHOP-T2").await, RunStatus::Passed);
        let all = tests::search(store.read(), SITE, "SHOP", "", 10).await.unwrap();
        assert_eq!(all.len(), 2);
    }

    async fn w16_a_late_result_never_replaces_a_newer_one(database: Database) {
        let store = store(&database).await;
        let at = |minute: u8, inside: &str| {
            let cases = suite(&[("pays", inside)]);
            let stamp = format!(r#"<testsuite timestamp="2026-11-19T10:0{minute}:00Z""#);
            cases.replace("<testsuite", &stamp)
        };
        import(&store, &upload(), &at(5, FAILURE), T0).await.unwrap();
        import(&store, &upload(), &at(3, ""), T0 + 60_000).await.unwrap();
        assert_eq!(status(&store, "SHOP-T1").await, RunStatus::Failed);
    }

    async fn a_result_from_the_far_future_is_dated_by_its_arrival(database: Database) {
        let store = store(&database).await;
        let xml = suite(&[("pays", FAILURE)]).replace("<testsuite", r#"<testsuite timestamp="2126-01-01T00:00:00Z""#);
        let imported = import(&store, &upload(), &xml, T0).await.unwrap();
        assert!(imported.warnings.iter().any(|warning| warning.contains("future")));
        import(&store, &upload(), &suite(&[("pays", "")]), T0 + 1).await.unwrap();
        assert_eq!(status(&store, "SHOP-T1").await, RunStatus::Passed);
    }

    async fn stated_issues_are_linked_and_asked_for(database: Database) {
        let store = store(&database).await;
        let xml = suite(&[("pays", &covers("SHOP-7, SHOP-8")), ("refunds", &covers("SHOP-7"))]);

        let imported = import(&store, &upload(), &xml, T0).await.unwrap();

        assert_eq!(imported.issues, ["SHOP-7", "SHOP-8"]);
        let issue = issues::by_key(store.read(), SITE, "SHOP-7").await.unwrap().unwrap();
        assert!(issue.is_placeholder());
        assert_eq!(outbox::counts(store.read(), Some(SITE)).await.unwrap().waiting, 2);

        let again = import(&store, &upload(), &suite(&[("pays", "")]), T0 + 1).await.unwrap();
        assert_eq!(again.issues, ["SHOP-7", "SHOP-8"], "the links stand");
        assert_eq!(outbox::counts(store.read(), Some(SITE)).await.unwrap().waiting, 2);
    }

    async fn what_only_looks_like_a_key_links_to_known_issues_alone(database: Database) {
        let store = store(&database).await;
        let named = suite(&[("SHOP-7 pays in UTF-8", "")]);
        let first = import(&store, &upload(), &named, T0).await.unwrap();
        assert!(first.issues.is_empty());

        let stated = suite(&[("refunds", &covers("SHOP-7"))]);
        import(&store, &upload(), &stated, T0).await.unwrap();
        let second = import(&store, &upload(), &named, T0 + 1).await.unwrap();
        assert_eq!(second.issues, ["SHOP-7"]);
    }

    async fn a_link_a_person_removed_stays_removed(database: Database) {
        let store = store(&database).await;
        let xml = suite(&[("pays", &covers("SHOP-7"))]);
        import(&store, &upload(), &xml, T0).await.unwrap();
        let issue = issues::by_key(store.read(), SITE, "SHOP-7").await.unwrap().unwrap();
        let key = "SHOP-T1".parse().unwrap();
        let test = tests::by_key(store.read(), SITE, &key).await.unwrap().unwrap();

        let txn = store.write().await.unwrap();
        assert!(links::unlink(&*txn, SITE, issue.id, test.id, Some("ann"), T0).await.unwrap());
        assert!(!links::unlink(&*txn, SITE, issue.id, test.id, Some("ann"), T0).await.unwrap());
        txn.commit().await.unwrap();
        let again = import(&store, &upload(), &xml, T0 + 1).await.unwrap();
        assert!(again.issues.is_empty());

        let txn = store.write().await.unwrap();
        links::link(&*txn, SITE, issue.id, test.id, Some("ann"), T0 + 2).await.unwrap();
        txn.commit().await.unwrap();
        let again = import(&store, &upload(), &xml, T0 + 3).await.unwrap();
        assert_eq!(again.issues, ["SHOP-7"]);
    }

    async fn a_file_that_names_an_unknown_test_leaves_nothing(database: Database) {
        let store = store(&database).await;
        let names = |key| {
            let property = format!(r#"<properties><property name="test_key" value="{key}"/></properties>"#);
            suite(&[("new", ""), ("pays", &property)])
        };
        let why = import(&store, &upload(), &names("SHOP-T9"), T0).await.unwrap_err();
        assert_eq!(
            why.to_string(),
            "`pays` names the test SHOP-T9, which does not exist in this project"
        );
        let other = import(&store, &upload(), &names("SHOP-9"), T0).await.unwrap_err();
        assert!(other.to_string().contains("SHOP-9"), "{other}");
        let all = tests::search(store.read(), SITE, "SHOP", "", 10).await.unwrap();
        assert!(all.is_empty());

        import(&store, &upload(), &suite(&[("a", ""), ("b", "")]), T0).await.unwrap();
        import(&store, &upload(), &names("SHOP-T2"), T0 + 1).await.unwrap();
        let twice = kept(&store, "SHOP-T2").await;
        assert_eq!(twice.recent().len(), 2);
    }

    async fn results_of_unknown_tests_are_left_out_where_that_is_asked_for(database: Database) {
        let store = store(&database).await;
        let named = |key| format!(r#"<properties><property name="test_key" value="{key}"/></properties>"#);
        let (a, b, c) = (named("SHOP-T9"), named("SHOP-9"), named("what is this"));
        let leaving = Upload { unknown_tests: UnknownTests::LeaveOut, ..upload() };
        let only = suite(&[("pays", &a), ("ships", &b)]);
        let why = import(&store, &leaving, &only, T0).await.unwrap_err();
        assert!(matches!(why, ImportError::UnknownTest { .. }), "{why}");
        let all = suite(&[("pays", &a), ("ships", &b), ("bills", &c), ("new", "")]);
        let imported = import(&store, &leaving, &all, T0).await.unwrap();
        assert_eq!(
            imported.warnings[0],
            "`pays` names the test SHOP-T9, which does not exist in this project; that result is left out"
        );
        assert_eq!((imported.warnings.len(), imported.counts.tests), (3, 4));
        assert_eq!(tests::search(store.read(), SITE, "SHOP", "", 10).await.unwrap().len(), 1);
    }

    async fn an_issue_that_is_a_test_stands_for_one(database: Database) {
        let store = store(&database).await;
        let txn = store.write().await.unwrap();
        for (jira_id, key, type_name) in [(1, "SHOP-101", "Test"), (2, "SHOP-7", "Story")] {
            let snapshot = IssueSnapshot {
                jira_id,
                key: key.into(),
                project_key: "SHOP".into(),
                issue_type: Named { id: type_name.into(), name: type_name.into() },
                summary: format!("{key} in Jira"),
                ..IssueSnapshot::default()
            };
            issues::upsert_snapshot(&*txn, SITE, &snapshot, T0).await.unwrap();
        }
        txn.commit().await.unwrap();
        let named = |key| {
            let property = format!(r#"<properties><property name="test_key" value="{key}"/></properties>"#);
            suite(&[("pays", &property)])
        };
        for now in [T0, T0 + 1] {
            import(&store, &upload(), &named("shop-101"), now).await.unwrap();
        }
        let made = tests::search(store.read(), SITE, "SHOP", "", 10).await.unwrap();
        let names: Vec<&str> = made.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["SHOP-101 in Jira"], "one test, under the issue's name");
        assert_eq!(kept(&store, "SHOP-T1").await.recent().len(), 2);
        let why = import(&store, &upload(), &named("SHOP-7"), T0).await.unwrap_err();
        assert_eq!(
            why.to_string(),
            "`pays` names the issue SHOP-7, which is no test but of type Story"
        );
    }

    async fn an_execution_takes_more_files_but_no_contradiction(database: Database) {
        let store = store(&database).await;
        let xml = suite(&[("pays", "")]);
        let first = import(&store, &on(&["chrome"]), &xml, T0).await.unwrap();
        let into = |upload: Upload| Upload { execution: Some(first.execution.clone()), ..upload };

        let more = suite(&[("refunds", FAILURE)]);
        let second = import(&store, &into(upload()), &more, T0 + 1).await.unwrap();
        assert_eq!(second.execution, first.execution);
        let run = kept(&store, "SHOP-T2").await;
        assert_eq!(run.last_run().unwrap().environments, ["chrome"]);
        assert_eq!(run.last_run().unwrap().number, 2);

        let why = import(&store, &into(on(&["firefox"])), &more, T0 + 2).await.unwrap_err();
        assert_eq!(
            why.to_string(),
            "the results do not belong into SHOP-E1: its environment is chrome, not firefox"
        );
        let unknown = Upload { execution: Some("SHOP-E9".parse().unwrap()), ..upload() };
        let why = import(&store, &unknown, &more, T0 + 3).await.unwrap_err();
        assert!(matches!(why, ImportError::UnknownExecution(_)));
    }

    async fn attempts_are_kept_and_the_worst_counts(database: Database) {
        let store = store(&database).await;
        let xml = suite(&[("pays", FAILURE), ("pays", ""), ("ships", "")]);

        let imported = import(&store, &upload(), &xml, T0).await.unwrap();

        assert_eq!(imported.counts.tests, 3, "elements are counted");
        let pays = kept(&store, "SHOP-T1").await;
        let run = pays.last_run().unwrap();
        assert_eq!((run.status, run.is_flaky, run.attempts), (RunStatus::Failed, true, 2));
        let execution = executions::by_key(store.read(), SITE, &imported.execution);
        let execution = execution.await.unwrap().unwrap();
        let listed = runs::of_execution(store.read(), SITE, execution.id, 0, 10).await.unwrap();
        assert_eq!((listed.len(), listed[0].is_flaky), (2, true));
    }

    async fn imports_at_the_same_time_make_each_test_once(database: Database) {
        let store = store(&database).await;
        let names: Vec<String> = (0..300).map(|n| format!("case {n}")).collect();
        let covered = covers("SHOP-7");
        let cases: Vec<(&str, &str)> =
            names.iter().map(|name| (name.as_str(), covered.as_str())).collect();
        let xml = suite(&cases);

        let importing = (0..6).map(|n| {
            let (store, xml) = (store.clone(), xml.clone());
            tokio::spawn(async move { import(&store, &upload(), &xml, T0 + n).await.unwrap() })
        });
        let mut executions = Vec::new();
        for done in importing.collect::<Vec<_>>() {
            let imported = done.await.unwrap();
            assert_eq!(imported.issues, ["SHOP-7"]);
            executions.push(imported.execution.number);
        }

        executions.sort_unstable();
        assert_eq!(executions, [1, 2, 3, 4, 5, 6]);
        let all = tests::search(store.read(), SITE, "SHOP", "case", 1000).await.unwrap();
        assert_eq!(all.len(), 300);
        assert_eq!(kept(&store, "SHOP-T300").await.recent().len(), 6);
    }

    async fn placeholders_are_made_once_by_imports_into_different_projects(database: Database) {
        let store = store(&database).await;
        let xml = suite(&[("pays", &covers("SHOP-7"))]);
        let importing = ["SHOP", "WEB", "PAY", "API"].map(|project| {
            let (store, xml) = (store.clone(), xml.clone());
            let upload = Upload { project: project.into(), ..upload() };
            tokio::spawn(async move { import(&store, &upload, &xml, T0).await.unwrap() })
        });
        for done in importing {
            assert_eq!(done.await.unwrap().issues, ["SHOP-7"]);
        }
        assert_eq!(outbox::counts(store.read(), Some(SITE)).await.unwrap().waiting, 1);
    }
}

both_databases! {
    async fn every_report_of_the_collection_imports_and_is_recognised_again(database: Database) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/reference/results");
        let Ok(files) = std::fs::read_dir(folder) else {
            assert!(std::env::var_os("CI").is_none(), "{folder} is missing");
            println!("skipped: {folder} is not here");
            return;
        };
        let store = store(&database).await;
        let mut imported = 0_i64;
        for file in files.map(|entry| entry.unwrap().path()) {
            let bytes = std::fs::read(&file).unwrap();
            let Ok(report) = read(&bytes, &Limits::default()) else { continue };
            imported += 1;
            let upload = Upload { project: format!("P{imported}"), ..upload() };
            let expected = report.runs.len();
            for now in [T0, T0 + 1] {
                let prepared = prepare(report.clone(), Aggregation::Worst, now);
                match import_results(&store, SITE, &upload, prepared).await {
                    Ok(done) => {
                        let left_out = done.warnings.iter().filter(|why| why.ends_with("left out"));
                        let expected = expected - left_out.count();
                        let limit = i64::try_from(expected).unwrap() + 1;
                        let made = tests::search(store.read(), SITE, &upload.project, "", limit);
                        assert_eq!(made.await.unwrap().len(), expected, "{}", file.display());
                    }
                    Err(ImportError::UnknownTest { .. }) => {}
                    Err(why) => panic!("{}: {why}", file.display()),
                }
            }
        }
        assert!(imported > 20, "only {imported} reports were read");
    }
}
