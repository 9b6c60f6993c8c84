//! What a node counts, and what becomes of it: messages, unique sources, the days of RSSAC002.
//!
//! Start reading at [`counts`], then [`day`]; what is kept message by message is [`capture`].
//!
//! ```text
//! worker:  Exchange ─▶ counts::Cells      address ─▶ sources::Front ─▶ ring
//!                           │ read, by anybody               │ drained by one thread
//! node:                     └──────────▶ day::Days ◀─────────┘
//!                                            │ after midnight (UTC)
//!                                            ▼
//!                                      day::Sealed ─▶ octets; many merge into one
//!                                            │
//!                                            ▼
//!                                      rssac002::Document ─▶ YAML
//! ```
//!
//! Beside that, [`top`] estimates from a sample who asks most, for those who look at a server.
//!
//! This crate knows no clock, file, socket or exporter, and nothing of what answers: a worker says
//! what it saw. Nothing that answers reads it.
#![forbid(unsafe_code)]

pub mod capture;
pub mod counts;
pub mod day;
pub mod delays;
pub mod limits;
pub mod rssac002;
pub mod sources;
mod time;
pub mod top;

pub use time::{Day, Moment};
