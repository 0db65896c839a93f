//! Jira: what is sent to it and how its calls are recognised.
//!
//! Names `reqwest`; decides nothing about tests or rules. Imports `domain` only.

pub mod qsh;
