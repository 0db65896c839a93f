//! The pages and the API: requests in, HTML, JSON and problem documents out.

pub mod api;
pub mod health;
pub mod router;
