//! What travels differently is answered the same.

use crate::reply::Reply;
use crate::scenario::{KEEPALIVE, Scenario, all};
use domain::base::Message;
use imrs_engine::{Outcome, Transport, respond};

#[test]
fn udp_and_tcp_give_the_same_octets_under_the_same_limit() {
    for_each_query(|scenario, packet| {
        let (_, udp) = ask(scenario, Transport::Udp, packet, 65_535);
        let (_, tcp) = ask(scenario, TCP, packet, client_limit(packet));
        if asks_keepalive(packet) {
            let [udp, mut tcp] = [udp, tcp].map(|response| Reply::read(packet, &response));
            let options = &mut tcp.opt.as_mut().unwrap().options;
            options.retain(|(code, _)| *code != KEEPALIVE_CODE);
            assert_eq!(udp, tcp);
        } else {
            assert_eq!(udp, tcp);
        }
    });
}

#[test]
fn tcp_has_all_that_udp_has_and_no_truncation() {
    for_each_query(|scenario, packet| {
        let (short, udp) = ask(scenario, Transport::Udp, packet, 1232);
        let (whole, tcp) = ask(scenario, TCP, packet, 65_535);
        assert_eq!((short.rcode, short.kind), (whole.rcode, whole.kind));
        assert!(!whole.truncated);
        if udp.is_empty() || short.truncated {
            return;
        }
        let [udp, tcp] = [udp, tcp].map(|response| Reply::read(packet, &response));
        assert_eq!(udp.flags, tcp.flags);
        assert_eq!(udp.sections[..2], tcp.sections[..2]);
        assert!(
            tcp.sections[2].starts_with(&udp.sections[2]),
            "{udp}\n{tcp}"
        );
    });
}

#[test]
fn keepalive_is_told_over_tcp_alone() {
    let mut asked = 0;
    for_each_query(|scenario, packet| {
        let keepalive = |transport| {
            let (outcome, response) = ask(scenario, transport, packet, 1232);
            (outcome.len > 0)
                .then(|| Reply::read(packet, &response).opt)
                .flatten()
                .is_some_and(|opt| opt.options.iter().any(|(code, _)| *code == KEEPALIVE_CODE))
        };
        asked += usize::from(asks_keepalive(packet));
        assert!(!keepalive(Transport::Udp));
        assert_eq!(keepalive(TCP), asks_keepalive(packet));
    });
    assert!(asked > 0);
}

/// Calls `check` with every query of every scenario.
fn for_each_query(mut check: impl FnMut(&Scenario, &[u8])) {
    for scenario in all() {
        for case in &scenario.cases {
            check(&scenario, &case.packet);
        }
    }
}

fn ask(
    scenario: &Scenario,
    transport: Transport,
    packet: &[u8],
    limit: usize,
) -> (Outcome, Vec<u8>) {
    let mut out = vec![0; limit];
    let outcome = respond(&scenario.service, transport.into(), packet, &mut out);
    out.truncate(outcome.len);
    (outcome, out)
}

/// What a query says that its sender can take over UDP.
fn client_limit(packet: &[u8]) -> usize {
    let opt = Message::from_octets(packet)
        .ok()
        .and_then(|query| query.opt());
    opt.map_or(512, |opt| opt.udp_payload_size().max(512))
        .into()
}

fn asks_keepalive(packet: &[u8]) -> bool {
    // The scenarios have it as the last option, without data.
    packet.ends_with(&[0, 11, 0, 0])
}

const TCP: Transport = Transport::Tcp {
    keepalive: KEEPALIVE,
};
const KEEPALIVE_CODE: u16 = 11;
