//! Reads the sample of queries and responses of a large site, whose clients are numbers.

use crate::Sent;
use imrs_engine::Kind;
use imrs_engine::gate::Response;
use std::net::Ipv4Addr;
use std::path::Path;

pub(crate) fn read(path: &Path) -> Vec<Sent> {
    let text = std::fs::read_to_string(path).expect("the sample can be read");
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().expect("a line of names").split(',').collect();
    let mut sent: Vec<Sent> = lines
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let field = |name: &str| {
                let at = columns.iter().position(|column| *column == name);
                fields[at.expect("a column of that name")]
            };
            (field("proto") == "udp" && field("response") == "1").then(|| one(field))
        })
        .collect();
    sent.sort_by_key(|sent| sent.at_ms);
    sent
}

fn one<'a>(field: impl Fn(&str) -> &'a str) -> Sent {
    let number = |name: &str| field(name).parse::<u32>().unwrap_or_default();
    let kind = match number("rcode") {
        3 => Kind::NxDomain,
        // The sample has no counts of sections: an authoritative response is taken as an answer.
        0 if field("r_aa") == "1" => Kind::Answer,
        0 => Kind::Referral,
        _ => Kind::Error,
    };
    Sent {
        at_ms: u64::from(number("t_us")) / 1000,
        // A /18 each, since networks are not told.
        client: Ipv4Addr::from_bits(number("client") << 14).into(),
        response: Response {
            kind,
            len: number("response_size") as usize,
            // Sizes of queries are told only once for those that are alike.
            query_len: field("query_size").parse().unwrap_or(30),
            has_valid_cookie: false,
        },
    }
}
