//! C-DNS as an independent reader sees it.

mod decode;

use decode::{File, Item, Signature, decode};
use imrs_telemetry::capture::cdns::{
    KEY_LOST, KEY_OVER_BUDGET, KEY_SAMPLED_AWAY, Parameters, Writer,
};
use imrs_telemetry::capture::{Captured, Missed};
use imrs_telemetry::counts::{Flow, Transport};
use imrs_wire::Family;
use imrs_wire::Rcode;
use proptest::prelude::*;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// The sample that others wrote; none if the data folder is absent.
fn sample() -> Option<Vec<u8>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let named = std::env::var_os("IMRS_DATA").map(PathBuf::from);
    let found = named
        .into_iter()
        .chain([beside])
        .map(|folder| folder.join("querymix/cdns-sample-gold.cbor.xz"))
        .find(|path| path.is_file());
    let Some(path) = found else {
        println!("skipped: no data folder; name one by IMRS_DATA");
        return None;
    };
    let mut octets = Vec::new();
    let packed = std::fs::File::open(path).expect("the sample can be opened");
    liblzma::read::XzDecoder::new(packed)
        .read_to_end(&mut octets)
        .expect("the sample is packed by xz");
    Some(octets)
}

#[test]
fn the_reader_reads_what_others_wrote() {
    let Some(octets) = sample() else {
        return;
    };
    let file = decode(&octets).unwrap();
    let items: Vec<&Item> = file.blocks.iter().flat_map(|block| &block.items).collect();
    assert!(items.len() > 100, "{} items", items.len());
    for item in &items {
        let name = item.qname.as_deref().unwrap_or(&[0]);
        assert_eq!(name.last(), Some(&0));
        assert!(matches!(
            item.client.as_deref().map(<[u8]>::len),
            Some(4 | 16)
        ));
    }
    println!("{} items in {} blocks", items.len(), file.blocks.len());
}

