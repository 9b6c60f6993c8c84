//! TCP as a stream: messages arrive in any pieces (RFC 7766 section 8).

use super::Verdict;
use crate::differential::constants::rtype::{NS, SOA};
use crate::differential::facts::Facts;
use crate::differential::name::ROOT;
use crate::differential::query::{Builder, Kind};
use anyhow::Result;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// Long enough for a pause between pieces to reach the server as a pause.
const PAUSE: Duration = Duration::from_millis(3);
/// A server that is going to answer has answered by then.
const PATIENCE: Duration = Duration::from_secs(2);

/// Sends two queries in different manners; both must be answered each time.
pub(super) fn check(server: SocketAddr, zones: &[Facts]) -> Result<Vec<Verdict>> {
    let apex = zones.first().map_or(ROOT, |zone| &zone.apex);
    let queries = [(1, SOA), (2, NS)]
        .map(|(id, rtype)| framed(&Builder::ask(apex, rtype).build(Kind::ZoneName).with_id(id)));
    let both = queries.concat();
    let octet_by_octet: Vec<&[u8]> = both.chunks(1).collect();
    let within_length = vec![&both[..1], &both[1..]];
    let across = vec![&both[..queries[0].len() + 1], &both[queries[0].len() + 1..]];
    let empty_first = [&[0, 0][..], &both].concat();
    let manners: [(&str, Vec<&[u8]>, bool); 5] = [
        ("in one piece", vec![&both], false),
        ("octet by octet", octet_by_octet, false),
        ("cut within the length", within_length, false),
        ("cut within the second length", across, false),
        ("and the client's side closed", vec![&both], true),
    ];
    let mut verdicts = Vec::new();
    for (manner, pieces, closed) in manners {
        let ids = converse(server, &pieces, closed)?;
        verdicts.push(Verdict {
            name: format!("framing: two queries {manner}"),
            failure: (ids != [1, 2]).then(|| format!("answered were {ids:?}")),
        });
    }
    // An empty message is none; whether the connection survives it is the server's choice.
    converse(server, &[&empty_first], false)?;
    let ids = converse(server, &[&both], false)?;
    verdicts.push(Verdict {
        name: "framing: an empty message harms no other connection".to_owned(),
        failure: (ids != [1, 2]).then(|| format!("answered were {ids:?}")),
    });
    Ok(verdicts)
}

fn framed(octets: &[u8]) -> Vec<u8> {
    [&(octets.len() as u16).to_be_bytes()[..], octets].concat()
}

/// Sends the pieces and gives the IDs of the first two responses, in order of the IDs.
fn converse(server: SocketAddr, pieces: &[&[u8]], close: bool) -> Result<Vec<u16>> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    for piece in pieces {
        // A server that has closed already shows by the IDs that are missing.
        let _ = stream.write_all(piece);
        if pieces.len() > 1 {
            std::thread::sleep(PAUSE);
        }
    }
    if close {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut ids = Vec::new();
    let mut length = [0; 2];
    while ids.len() < 2 && stream.read_exact(&mut length).is_ok() {
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        if stream.read_exact(&mut message).is_err() || message.len() < 2 {
            break;
        }
        ids.push(u16::from_be_bytes([message[0], message[1]]));
    }
    ids.sort_unstable();
    Ok(ids)
}
