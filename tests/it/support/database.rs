//! A database for one test, empty and its own.

use sea_orm::ConnectionTrait;

/// A test's database; removed when dropped.
#[derive(Debug)]
pub struct Database {
    pub url: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    File { _directory: tempfile::TempDir },
    Server { server: String, name: String },
}

impl Database {
    pub fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!(
            "sqlite://{}?mode=rwc",
            directory.path().join("touchstone.db").display()
        );
        Self {
            url,
            place: Place::File {
                _directory: directory,
            },
        }
    }

    /// `None`, with a printed reason, when no server is there; in CI that is a failure.
    pub async fn postgres() -> Option<Self> {
        let Ok(server) = std::env::var("TEST_DATABASE_URL") else {
            assert!(
                std::env::var_os("CI").is_none(),
                "CI must set TEST_DATABASE_URL"
            );
            println!("skipped: TEST_DATABASE_URL names no PostgreSQL server");
            return None;
        };
        let name = format!("touchstone_{}", uuid::Uuid::new_v4().simple());
        run(&server, &format!("CREATE DATABASE {name}")).await;
        let mut url = url::Url::parse(&server).unwrap();
        url.set_path(&name);
        Some(Self {
            url: url.to_string(),
            place: Place::Server { server, name },
        })
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self.place, Place::File { .. })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Place::Server { server, name } = &self.place {
            let (server, name) = (server.clone(), name.clone());
            // A runtime of its own: the test's may be gone already.
            let removing = std::thread::spawn(move || {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                runtime.block_on(run(&server, &format!("DROP DATABASE {name} WITH (FORCE)")));
            });
            removing.join().unwrap();
        }
    }
}

async fn run(server: &str, sql: &str) {
    let connection = sea_orm::Database::connect(server).await.unwrap();
    connection.execute_unprepared(sql).await.unwrap();
    connection.close().await.unwrap();
}
