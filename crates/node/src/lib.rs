//! One machine: sockets, threads, disk, control.

pub mod transport;
