//! The schema goes up from nothing, down and up again, and up from several replicas at once.

use futures_util::future::join_all;
use touchstone::store::Store;

use crate::both_databases;

both_databases! {
    async fn down_and_up_again(database: Database) {
        let url = &database.url;
        assert!(!Store::pending_migrations(url).await.unwrap().is_empty());
        Store::migrate(url).await.unwrap();
        assert!(Store::pending_migrations(url).await.unwrap().is_empty());
        Store::migrate_down(url, 1).await.unwrap();
        assert!(!Store::pending_migrations(url).await.unwrap().is_empty());
        Store::migrate(url).await.unwrap();
        Store::open(url, 2).await.unwrap().ping().await.unwrap();
    }

    async fn four_replicas_may_start_at_once(database: Database) {
        if database.is_sqlite() {
            return; // one process, one file
        }
        let url = &database.url;
        for done in join_all((0..4).map(|_| Store::migrate(url))).await {
            done.unwrap();
        }
    }
}

#[test]
fn what_is_logged_into_a_file_or_a_journal_has_no_colours() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("touchstone.db");
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_touchstone"))
        .args(["migrate", "--database-url"])
        .arg(format!("sqlite://{}?mode=rwc", file.display()))
        .arg("up")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    assert!(said.contains("INFO"), "{said}");
    assert!(!said.contains('\u{1b}'), "{said:?}");
}
