//! A statement under construction: text and its bound values, numbered as they come.
//!
//! Values are always bound, never written into the text.

use std::collections::BTreeMap;

use sea_orm::{
    ConnectionTrait, DatabaseBackend, DbErr, FromQueryResult, QueryResult, Statement, Value,
    sea_query::{ArrayType, ValueType},
};

use super::{Dialect, SiteId};

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

    /// Adds a list that holds its last value more than once when their number is not round, so that
    /// there are few different statements (see [`fill_up`]).
    pub fn list_filled_up<V: Into<Value>>(
        &mut self,
        values: impl IntoIterator<Item = V>,
    ) -> &mut Self {
        let mut values: Vec<Value> = values.into_iter().map(Into::into).collect();
        fill_up(&mut values);
        self.list(values)
    }

    /// Adds `ANY($1)` with a list of values, none of which is null: one text for any number of them, on
    /// PostgreSQL.
    pub fn any<V: Into<Value>>(
        &mut self,
        kind: ArrayType,
        values: impl IntoIterator<Item = V>,
    ) -> &mut Self {
        let values = values.into_iter().map(Into::into).collect();
        self.push("ANY(").bind(array(kind, values)).push(")")
    }

    /// Adds another statement; its places are numbered on from the values there are.
    pub fn append(&mut self, other: Self) -> &mut Self {
        let before = self.values.len();
        let places = renumbered(&other.text, |n| format!("${}", before + n));
        self.text.push_str(&places);
        self.values.extend(other.values);
        self
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

    /// Adds rows: `VALUES` for SQLite, arrays for PostgreSQL, whose text is the same for any number.
    ///
    /// For SQLite the last row may be repeated (see [`fill_up`]): the conflict clause that follows must
    /// make nothing of a repeat.
    pub fn source<const N: usize>(
        &mut self,
        dialect: Dialect,
        types: [ArrayType; N],
        mut rows: Vec<[Value; N]>,
    ) -> &mut Self {
        match dialect {
            Dialect::Sqlite => {
                fill_up(&mut rows);
                self.rows(rows)
            }
            Dialect::Postgres => self.source_of_arrays(types, rows),
        }
    }

    /// The driver's arrays hold no nulls (it panics on one). A column that has some is sent with
    /// others in their place, and with a second array that says which they are.
    fn source_of_arrays<const N: usize>(
        &mut self,
        types: [ArrayType; N],
        rows: Vec<[Value; N]>,
    ) -> &mut Self {
        let mut columns = types.map(|kind| (kind, Vec::with_capacity(rows.len())));
        for row in rows {
            for ((_, column), value) in columns.iter_mut().zip(row) {
                column.push(value);
            }
        }
        let (mut shown, mut names) = (Vec::new(), Vec::new());
        let mut arrays = Vec::new();
        for (n, (kind, values)) in columns.into_iter().enumerate() {
            let nulls: Vec<bool> = values
                .iter()
                .map(|value| *value == value.as_null())
                .collect();
            names.push(format!("c{n}"));
            if nulls.contains(&true) {
                names.push(format!("n{n}"));
                shown.push(format!("CASE WHEN n{n} THEN NULL ELSE c{n} END"));
                let values = values.into_iter().zip(&nulls);
                let filled = values
                    .map(|(value, is_null)| if *is_null { value.dummy_value() } else { value });
                arrays.push(array(kind, filled.collect()));
                arrays.push(array(
                    ArrayType::Bool,
                    nulls.into_iter().map(Value::from).collect(),
                ));
            } else {
                shown.push(format!("c{n}"));
                arrays.push(array(kind, values));
            }
        }
        self.push("SELECT ").push(&shown.join(", "));
        self.push(" FROM UNNEST").list(arrays);
        self.push(" AS u (").push(&names.join(", ")).push(")")
    }

    /// Adds a condition: `site_id` and `column` are one of `pairs`, looked up by index.
    ///
    /// SQLite reads the whole table to compare pairs with a list of pairs; a site with a list of
    /// values it finds in an index, and one such look-up for each site by `OR`.
    pub fn among(
        &mut self,
        dialect: Dialect,
        column: &str,
        kind: ArrayType,
        pairs: impl IntoIterator<Item = (SiteId, Value)>,
    ) -> &mut Self {
        match dialect {
            Dialect::Sqlite => {
                let mut of_site: BTreeMap<SiteId, Vec<Value>> = BTreeMap::new();
                for (site, value) in pairs {
                    of_site.entry(site).or_default().push(value);
                }
                self.push("(");
                for (n, (site, values)) in of_site.into_iter().enumerate() {
                    self.with(
                        if n == 0 {
                            "(site_id = "
                        } else {
                            " OR (site_id = "
                        },
                        site,
                    );
                    self.push(" AND ")
                        .push(column)
                        .push(" IN ")
                        .list_filled_up(values);
                    self.push(")");
                }
                self.push(")")
            }
            Dialect::Postgres => self
                .push("(site_id, ")
                .push(column)
                .push(") IN (SELECT * FROM ")
                .pairs(kind, pairs)
                .push(")"),
        }
    }

    /// Adds `pairs` as a table of two columns named `u`, on PostgreSQL.
    pub fn pairs(
        &mut self,
        kind: ArrayType,
        pairs: impl IntoIterator<Item = (SiteId, Value)>,
    ) -> &mut Self {
        let (sites, values) = pairs
            .into_iter()
            .map(|(site, value)| (site.into(), value))
            .unzip();
        let columns = [(ArrayType::BigInt, sites), (kind, values)];
        self.push("UNNEST");
        self.list(columns.map(|(kind, values)| array(kind, values)));
        self.push(" AS u")
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

fn array(kind: ArrayType, values: Vec<Value>) -> Value {
    Value::Array(kind, Some(Box::new(values)))
}

/// Repeats the last one up to a round number.
///
/// To SQLite each number of rows is a statement of its own, to be prepared and kept; this way there
/// are few.
fn fill_up<T: Clone>(list: &mut Vec<T>) {
    if let Some(last) = list.last().cloned() {
        let full = match list.len() {
            few @ ..8 => few.next_power_of_two(),
            many => many.next_multiple_of(8),
        };
        list.resize(full, last);
    }
}

/// The text with `?` for each `$n`.
///
/// To SQLite a `$n` is a name, and the driver asks for the name of every parameter it binds, each
/// time walking the list of all: half of an import's time with a thousand parameters. Values are
/// bound in the order of their places, so their numbers are not needed.
fn unnumbered(text: &str) -> String {
    renumbered(text, |_| "?".to_owned())
}

/// The text with something else for each `$n`.
fn renumbered(text: &str, place: impl Fn(usize) -> String) -> String {
    let mut parts = text.split('$');
    let mut other = String::with_capacity(text.len());
    other.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let after = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = part.strip_suffix(after).and_then(|n| n.parse().ok());
        other.push_str(&number.map_or_else(|| "$".to_owned(), &place));
        other.push_str(after);
    }
    other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_filled_up_to_few_sizes() {
        let size = |len: usize| {
            let mut list: Vec<_> = (0..len).collect();
            fill_up(&mut list);
            assert!(list.iter().skip(len).all(|last| *last == len - 1));
            list.len()
        };
        let sizes = [0, 1, 3, 5, 8, 9, 100].map(size);
        assert_eq!(sizes, [0, 1, 4, 8, 8, 16, 104]);
    }

    #[test]
    fn pairs_are_looked_up_site_by_site_on_sqlite() {
        let mut sql = Sql::new("");
        let pairs = [
            (SiteId(2), 7),
            (SiteId(1), 5),
            (SiteId(2), 8),
            (SiteId(2), 9),
        ];
        let pairs = pairs.map(|(site, value)| (site, i64::into(value)));
        sql.among(Dialect::Sqlite, "id", ArrayType::BigInt, pairs);
        assert_eq!(
            unnumbered(&sql.text),
            "((site_id = ? AND id IN (?)) OR (site_id = ? AND id IN (?, ?, ?, ?)))"
        );
        assert_eq!(sql.values, [1_i64, 5, 2, 7, 8, 9, 9].map(Value::from));
    }

    #[test]
    fn numbered_places_become_plain_ones_and_nothing_else_changes() {
        let plain = unnumbered("INSERT INTO t VALUES ($1, $12), ($3, '$') ON CONFLICT $");
        assert_eq!(plain, "INSERT INTO t VALUES (?, ?), (?, '$') ON CONFLICT $");
        assert_eq!(unnumbered("SELECT 1"), "SELECT 1");
    }

    #[test]
    fn what_is_appended_goes_on_counting() {
        let mut part = Sql::new("b = ");
        part.bind(2_i64).with(" AND c = ", 3_i64);
        let mut sql = Sql::new("a = ");
        sql.bind(1_i64).push(" AND ").append(part);
        sql.with(" AND d = ", 4_i64);
        assert_eq!(sql.text, "a = $1 AND b = $2 AND c = $3 AND d = $4");
        assert_eq!(sql.values, [1_i64, 2, 3, 4].map(Value::from));
    }
}
