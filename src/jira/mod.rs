//! Jira: what it sends us read, what we ask of it sent.
//!
//! The only layer that names `reqwest`, besides key fetchers; decides nothing about tests or rules.
//! `payload` reads event bodies and trusts nothing in them to tell the site: that is known from the
//! token that came with them.

pub mod payload;
pub mod qsh;
