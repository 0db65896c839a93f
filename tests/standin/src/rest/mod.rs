//! The REST API: one door for every request, then one file per area.
//!
//! `door` decides who may come in; an area answers with a reply or a refusal.

mod agile;
mod comments;
mod connect;
mod door;
mod issues;
mod links;
pub(crate) mod meta;
mod people;
mod projects;
mod properties;
mod search;

use serde_json::Value;

use crate::acts::Actor;
use crate::auth::Caller;
use crate::model::State;
use crate::refusal::Refusal;
use crate::view::Api;

pub(crate) use door::handle;

/// A good answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Option<Value>,
}

/// What a call comes to.
pub(crate) type Answer = Result<Reply, Refusal>;

impl Reply {
    #[expect(clippy::unnecessary_wraps, reason = "every call ends with an answer")]
    pub(crate) fn ok(body: Value) -> Answer {
        Ok(Self {
            status: 200,
            body: Some(body),
        })
    }

    #[expect(clippy::unnecessary_wraps, reason = "every call ends with an answer")]
    pub(crate) fn created(body: Value) -> Answer {
        Ok(Self {
            status: 201,
            body: Some(body),
        })
    }

    #[expect(clippy::unnecessary_wraps, reason = "every call ends with an answer")]
    pub(crate) fn empty(status: u16) -> Answer {
        Ok(Self { status, body: None })
    }
}

/// A request on its way through the API.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) caller: Caller,
    pub(crate) actor: Actor,
    pub(crate) api: Api,
    pub(crate) method: &'a str,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Option<Value>,
}

impl Call<'_> {
    pub(crate) fn account(&self) -> &str {
        &self.caller.account
    }

    /// The JSON body; 400 without one.
    pub(crate) fn body(&self) -> Result<&Value, Refusal> {
        self.body
            .as_ref()
            .ok_or_else(|| Refusal::bad("No content to map to Object due to end of input"))
    }

    /// The first value of a query parameter.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    /// Every value of a repeated query parameter, commas separating as well.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let of = self.query.iter().filter(|(own, _)| own == name);
        of.flat_map(|(_, value)| value.split(','))
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
            .collect()
    }

    pub(crate) fn has_expand(&self, name: &str) -> bool {
        self.list("expand").iter().any(|it| it == name)
    }

    /// `startAt` and `maxResults`, bounded.
    pub(crate) fn page(&self, default: usize, most: usize) -> (usize, usize) {
        let number = |name: &str| self.param(name).and_then(|it| it.parse::<usize>().ok());
        (
            number("startAt").unwrap_or(0),
            number("maxResults").unwrap_or(default).min(most),
        )
    }

    /// The issue a path names, if the caller may see it.
    pub(crate) fn issue(&self, name: &str) -> Result<u64, Refusal> {
        self.state.visible_issue(self.account(), name)
    }
}

/// The calls of one area: an answer, if the path is one of its own.
type Area = fn(&mut Call<'_>, &[&str]) -> Option<Answer>;

pub(crate) fn route(call: &mut Call<'_>, path: &[&str]) -> Answer {
    let areas: [Area; 10] = [
        issues::route,
        comments::route,
        links::route,
        properties::route,
        search::route,
        people::route,
        projects::route,
        meta::route,
        agile::route,
        connect::route,
    ];
    areas
        .iter()
        .find_map(|area| area(call, path))
        .unwrap_or_else(|| Err(not_here()))
}

pub(crate) fn not_here() -> Refusal {
    Refusal::missing("null for uri: the resource does not exist.")
}
