//! Interfaces for programs.

pub mod v1;
