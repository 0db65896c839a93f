//! Interfaces for programs.

pub mod v1;
pub mod xray;
