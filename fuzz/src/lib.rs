//! What the fuzz targets share: a service to ask, and a judge of its responses.

mod judge;
mod service;

pub use judge::{Asked, judge};
pub use service::{root, service};
