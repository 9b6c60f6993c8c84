//! What the fuzz targets share: a service to ask, packets to ask it, and a judge of its responses.

mod form;
mod judge;
mod service;

pub use form::Form;
pub use judge::{Asked, Way, check_response, judge};
pub use service::{root, service};
