//! A statement under construction: text and its bound values, numbered as they come.
//!
//! Values are always bound, never written into the text.

use sea_orm::{
    ConnectionTrait, DatabaseBackend, DbErr, FromQueryResult, QueryResult, Statement, Value,
    sea_query::ValueType,
};

/// A statement under construction.
#[derive(Debug, Default)]
pub(crate) struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    /// Begins a statement.
    pub fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            values: Vec::new(),
        }
    }

    /// Adds text.
    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a bound value.
    pub fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self.text.push('$');
        self.text.push_str(&self.values.len().to_string());
        self
    }

    /// Adds text and then a bound value: `.with(" AND key = ", key)`.
    pub fn with(&mut self, text: &str, value: impl Into<Value>) -> &mut Self {
        self.push(text).bind(value)
    }

    /// Adds `(a, b, c)` with every value bound. An empty list becomes `(NULL)`, which equals nothing.
    pub fn list<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> &mut Self {
        self.push("(");
        let mut is_empty = true;
        for value in values {
            if !is_empty {
                self.push(", ");
            }
            self.bind(value);
            is_empty = false;
        }
        self.push(if is_empty { "NULL)" } else { ")" })
    }

    /// Adds `VALUES (…), (…)`, one group a row.
    pub fn rows<const N: usize>(
        &mut self,
        rows: impl IntoIterator<Item = [Value; N]>,
    ) -> &mut Self {
        self.push("VALUES ");
        for (n, row) in rows.into_iter().enumerate() {
            if n > 0 {
                self.push(", ");
            }
            self.list(row);
        }
        self
    }

    fn take(&mut self, on: &impl ConnectionTrait) -> Statement {
        let backend = on.get_database_backend();
        let text = std::mem::take(&mut self.text);
        let values = std::mem::take(&mut self.values);
        let text = match backend {
            DatabaseBackend::Sqlite => unnumbered(&text),
            _ => text,
        };
        Statement::from_sql_and_values(backend, text, values)
    }

    /// Runs the statement; returns how many rows it touched.
    pub async fn run(&mut self, on: &impl ConnectionTrait) -> Result<u64, DbErr> {
        Ok(on.execute_raw(self.take(on)).await?.rows_affected())
    }

    /// Every row.
    pub async fn all<T: FromQueryResult>(
        &mut self,
        on: &impl ConnectionTrait,
    ) -> Result<Vec<T>, DbErr> {
        on.query_all_raw(self.take(on))
            .await?
            .iter()
            .map(|row| T::from_query_result(row, ""))
            .collect()
    }

    /// The first row, if any.
    pub async fn one<T: FromQueryResult>(
        &mut self,
        on: &impl ConnectionTrait,
    ) -> Result<Option<T>, DbErr> {
        let row = on.query_one_raw(self.take(on)).await?;
        row.map(|row| T::from_query_result(&row, "")).transpose()
    }

    /// Rows as they come, for the hot paths that read columns by position.
    pub async fn raw(&mut self, on: &impl ConnectionTrait) -> Result<Vec<QueryResult>, DbErr> {
        on.query_all_raw(self.take(on)).await
    }

    /// The first column of the first row.
    pub async fn scalar<T: sea_orm::TryGetable + ValueType>(
        &mut self,
        on: &impl ConnectionTrait,
    ) -> Result<Option<T>, DbErr> {
        let row = on.query_one_raw(self.take(on)).await?;
        row.map(|row| row.try_get_by_index(0)).transpose()
    }
}

/// The text with `?` for each `$n`.
///
/// To SQLite a `$n` is a name, and the driver asks for the name of every parameter it binds, each
/// time walking the list of all: half of an import's time with a thousand parameters. Values are
/// bound in the order of their places, so their numbers are not needed.
fn unnumbered(text: &str) -> String {
    let mut parts = text.split('$');
    let mut plain = String::with_capacity(text.len());
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let after = part.trim_start_matches(|c: char| c.is_ascii_digit());
        plain.push(if after.len() == part.len() { '$' } else { '?' });
        plain.push_str(after);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_places_become_plain_ones_and_nothing_else_changes() {
        let plain = unnumbered("INSERT INTO t VALUES ($1, $12), ($3, '$') ON CONFLICT $");
        assert_eq!(plain, "INSERT INTO t VALUES (?, ?), (?, '$') ON CONFLICT $");
        assert_eq!(unnumbered("SELECT 1"), "SELECT 1");
    }
}
