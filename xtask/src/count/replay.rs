//! Sends a corpus as it was sent: in its order and rhythm, from its addresses.

use super::client::{self, Datagrams};
use super::corpus::{Corpus, Packet};
use anyhow::Result;
use std::collections::HashMap;
use std::io::Write;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// Datagrams.
    pub(super) datagrams: usize,
    /// Connections.
    pub(super) connections: usize,
}

/// Sends all of it, so many times as fast as it was, from the namespace of this thread.
pub(super) fn replay(corpus: &Corpus, speed: u32, midnight: Instant) -> Result<Sent> {
    let begin = Instant::now();
    let until = |packet: &Packet| {
        thread::sleep((begin + packet.at / speed).saturating_duration_since(Instant::now()));
    };
    let mut segments: HashMap<u32, Vec<Vec<u8>>> = HashMap::new();
    for packet in &corpus.packets {
        if let Some(connection) = packet.connection {
            let segment = packet.octets.clone();
            segments.entry(connection).or_default().push(segment);
        }
    }
    let mut sent = Sent::default();
    let mut datagrams = Datagrams::new(midnight);
    let mut talks = Vec::new();
    for packet in &corpus.packets {
        until(packet);
        let Some(connection) = packet.connection else {
            datagrams.send(packet.client, &packet.octets)?;
            sent.datagrams += 1;
            continue;
        };
        // With the first segment all others follow: the server decides what belongs together.
        if let Some(segments) = segments.remove(&connection) {
            let client = packet.client;
            talks.push(thread::spawn(move || talk(client, midnight, &segments)));
            sent.connections += 1;
        }
    }
    for talk in talks {
        talk.join()
            .map_err(|_| anyhow::anyhow!("a client panicked"))??;
    }
    thread::sleep(SETTLE);
    Ok(sent)
}

/// Sends what a client sent over a connection, and waits for as many responses.
fn talk(client: SocketAddr, midnight: Instant, segments: &[Vec<u8>]) -> Result<()> {
    let mut stream = client::connect(client, midnight)?;
    for segment in segments {
        stream.write_all(segment)?;
    }
    for _ in 0..messages(&segments.concat()) {
        if client::read_message(&mut stream).is_none() {
            break;
        }
    }
    Ok(())
}

/// Messages that are whole in the octets of a connection (RFC 1035 section 4.2.2).
fn messages(mut octets: &[u8]) -> usize {
    let mut messages = 0;
    while let Some((length, rest)) = octets.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length));
        let Some(rest) = rest.get(length..) else {
            break;
        };
        messages += 1;
        octets = rest;
    }
    messages
}

/// Time for what was sent last to be answered.
const SETTLE: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests {
    use super::messages;

    #[test]
    fn whole_messages_of_a_connection_are_counted() {
        let check = |octets: &[u8], expected| assert_eq!(messages(octets), expected, "{octets:?}");
        check(&[], 0);
        check(&[0, 1, 7, 0, 2, 7, 7], 2);
        check(&[0, 1, 7, 0, 2, 7], 1);
        check(&[0], 0);
    }
}
