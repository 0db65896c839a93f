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
