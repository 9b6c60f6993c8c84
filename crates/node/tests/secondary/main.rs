//! A running secondary and a primary that lies, over real sockets: every lie is refused with its
//! own reason, and the zone in service stays.
//!
//! Start reading at `trial`. `liar` is the primary, `zones` makes what it sends; `messages` has the
//! lies about the form of a transfer, `differences` those of IXFR, `contents` the zones that are
//! not to be served.
#![expect(
    clippy::unwrap_used,
    reason = "the lint spares only functions marked as tests, not what they call"
)]

mod contents;
mod differences;
mod liar;
mod messages;
mod trial;
mod zones;