/// The file that has these messages, in blocks of so many.
fn written(messages: &[Captured<'_>], in_block: usize, missed: Missed) -> File {
    let parameters = Parameters {
        generator: "imrs 1.2".into(),
        host: "node1.example".into(),
        servers: vec![[192, 0, 2, 53].into(), IpAddr::from([0x20; 16])],
        sampling: Some("one in 10".into()),
        anonymisation: None,
    };
    let mut writer = Writer::new(parameters, 5);
    let mut octets = Vec::new();
    writer.start(&mut octets);
    for block in messages.chunks(in_block) {
        for message in block {
            writer.add(message);
        }
        writer.finish_block(missed, &mut octets);
    }
    writer.end(&mut octets);
    decode(&octets).expect("what is written keeps to the format")
}

#[test]
fn a_file_says_how_it_was_made() {
    let file = written(&[], 1, Missed::default());
    assert_eq!(file.private_version, None);
    assert!(file.blocks.is_empty());
    let [parameters] = &file.parameters[..] else {
        panic!("one set of parameters is enough");
    };
    assert_eq!(parameters.ticks_per_second, 1_000_000);
    assert_eq!(parameters.max_block_items, 10_000);
    assert_eq!(parameters.hints, [0x3df, 0x1_ffff, 0, 0]);
    assert_eq!(parameters.opcodes, (0..16).collect::<Vec<u64>>());
    assert_eq!(parameters.rr_types, [41]);
    assert_eq!(parameters.storage_flags, 0b10);
    assert_eq!(parameters.sampling.as_deref(), Some("one in 10"));
    assert_eq!(parameters.anonymisation, None);
    assert_eq!(parameters.servers[0], [192, 0, 2, 53]);
    assert_eq!(parameters.servers[1], [0x20; 16]);
    assert_eq!(parameters.generator.as_deref(), Some("imrs 1.2"));
    assert_eq!(parameters.host.as_deref(), Some("node1.example"));
}

/// `www.Example. AAAA IN`, with RD, CD, an OPT record with DO and 1232 octets and one option, and
/// an octet behind all.
const QUERY: &[u8] = b"\xab\xcd\x01\x10\0\x01\0\0\0\0\0\x01\x03www\x07Example\0\0\x1c\0\x01\
    \0\0\x29\x04\xd0\0\0\x80\0\0\x04\0\x03\0\0\xff";

/// The header of its response: AA, RD, CD, BADVERS in part, one question, one additional record.
const HEAD: &[u8] = b"\xab\xcd\x85\x10\0\x01\0\0\0\x06\0\x01";

#[test]
fn all_of_a_pair_is_read_back() {
    let message = Captured {
        at_ns: 1_760_000_000_123_456_789,
        flow: Flow::new(Transport::Tls, Family::V6),
        client: "[2001:db8::1]:4321".parse().unwrap(),
        server: "[2001:db8::53]:853".parse().unwrap(),
        query: QUERY,
        response: HEAD,
        response_octets: 1205,
        rcode: Rcode(16),
        delay_us: 250,
    };
    let early = Captured {
        at_ns: message.at_ns - 1_000_000_000,
        response: b"",
        response_octets: 0,
        ..message
    };
    let missed = Missed {
        lost: 3,
        sampled_away: 1 << 40,
        over_budget: 1,
    };
    let file = written(&[message, early], 2, missed);
    let block = &file.blocks[0];
    let octets = |address: IpAddr| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let expected = Item {
        at: Some(1_760_000_000_123_456),
        client: Some(octets(message.client.ip())),
        client_port: Some(4321),
        id: Some(0xabcd),
        hoplimit: None,
        delay: Some(250),
        qname: Some(b"\x03www\x07Example\0".to_vec()),
        query_size: Some(QUERY.len() as u64),
        response_size: Some(1205),
        signature: Signature {
            server: Some(octets(message.server.ip())),
            server_port: Some(853),
            transport_flags: Some(0b10_0101),
            kind: Some(3),
            flags: Some(0b1111),
            opcode: Some(0),
            dns_flags: Some(0b0101_0001_1001_0001),
            query_rcode: Some(0),
            classtype: Some((28, 1)),
            counts: [Some(1), Some(0), Some(0), Some(1)],
            edns_version: Some(0),
            udp_size: Some(1232),
            opt_rdata: Some(b"\0\x03\0\0".to_vec()),
            response_rcode: Some(16),
        },
    };
    assert_eq!(block.items[0], expected);
    let unanswered = &block.items[1];
    assert_eq!(unanswered.at, Some(1_759_999_999_123_456));
    assert_eq!((unanswered.delay, unanswered.response_size), (None, None));
    assert_eq!(unanswered.signature.flags, Some(0b101));
    assert_eq!(unanswered.signature.response_rcode, None);
    let statistics = [(0, 3), (1, 2), (2, 1), (3, 0), (4, 0), (5, 0)].into_iter();
    let private = [
        (KEY_LOST, missed.lost),
        (KEY_SAMPLED_AWAY, missed.sampled_away),
        (KEY_OVER_BUDGET, missed.over_budget),
    ];
    let private = private.map(|(key, number)| (i128::from(key), number));
    assert_eq!(block.statistics, statistics.chain(private).collect());
}

/// A query by chance: mostly with few names, so that tables are hit.
fn query() -> impl Strategy<Value = Vec<u8>> {
    let labels = prop::collection::vec(prop::collection::vec(97..100_u8, 1..3), 0..3);
    (any::<u16>(), any::<u16>(), labels, 0..5_u16, any::<bool>()).prop_map(
        |(id, flags, labels, qtype, has_question)| {
            let mut query = id.to_be_bytes().to_vec();
            query.extend((flags & 0x7fff).to_be_bytes());
            query.extend([0, u8::from(has_question), 0, 0, 0, 0, 0, 0]);
            if has_question {
                for label in labels {
                    query.push(label.len() as u8);
                    query.extend(label);
                }
                query.push(0);
                query.extend(qtype.to_be_bytes());
                query.extend([0, 1]);
            }
            query
        },
    )
}

proptest! {
    #[test]
    fn items_come_back_in_order_whatever_blocks_they_are_in(
        queries in prop::collection::vec((query(), any::<[u8; 4]>(), 0..1_u64 << 60), 1..100),
        in_block in 1..40_usize,
    ) {
        let messages: Vec<Captured<'_>> = queries
            .iter()
            .map(|(query, client, at_ns)| Captured {
                at_ns: *at_ns,
                flow: Flow::new(Transport::Udp, Family::V4),
                client: (*client, 53).into(),
                server: ([192, 0, 2, 53], 53).into(),
                query,
                response: HEAD,
                response_octets: 100,
                rcode: Rcode::NOERROR,
                delay_us: 1,
            })
            .collect();
        let file = written(&messages, in_block, Missed::default());
        let items: Vec<&Item> = file.blocks.iter().flat_map(|block| &block.items).collect();
        prop_assert_eq!(items.len(), messages.len());
        for (item, (query, client, at_ns)) in items.iter().zip(&queries) {
            prop_assert_eq!(item.at, Some(at_ns / 1000));
            prop_assert_eq!(item.client.as_deref(), Some(&client[..]));
            prop_assert_eq!(item.id, Some(u64::from(query[0]) << 8 | u64::from(query[1])));
            let name_end = query.len().saturating_sub(4).max(12);
            let qname = (query[5] > 0).then(|| &query[12..name_end]);
            prop_assert_eq!(item.qname.as_deref(), qname);
            let opcode = query[2] >> 3 & 0xf;
            prop_assert_eq!(item.signature.opcode, Some(u64::from(opcode)));
        }
    }

    #[test]
    fn whatever_octets_are_captured_the_file_is_read(
        messages in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 0..80), prop::collection::vec(any::<u8>(), 0..13)),
            0..20,
        ),
    ) {
        let messages: Vec<Captured<'_>> = messages
            .iter()
            .map(|(query, response)| Captured {
                at_ns: 0,
                flow: Flow::new(Transport::Quic, Family::V4),
                client: ([192, 0, 2, 1], 53).into(),
                server: ([192, 0, 2, 53], 53).into(),
                query,
                response,
                response_octets: response.len(),
                rcode: Rcode(4095),
                delay_us: u32::MAX,
            })
            .collect();
        let file = written(&messages, 7, Missed::default());
        for block in &file.blocks {
            prop_assert_eq!(block.statistics[&1], block.items.len() as u64);
        }
    }
}
