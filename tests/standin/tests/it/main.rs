//! The stand-in as an app and a person see it, through Connect and through Forge.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod app;
mod forge;
mod site;
