//! Many issues read at once say what each says by itself, and lists are about the issues they name.

use touchstone::app::import_results::{Upload, import_results, prepare};
use touchstone::app::issue_coverage::{IssueRef, of_issue, of_issues};
use touchstone::domain::attempts::Aggregation;
use touchstone::domain::coverage::Scope;
use touchstone::domain::execution::Particulars;
use touchstone::domain::issue::{IssueSnapshot, Named};
use touchstone::results::{Limits, read};
use touchstone::store::population::{self, Population};
use touchstone::store::{SiteId, Store, issues};
use uuid::Uuid;

use crate::both_databases;

const SITE: SiteId = SiteId(1);
const T0: i64 = 1_795_132_800_000;

/// An issue with fix versions and sprints.
fn issue(number: i64, key: &str, versions: &[&str], sprints: &[&str]) -> IssueSnapshot {
    let named = |names: &[&str]| {
        let named = names.iter().map(|name| Named {
            id: format!("id of {name}"),
            name: (*name).to_owned(),
        });
        named.collect()
    };
    IssueSnapshot {
        jira_id: number,
        key: key.to_owned(),
        project_key: key.split('-').next().unwrap().to_owned(),
        issue_type: Named {
            id: "1".into(),
            name: "Story".into(),
        },
        fix_versions: named(versions),
        sprints: named(sprints),
        updated_ms: T0,
        ..IssueSnapshot::default()
    }
}

async fn keep(store: &Store, snapshots: &[IssueSnapshot]) -> Vec<Uuid> {
    let txn = store.write().await.unwrap();
    let mut ids = Vec::new();
    for snapshot in snapshots {
        ids.push(
            issues::upsert_snapshot(&*txn, SITE, snapshot, T0)
                .await
                .unwrap(),
        );
    }
    txn.commit().await.unwrap();
    ids
}

/// One execution: each test, the issues it covers, what it did.
async fn report(store: &Store, particulars: Particulars, cases: &[(&str, &str, &str)]) {
    let case = |(name, covers, outcome): &(&str, &str, &str)| {
        format!(
            r#"<testcase classname="shop" name="{name}"><properties>
               <property name="requirement" value="{covers}"/></properties>{outcome}</testcase>"#
        )
    };
    let cases: Vec<String> = cases.iter().map(case).collect();
    let cases = cases.concat();
    let xml = format!("<testsuite>{cases}</testsuite>");
    let report = read(xml.as_bytes(), &Limits::default()).unwrap();
    let upload = Upload {
        project: "SHOP".into(),
        particulars,
        execution: None,
        source: "JUnit".into(),
        created_by: None,
        ..Upload::default()
    };
    let prepared = prepare(report, Aggregation::Worst, T0);
    import_results(store, SITE, &upload, prepared)
        .await
        .unwrap();
}

fn made_for(version: &str, environment: &str) -> Particulars {
    Particulars {
        fix_version: Some(version.to_owned()),
        plan: Some(format!("SHOP-P{version}")),
        sprint: Some(format!("Sprint {version}")),
        environments: vec![environment.to_owned()],
        ..Particulars::default()
    }
}

const PASSES: &str = "";
const FAILS: &str = r#"<failure message="no"/>"#;

both_databases! {
    async fn many_issues_say_what_each_says_by_itself(database: Database) {
        Store::migrate(&database.url).await.unwrap();
        let store = Store::open(&database.url, 4).await.unwrap();
        let snapshots: Vec<_> = (7..=11)
            .map(|n| issue(n, &format!("SHOP-{n}"), &[], &[]))
            .collect();
        let ids = keep(&store, &snapshots).await;
        let chrome = made_for("1", "chrome");
        report(&store, chrome, &[
            ("pays", "SHOP-7 SHOP-8", PASSES),
            ("ships", "SHOP-8", FAILS),
            ("refunds", "SHOP-9", PASSES),
        ]).await;
        let firefox = made_for("2", "firefox");
        report(&store, firefox, &[("pays", "SHOP-7", FAILS), ("waits", "SHOP-10", "<skipped/>")]).await;

        let foreign = Uuid::from_u128(5);
        let asked: Vec<Uuid> = ids.iter().rev().copied().chain([foreign]).collect();
        let names = ["latest", "version:1", "version:2", "version:9", "plan:SHOP-P1", "sprint:Sprint 2"];
        for name in names {
            for environment in [None, Some("chrome")] {
                let scope = Scope::named(name, environment).unwrap();
                let mut alone = Vec::new();
                for snapshot in snapshots.iter().rev() {
                    let by_id = IssueRef::ByJiraId(snapshot.jira_id);
                    let one = of_issue(&store, SITE, by_id, &scope, T0).await.unwrap();
                    alone.push(one.unwrap());
                }
                let together = of_issues(&store, SITE, &asked, &scope, T0).await.unwrap();
                assert_eq!(together, alone, "{name} {environment:?}");
            }
        }
        let elsewhere = of_issues(&store, SiteId(2), &asked, &Scope::default(), T0).await.unwrap();
        assert!(elsewhere.is_empty(), "another site knows none of them");
    }

    async fn lists_are_about_a_project_a_version_or_a_sprint(database: Database) {
        Store::migrate(&database.url).await.unwrap();
        let store = Store::open(&database.url, 4).await.unwrap();
        let ids = keep(&store, &[
            issue(1, "SHOP-10", &["1.4", "1.5"], &["Sprint 7"]),
            issue(2, "SHOP-9", &["1.4"], &["Sprint 7", "Sprint 8"]),
            issue(3, "SHOP-11", &["1.40"], &[]),
            issue(4, "PAY-1", &["1.4"], &["Sprint 8"]),
        ]).await;
        let txn = store.write().await.unwrap();
        issues::insert_placeholders(&*txn, SITE, &["SHOP-99".to_owned()], T0).await.unwrap();
        txn.commit().await.unwrap();

        let [ten, nine, eleven, _] = ids[..] else { panic!("four issues") };
        let found = async |population| {
            population::ids(store.read(), SITE, &population).await.unwrap()
        };
        let project = "SHOP";
        assert_eq!(found(Population::Project(project)).await, [nine, ten, eleven]);
        let version = |name| Population::Version { project, name };
        assert_eq!(found(version("1.4")).await, [nine, ten]);
        assert_eq!(found(version("1.5")).await, [ten]);
        assert!(found(version("id of 1.4")).await.is_empty());
        let sprint = |name| Population::Sprint { project, name };
        assert_eq!(found(sprint("Sprint 8")).await, [nine]);
        assert!(found(sprint("Sprint 9")).await.is_empty());
    }
}
