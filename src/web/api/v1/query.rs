//! Query parameters of `/api/v1`: only those a path knows, each once unless it may be repeated.
//!
//! A misspelt parameter is an error and not a silent default: results filed under the wrong version
//! are worse than results refused.

use crate::problem::Problem;

/// Longest value, in characters.
const VALUE_CHARS: usize = 255;
/// Most values of a parameter that may be repeated.
const REPEATS: usize = 20;

/// Parameters as they were sent.
#[derive(Debug)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query string; anything but the parameters in `known` is refused.
    pub fn read(text: &str, known: &[&str]) -> Result<Self, Problem> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(text)
            .map_err(|why| Problem::bad_request("The query cannot be read.").because(why))?;
        let mut given = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            if !known.contains(&name.as_str()) {
                let name: String = name.chars().take(80).collect();
                return Err(Problem::bad_request(format!(
                    "The parameter `{name}` means nothing here."
                ))
                .detail(format!("Known are: {}.", known.join(", "))));
            }
            let value = value.trim();
            if value.chars().count() > VALUE_CHARS || value.chars().any(char::is_control) {
                return Err(Problem::bad_request(format!(
                    "The value of `{name}` is too long or has control characters."
                ))
                .detail(format!("At most {VALUE_CHARS} characters are taken.")));
            }
            given.push((name, value.to_owned()));
        }
        Ok(Self(given))
    }

    /// The value of a text that may be given once. One without a value is as good as not there: scripts
    /// hand on variables that may be empty.
    pub fn one(&self, name: &str) -> Result<Option<&str>, Problem> {
        Ok(self.word(name)?.filter(|value| !value.is_empty()))
    }

    /// The value of a number or of one word of a few, that may be given once: nothing is none of them.
    pub fn word(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.0.iter().filter(|(held, _)| held == name);
        let first = values.next();
        if values.next().is_some() {
            return Err(Problem::bad_request(format!(
                "`{name}` is given more than once."
            )));
        }
        Ok(first.map(|(_, value)| value.as_str()))
    }

    /// The values of a parameter that may be repeated, sorted, each once.
    pub fn all(&self, name: &str) -> Result<Vec<String>, Problem> {
        let is_it = |(held, value): &&(String, String)| held == name && !value.is_empty();
        let values = self.0.iter().filter(is_it);
        let mut values: Vec<String> = values.map(|(_, value)| value.clone()).collect();
        values.sort_unstable();
        values.dedup();
        if values.len() > REPEATS {
            return Err(Problem::bad_request(format!(
                "`{name}` is given more than {REPEATS} times."
            )));
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_parameters_are_read_each_as_often_as_it_may_be() {
        let known = ["environment", "revision"];
        let read = |text: &str| Query::read(text, &known);
        let query = read("environment=safari&environment=chrome%20120&revision=4f1c").unwrap();
        assert_eq!(query.all("environment").unwrap(), ["chrome 120", "safari"]);
        assert_eq!(query.one("revision").unwrap(), Some("4f1c"));
        assert!(query.one("environment").is_err());
        let without = read("revision=&environment=").unwrap();
        assert_eq!(without.one("revision").unwrap(), None);
        assert_eq!(without.word("revision").unwrap(), Some(""));
        assert_eq!(without.all("environment").unwrap(), [""; 0]);
        assert_eq!(read("revsion=1").unwrap_err().status, 400);
        assert_eq!(read("revision=a%0Ab").unwrap_err().status, 400);
        assert_eq!(
            read(&format!("revision={}", "x".repeat(256)))
                .unwrap_err()
                .status,
            400
        );
    }
}
