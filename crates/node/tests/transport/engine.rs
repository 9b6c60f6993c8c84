//! The engine itself behind the sockets answers the same over both protocols.

use crate::client::{ask_tcp, ask_udp, service, settings, tcp, udp};
use arc_swap::ArcSwap;
use imrs_node::transport::Running;
use std::sync::Arc;

/// `id.server. CH TXT` with an EDNS OPT of 1232 octets.
const WHO_ARE_YOU: &[u8] = b"\xab\xcd\0\0\0\x01\0\0\0\0\0\x01\
    \x02id\x06server\0\0\x10\0\x03\
    \0\0\x29\x04\xd0\0\0\0\0\0\0";

#[test]
fn the_engine_answers_the_same_over_udp_and_tcp() {
    let service = Arc::new(ArcSwap::from_pointee(service("aa01-ke-nbo")));
    let server =
        Running::start_with(&settings("127.0.0.1:0"), service, imrs_engine::respond).unwrap();
    let address = server.addresses()[0];
    let over_udp = ask_udp(&udp(address), address, WHO_ARE_YOU);
    let over_tcp = ask_tcp(&tcp(address), WHO_ARE_YOU);
    assert_eq!(over_udp, over_tcp);
    assert!(over_udp.windows(11).any(|octets| octets == b"aa01-ke-nbo"));
    let counters = server.stop();
    assert_eq!(counters.udp_ipv4.rcodes[0], 1);
    assert_eq!(counters.tcp_ipv4.rcodes[0], 1);
}
