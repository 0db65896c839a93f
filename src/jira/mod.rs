//! Jira: what is sent to it and how its calls are recognised.
//!
//! Names `reqwest`; decides nothing about tests or rules. Imports `domain` only.

pub mod qsh;
//! Jira: what it sends us read, what we ask of it sent.
//!
//! `payload` reads event bodies. It trusts nothing in them to tell the site: that is known from the
//! token that came with them.

pub mod payload;
