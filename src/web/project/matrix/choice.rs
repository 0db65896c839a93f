//! What the reader chose to see of a matrix, as an address carries it.

use url::form_urlencoded::Serializer;

use crate::app::matrix::Asked;
use crate::domain::coverage::Scope;
use crate::domain::matrix::{Filters, status_named};
use crate::web::fields::Fields;

/// What stands for the first page among those before: it begins after nothing.
const FIRST: &str = "-";

/// Which list is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum List {
    /// Issues, with tests, runs and defects.
    #[default]
    Issues,
    /// Defects, with the issues at risk.
    Defects,
    /// Tests, with the issues they protect.
    Tests,
    /// What hangs on nothing.
    Orphans,
    /// Stored matrices.
    Snapshots,
}

impl List {
    /// Every list, as the page shows them.
    pub const ALL: [Self; 5] = [
        Self::Issues,
        Self::Defects,
        Self::Tests,
        Self::Orphans,
        Self::Snapshots,
    ];

    /// The name in addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issues => "issues",
            Self::Defects => "defects",
            Self::Tests => "tests",
            Self::Orphans => "orphans",
            Self::Snapshots => "snapshots",
        }
    }

    /// Whether its issues can be narrowed.
    pub const fn has_filters(self) -> bool {
        matches!(self, Self::Issues | Self::Snapshots)
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Issues => "Issues",
            Self::Defects => "From defects",
            Self::Tests => "From tests",
            Self::Orphans => "Orphans",
            Self::Snapshots => "Snapshots",
        }
    }
}

/// What the reader chose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// Which list.
    pub list: List,
    /// Which runs count, and where.
    pub scope: Scope,
    /// Which issues.
    pub filters: Filters,
    /// Where the page begins; empty for the first.
    pub after: String,
    /// Where the pages before it began, the first one first.
    pub trail: Vec<String>,
}

impl Choice {
    /// Reads what an address or a form says; what is not understood is as if it were not there.
    pub fn of(fields: &Fields) -> Self {
        let list = fields.chosen("list").and_then(|name| {
            let mut all = List::ALL.into_iter();
            all.find(|list| list.name() == name)
        });
        let environment = fields.chosen("environment");
        let scope = Scope::named(fields.chosen("scope").unwrap_or("latest"), environment);
        let one = |name: &str| fields.chosen(name).map(str::to_owned);
        let all = |name: &str| fields.all(name).map(str::to_owned).collect();
        let status = fields
            .all("status")
            .filter(|name| status_named(name).is_some());
        Self {
            list: list.unwrap_or_default(),
            scope: scope.unwrap_or_else(|_| Scope {
                environment: environment.map(str::to_owned),
                ..Scope::default()
            }),
            filters: Filters {
                status: status.map(str::to_owned).collect(),
                types: all("type"),
                version: one("version"),
                sprint: one("sprint"),
                priority: all("priority"),
                text: one("text"),
            },
            after: one("after").unwrap_or_default(),
            trail: one("trail").map_or_else(Vec::new, |trail| {
                trail.split(',').map(str::to_owned).collect()
            }),
        }
    }

    /// What is asked of the matrix.
    pub fn asked(&self, project: &str) -> Asked {
        Asked {
            project: project.to_owned(),
            scope: self.scope.clone(),
            filters: self.filters.clone(),
        }
    }

    /// The same for issues of every status.
    pub fn without_status(&self) -> Self {
        let mut choice = self.clone();
        choice.filters.status.clear();
        choice
    }

    /// The same for every issue.
    pub fn without_filters(&self) -> Self {
        Self {
            filters: Filters::default(),
            ..self.clone()
        }
    }

    /// The same on the first page.
    pub fn at_first(&self) -> Self {
        Self {
            after: String::new(),
            trail: Vec::new(),
            ..self.clone()
        }
    }

    /// The same on the next page, which begins after `next`.
    pub fn at_next(&self, next: &str) -> Self {
        let mut trail = self.trail.clone();
        trail.push(if self.after.is_empty() {
            FIRST.to_owned()
        } else {
            self.after.clone()
        });
        Self {
            after: next.to_owned(),
            trail,
            ..self.clone()
        }
    }

    /// The same on the page before; none on the first.
    pub fn at_previous(&self) -> Option<Self> {
        let mut trail = self.trail.clone();
        let after = trail.pop()?;
        let after = if after == FIRST { String::new() } else { after };
        Some(Self {
            after,
            trail,
            ..self.clone()
        })
    }

    /// The number of the page, from 1.
    pub fn page(&self) -> usize {
        self.trail.len() + 1
    }

    /// The query of an address that says the same.
    pub fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        let mut add = |name: &str, value: &str| {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        };
        add("list", self.list.name());
        if self.scope.made_for.is_some() {
            add("scope", &self.scope.name());
        }
        add(
            "environment",
            self.scope.environment.as_deref().unwrap_or(""),
        );
        let filters = &self.filters;
        for (name, values) in [
            ("status", &filters.status),
            ("type", &filters.types),
            ("priority", &filters.priority),
        ] {
            for value in values {
                add(name, value);
            }
        }
        for (name, value) in [
            ("version", &filters.version),
            ("sprint", &filters.sprint),
            ("text", &filters.text),
        ] {
            add(name, value.as_deref().unwrap_or(""));
        }
        add("after", &self.after);
        add("trail", &self.trail.join(","));
        query.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Choice {
        Choice::of(&Fields::parse(query.as_bytes()))
    }

    #[test]
    fn what_an_address_says_is_read_as_it_was_written() {
        let query = "list=defects&scope=version%3A1.4&environment=chrome+120&status=NOK&status=OK\
                     &type=Story&version=1.4&sprint=Sprint+7&priority=High&text=a%26b&after=7";
        let choice = read(query);
        assert_eq!(choice.list, List::Defects);
        assert_eq!(
            choice.scope,
            Scope::named("version:1.4", Some("chrome 120")).unwrap()
        );
        assert_eq!(choice.filters.text.as_deref(), Some("a&b"));
        assert_eq!(read(&choice.query()), choice);
        assert_eq!(
            read("list=socks&scope=newest&status=FINE"),
            Choice::default()
        );
    }

    #[test]
    fn pages_lead_forward_and_back_again() {
        let first = read("text=pay");
        let second = first.at_next("50");
        let third = read(&second.at_next("99").query());
        assert_eq!((first.page(), second.page(), third.page()), (1, 2, 3));
        let back = read(&third.at_previous().unwrap().query());
        assert_eq!(back, second);
        assert_eq!(back.at_previous().unwrap(), first);
        assert_eq!(first.at_previous(), None);
        assert_eq!(third.at_first(), first);
    }
}
