//! A database for one scenario, empty and its own, flushed as in production.

use std::fmt;

use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult, Statement};

use super::machine::{self, Counted};

/// Which database a scenario runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// A database; removed when dropped.
#[derive(Debug)]
pub struct Database {
    pub url: String,
    pub kind: Kind,
    directory: Option<tempfile::TempDir>,
    /// The server's first process, whose children do the work.
    server: Option<u32>,
}

impl Database {
    /// A new one. `None`, with a printed reason, when there is no PostgreSQL server to make it on.
    pub async fn new(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Sqlite => Some(Self::sqlite()),
            Kind::Postgres => Self::postgres().await,
        }
    }

    fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("touchstone.db");
        Self {
            url: format!("sqlite://{}?mode=rwc", file.display()),
            kind: Kind::Sqlite,
            directory: Some(directory),
            server: None,
        }
    }

    async fn postgres() -> Option<Self> {
        let Ok(server) = std::env::var("TEST_DATABASE_URL") else {
            println!("skipped: run it under tests/with-postgres.sh, or set TEST_DATABASE_URL");
            return None;
        };
        let name = format!("bench_{}", uuid::Uuid::new_v4().simple());
        let connection = sea_orm::Database::connect(&server).await.unwrap();
        let ask = async |sql: &str| all(&connection, sql).await.remove(0);
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let row = ask(&format!("SHOW {setting}")).await;
            let value: String = row.try_get_by_index(0).unwrap();
            assert_eq!(
                value, "on",
                "{setting} is off, so nothing would be durable; set TEST_POSTGRES_DURABLE=1"
            );
        }
        let backend: i32 = ask("SELECT pg_backend_pid()")
            .await
            .try_get_by_index(0)
            .unwrap();
        let backend = u32::try_from(backend).unwrap();
        let created = connection
            .execute_unprepared(&format!("CREATE DATABASE {name}"))
            .await;
        created.unwrap();
        connection.close().await.unwrap();
        let mut url = url::Url::parse(&server).unwrap();
        url.set_path(&name);
        Some(Self {
            url: url.to_string(),
            kind: Kind::Postgres,
            directory: None,
            server: Some(machine::parent(backend)),
        })
    }

    /// What to count beside a program that uses this database.
    pub fn counted(&self, program: u32) -> Vec<Counted> {
        let mut counted = vec![Counted::Process(program)];
        counted.extend(self.server.map(Counted::Family));
        counted
    }

    pub async fn connect(&self) -> DatabaseConnection {
        sea_orm::Database::connect(&self.url).await.unwrap()
    }

    /// Removes the database; a server's would stay otherwise.
    pub async fn remove(self) {
        if self.directory.is_none() {
            let url = url::Url::parse(&self.url).unwrap();
            let name = url.path().trim_start_matches('/').to_owned();
            let server = std::env::var("TEST_DATABASE_URL").unwrap();
            let connection = sea_orm::Database::connect(&server).await.unwrap();
            let dropped = connection
                .execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)"))
                .await;
            dropped.unwrap();
            connection.close().await.unwrap();
        }
    }
}

/// Every row of a plain statement.
pub async fn all(connection: &DatabaseConnection, sql: &str) -> Vec<QueryResult> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    connection.query_all_raw(statement).await.unwrap()
}
