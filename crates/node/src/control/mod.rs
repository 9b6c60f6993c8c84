//! The control socket: how operators ask a running node, and tell it to reload.
//!
//! One line of JSON each way ([`v1`]), over a Unix socket that only the node's user may open.
//! [`server`] takes requests, [`client`] sends them, [`path`] says where the socket is, [`text`]
//! prints replies for people. Nothing here waits inside a worker: a client that stalls costs a
//! thread until its time is up, and nobody else notices.

pub mod client;
pub mod path;
pub mod server;
pub mod text;
pub mod v1;
