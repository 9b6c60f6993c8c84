//! What zones alone do not answer goes to the one who does, with all that belongs to it.

use crate::client::{PATIENCE, settings};
use arc_swap::ArcSwap;
use imrs_engine::{Kind, Outcome, Service, Transport};
use imrs_node::transport::{Answered, Aside, Asked, Handed, Running};
use imrs_wire::Rcode;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, TcpStream, UdpSocket};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

/// Answers datagrams with the address of their sender, and takes every connection.
struct Desk(Mutex<Sender<Handed>>);

impl Aside for Desk {
    fn answer(&self, asked: Asked<'_>, composed: Outcome, out: &mut [u8]) -> Answered {
        assert_eq!(composed.kind, Kind::Error);
        if asked.transport != Transport::Udp {
            return Answered::HandOver;
        }
        let IpAddr::V4(peer) = asked.peer else {
            return Answered::Here(Outcome::DROPPED);
        };
        out[..4].copy_from_slice(&peer.octets());
        Answered::Here(Outcome { len: 4, ..composed })
    }

    fn take(&self, connection: Handed) {
        self.0.lock().unwrap().send(connection).unwrap();
    }
}

/// A query for the root with this ID, opcode and type.
fn query(id: u8, opcode: u8, qtype: u8) -> Vec<u8> {
    let header = [0, id, opcode << 3, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    [&header[..], &[0, 0, qtype, 0, 1]].concat()
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap();
    [&length.to_be_bytes()[..], message].concat()
}

const QUERY: u8 = 0;
const NOTIFY: u8 = 4;
const SOA: u8 = 6;
const AXFR: u8 = 252;

#[test]
fn a_notify_is_answered_by_who_knows_and_a_query_is_not() {
    let (sender, _handed) = channel();
    let service = Arc::new(ArcSwap::from_pointee(Service::default()));
    let desk = Arc::new(Desk(Mutex::new(sender)));
    let server = Running::start(&settings("127.0.0.1:0"), service, desk).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let ask = |message: &[u8]| {
        socket.send_to(message, server.addresses()[0]).unwrap();
        let mut room = [0; 512];
        let octets = socket.recv(&mut room).unwrap();
        room[..octets].to_vec()
    };
    let by_desk = Ipv4Addr::LOCALHOST.octets().to_vec();
    assert_eq!(ask(&query(1, NOTIFY, SOA)), by_desk);
    let refused = ask(&query(2, QUERY, SOA));
    assert_eq!(u16::from(refused[3] & 15), Rcode::REFUSED.0);
    let counted = server.counters().udp_ipv4;
    assert_eq!((counted.received, counted.responses), (2, 2));
}

#[test]
fn a_connection_is_handed_over_with_what_was_not_answered() {
    let (sender, handed) = channel();
    let service = Arc::new(ArcSwap::from_pointee(Service::default()));
    let desk = Arc::new(Desk(Mutex::new(sender)));
    let server = Running::start(&settings("127.0.0.1:0"), service, desk).unwrap();
    let mut client = TcpStream::connect(server.addresses()[0]).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let first = framed(&query(1, QUERY, SOA));
    let rest = [
        framed(&query(2, QUERY, AXFR)),
        framed(&query(3, QUERY, SOA)),
    ]
    .concat();
    client.write_all(&[&first[..], &rest].concat()).unwrap();

    let mut connection = handed.recv_timeout(PATIENCE).unwrap();
    assert_eq!(connection.input, rest);
    assert_eq!(connection.output, b"");
    assert_eq!(connection.peer, client.local_addr().unwrap());
    connection.stream.set_nonblocking(false).unwrap();
    connection.stream.write_all(b"by the desk").unwrap();
    connection.stream.shutdown(Shutdown::Both).unwrap();

    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    let own = 2 + usize::from(u16::from_be_bytes([received[0], received[1]]));
    assert_eq!(received[2..4], [0, 1], "the query before is answered first");
    assert_eq!(&received[own..], b"by the desk");
    let connections = server.counters().connections;
    assert_eq!((connections.handed_over, connections.open()), (1, 0));
}
