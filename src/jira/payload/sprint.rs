//! Sprints, in events of their own and in the fields of issues. The field has no fixed name: it is a
//! custom field whose value looks like sprints, objects on Cloud and Java's text form on Data Center.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::PayloadError;
use super::lenient::{Many, Scalar, skip_items};
use crate::domain::issue::{JiraEvent, Named};
use crate::domain::sprint::{Sprint, SprintChanged, SprintDates, SprintNews};

/// The value of a custom field, empty unless it is a list of sprints.
#[derive(Default)]
pub(super) struct Sprints(pub Vec<Sprint>);

impl<'de> Deserialize<'de> for Sprints {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Many(items) = Many::<Item>::deserialize(from)?;
        Ok(Self(items.into_iter().filter_map(|item| item.0).collect()))
    }
}

/// An entry of a custom field's list; a sprint or nothing.
struct Item(Option<Sprint>);

/// A sprint, by itself or in a field.
#[derive(Deserialize)]
pub(super) struct SprintBody<'a> {
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default)]
    name: Scalar<'a>,
    #[serde(borrow, default)]
    state: Scalar<'a>,
    #[serde(borrow, default, rename = "boardId")]
    board: Scalar<'a>,
    #[serde(borrow, default, rename = "originBoardId")]
    origin_board: Scalar<'a>,
    #[serde(borrow, default, rename = "startDate")]
    start: Scalar<'a>,
    #[serde(borrow, default, rename = "endDate")]
    end: Scalar<'a>,
    #[serde(borrow, default, rename = "completeDate")]
    complete: Scalar<'a>,
}

impl SprintBody<'_> {
    /// What it says of the sprint with this id.
    fn sprint(self, id: i64) -> Sprint {
        let dates = SprintDates {
            start_ms: self.start.time_ms(),
            end_ms: self.end.time_ms(),
            complete_ms: self.complete.time_ms(),
        };
        let named = Named {
            id: id.to_string(),
            name: self.name.into_string(),
        };
        Sprint::of(named, &self.state.into_string(), dates)
    }

    /// The sprint of an event, which is named when something is missing.
    pub fn told(self, event: &str) -> Result<Sprint, PayloadError> {
        let missing = || PayloadError::Missing {
            event: event.to_owned(),
            what: "sprint's id and name",
        };
        let id = self.id.id().ok_or_else(missing)?;
        if !matches!(self.name, Scalar::Text(_)) {
            return Err(missing());
        }
        Ok(self.sprint(id))
    }

    /// What its coming, going or changing is to us.
    pub fn changed(self, event: &str, news: SprintNews) -> Result<JiraEvent, PayloadError> {
        let sprint = self.told(event)?;
        Ok(JiraEvent::Sprint(SprintChanged { sprint, news }))
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Item;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_str<E>(self, text: &str) -> Result<Item, E> {
                Ok(Item(sprint_of_java(text)))
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Item, M::Error> {
                let body =
                    SprintBody::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                let board = body.board.id().or_else(|| body.origin_board.id());
                let is_sprint = board.is_some() && matches!(body.state, Scalar::Text(_));
                let id = body.id.id().filter(|_| is_sprint);
                Ok(Item(id.map(|id| body.sprint(id))))
            }
            fn visit_seq<S: SeqAccess<'de>>(self, items: S) -> Result<Item, S::Error> {
                skip_items(items)?;
                Ok(Item(None))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Item, E> {
                Ok(Item(None))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Item, E> {
                Ok(Item(None))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Item, E> {
                Ok(Item(None))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Item, E> {
                Ok(Item(None))
            }
            fn visit_unit<E>(self) -> Result<Item, E> {
                Ok(Item(None))
            }
        }
        from.deserialize_any(Read)
    }
}

/// Reads `com.atlassian.greenhopper.service.sprint.Sprint@1a2b[id=1,…,name=Sprint 2,…]`. A name may
/// hold commas; it ends where the next known property begins.
fn sprint_of_java(text: &str) -> Option<Sprint> {
    let (class, properties) = text.split_once('[')?;
    if !class.starts_with("com.atlassian.greenhopper.service.sprint.Sprint@") {
        return None;
    }
    let properties = properties.strip_suffix(']').unwrap_or(properties);
    let (before, name) = properties.split_once(",name=")?;
    let end = [",startDate=", ",goal=", ",endDate=", ",completeDate="]
        .iter()
        .filter_map(|next| name.find(next))
        .min()
        .unwrap_or(name.len());
    let (name, after) = name.split_at_checked(end)?;
    let property = |wanted: &str| {
        let all = before.split(',').chain(after.split(','));
        all.filter_map(|property| property.split_once('='))
            .find_map(|(name, value)| (name == wanted).then_some(value))
    };
    let at_ms = |name| Scalar::Text(property(name)?.into()).time_ms();
    let named = Named {
        id: property("id")?.parse::<i64>().ok()?.to_string(),
        name: name.to_owned(),
    };
    let dates = SprintDates {
        start_ms: at_ms("startDate"),
        end_ms: at_ms("endDate"),
        complete_ms: at_ms("completeDate"),
    };
    Some(Sprint::of(named, property("state").unwrap_or(""), dates))
}
