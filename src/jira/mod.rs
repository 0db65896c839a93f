//! Jira: what it sends us read, what we ask of it sent.
//!
//! The only layer that names `reqwest`, besides key fetchers; decides nothing about tests or rules.
//! `payload` reads event bodies and trusts nothing in them to tell the site: that is known from the
//! token that came with them. [`Client`] sends: every call goes under the right that its site has now,
//! passes the limiter before it leaves, and comes back as a value or as a [`JiraError`] that says what
//! follows.
//! Nothing is repeated in here; who asked knows whether a repeat is safe.

pub mod adf;
mod client;
mod comments;
mod credential;
mod defects;
mod error;
mod issues;
pub mod limits;
mod meta;
pub mod payload;
pub mod permissions;
mod points;
mod properties;
pub mod qsh;
mod resolver;
mod scan;
mod sight;
mod site;

pub use client::{Client, Settings, SiteClient, Urgency};
pub use defects::{Assignee, CoveredFields, CreatedIssue};
pub use error::{Gone, JiraError, Refusal};
pub use issues::{FoundIssue, Transition};
pub use meta::{Choice, CreateField, FieldSchema, IssueType, Myself, Project};
pub use scan::{FoundPage, PAGE, ReadIssue, SeenIssue};
