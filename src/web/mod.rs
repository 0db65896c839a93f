//! The pages and the API: requests in, HTML, JSON and problem documents out.

pub mod admin;
pub mod api;
pub mod assets;
pub mod fields;
pub mod fragment;
pub mod frame;
pub mod headers;
pub mod health;
pub mod json_only;
pub mod matrix;
pub mod metrics;
pub mod panel;
pub mod project;
pub mod router;
pub mod times;
pub mod viewer;
