//! The model of many sites: who a node is, how well it is, and when its route is announced.
//!
//! [`health`] makes a verdict of evidence, [`anycast`] a wish of verdicts and orders; `node` gives
//! both what they ask for and carries out what they say. This crate knows no socket, no file, no
//! clock, no BGP and no packet: evidence and times are arguments.
#![forbid(unsafe_code)]

pub mod anycast;
pub mod capacity;
pub mod health;
pub mod identity;
pub mod limits;
