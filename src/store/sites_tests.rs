use super::*;
use crate::store::Store;

/// When a site was installed, changed its secret, left, and may be purged.
async fn dates(store: &Store) -> [Option<i64>; 4] {
    let columns = "installed_ms, secret_changed_ms, uninstalled_ms, purge_after_ms";
    let rows = Sql::new(&format!("SELECT {columns} FROM site"))
        .raw(store.read())
        .await
        .unwrap();
    [0, 1, 2, 3].map(|column| rows[0].try_get_by_index(column).unwrap())
}

fn told(client_key: &str) -> Installation {
    Installation {
        client_key: client_key.into(),
        base_url: "https://acme.atlassian.net".into(),
        display_url: None,
        oauth_client_id: None,
        app_account_id: Some("557058:app".into()),
        cloud_id: None,
        forge_installation_id: None,
    }
}

async fn empty_store(dir: &tempfile::TempDir) -> Store {
    let url = format!("sqlite://{}?mode=rwc", dir.path().join("t.db").display());
    Store::migrate(&url).await.unwrap();
    Store::open(&url, 2).await.unwrap()
}

#[tokio::test]
async fn a_removed_site_keeps_the_dates_of_its_first_removal_until_it_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = empty_store(&dir).await;
    let id = install(store.read(), &told("a"), 10).await.unwrap();
    set_secret(store.read(), id, vec![1, 2, 3], 10)
        .await
        .unwrap();
    for (now_ms, purge_after_ms) in [(20, 50), (30, 60)] {
        uninstall(store.read(), id, now_ms, purge_after_ms)
            .await
            .unwrap();
        set_enabled(store.read(), id, true).await.unwrap();
    }
    assert_eq!(
        dates(&store).await,
        [Some(10), Some(10), Some(20), Some(50)]
    );
    let site = by_id(store.read(), id).await.unwrap().unwrap();
    assert_eq!((site.sealed_secret, site.site.is_enabled), (None, false));

    let back = install(store.read(), &told("a"), 40).await.unwrap();
    assert_eq!(back, id);
    assert_eq!(dates(&store).await, [Some(40), Some(10), None, None]);
}

#[tokio::test]
async fn people_name_a_site_by_address_cloud_id_or_client_key() {
    let dir = tempfile::tempdir().unwrap();
    let store = empty_store(&dir).await;
    let mut first = told("client-a");
    first.cloud_id = Some("cloud-a".into());
    first.display_url = Some("https://jira.acme.example".into());
    let first = install(store.read(), &first, 1).await.unwrap();
    for text in [
        "client-a",
        "cloud-a",
        "https://acme.atlassian.net/",
        "acme.atlassian.net",
        "https://jira.acme.example",
    ] {
        let found = find(store.read(), text).await.unwrap().unwrap();
        assert_eq!(found.site.id, first, "{text}");
    }
    assert!(
        find(store.read(), "other.atlassian.net")
            .await
            .unwrap()
            .is_none()
    );
    let newer = install(store.read(), &told("client-b"), 2).await.unwrap();
    let found = find(store.read(), "acme.atlassian.net")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.site.id, newer);
}

#[tokio::test]
async fn a_cloud_id_names_production_unless_another_environment_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = empty_store(&dir).await;
    let on = store.read();
    let development = insert_for_forge(on, "cloud", "DEVELOPMENT", 2)
        .await
        .unwrap();
    let named = async |text: &str| find(on, text).await.unwrap().map(|found| found.site.id);
    assert_eq!(named("cloud").await, Some(development));
    let production = insert_for_forge(on, "cloud", PRODUCTION, 1).await.unwrap();
    assert_eq!(named("cloud").await, Some(production));
    assert_eq!(named("cloud/production").await, Some(production));
    assert_eq!(named("cloud/development").await, Some(development));
    assert_eq!(named("cloud/staging").await, None);
    set_site_url(on, development, "https://dev.atlassian.net")
        .await
        .unwrap();
    assert_eq!(named("dev.atlassian.net").await, Some(development));
}
