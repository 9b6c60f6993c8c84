//! Asks the service addresses as everybody does, over one transport and one family.
//!
//! A query comes from the address that it goes to, which nobody else's can: that is how own probes
//! are told apart where queries are counted.

use super::known::{Facts, Known};
use super::limits::{ANSWER, RESPONSE_OCTETS_MAX};
use super::machine::crowded_out;
use super::mind::Mind;
use crate::transport::Meters;
use imrs_fleet::health::{Path, Probed, Transport};
use imrs_probe::judge::{Fault, Question, judge, round};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// Asks over one path.
pub(super) struct Prober {
    pub(super) path: Path,
    /// Service addresses of its family.
    pub(super) addresses: Vec<SocketAddr>,
    /// Time from one round to the next.
    pub(super) interval: Duration,
    pub(super) meters: Meters,
}

/// Responses by the place of their question; none where no response came in time.
type Responses = Vec<Option<Vec<u8>>>;

impl Prober {
    /// Asks until the mind stops.
    pub(super) fn run(&self, mind: &Mind, known: &Known) {
        loop {
            let began = Instant::now();
            if let Some(facts) = known.facts() {
                let dropped = crowded_out(&self.meters.read());
                let (found, datagrams) = self.round(&facts);
                let is_void = match found {
                    Probed::Right | Probed::Void => false,
                    // What is right changed on the way.
                    Probed::Wrong { .. } => !known.is(&facts),
                    Probed::Silent { .. } => crowded_out(&self.meters.read()) > dropped,
                };
                let found = if is_void { Probed::Void } else { found };
                mind.handle_probe(self.path, found, datagrams);
            }
            if !mind.go_on_after(self.interval.saturating_sub(began.elapsed())) {
                return;
            }
        }
    }

    /// Asks every address one question of each kind. Says what was found first, and how many
    /// queries went out over UDP.
    fn round(&self, facts: &Facts) -> (Probed, u64) {
        let mut datagrams = 0;
        for &address in &self.addresses {
            let questions = round(&facts.zone, &facts.others, rand::random());
            let first: u16 = rand::random();
            let patience = ANSWER.min(self.interval);
            let asked = match self.path.transport {
                Transport::Udp => {
                    datagrams += questions.len() as u64;
                    over_udp(address, &questions, first, patience)
                }
                Transport::Tcp => over_tcp(address, &questions, first, patience),
            };
            // An error is silence: nobody is there, or nobody takes it.
            let responses = asked.unwrap_or_else(|_| vec![None; questions.len()]);
            for (question, response) in questions.iter().zip(responses) {
                let found = self.judged(facts, question, response.as_deref());
                if found != Probed::Right {
                    return (found, datagrams);
                }
            }
        }
        (Probed::Right, datagrams)
    }

    fn judged(&self, facts: &Facts, question: &Question, response: Option<&[u8]>) -> Probed {
        let asked = question.to_string();
        let Some(response) = response else {
            return Probed::Silent { question: asked };
        };
        match judge(&facts.zone, question, response) {
            Ok(()) => Probed::Right,
            // It asks to come over TCP, where it is judged.
            Err(Fault::Truncated) if self.path.transport == Transport::Udp => Probed::Right,
            Err(fault) => Probed::Wrong {
                question: asked,
                fault: fault.to_string(),
            },
        }
    }
}

/// The place of the question that a response is to, by its ID.
fn place(response: &[u8], first: u16, count: usize) -> Option<usize> {
    let id = u16::from_be_bytes(*response.first_chunk()?);
    let place = usize::from(id.wrapping_sub(first));
    (place < count).then_some(place)
}

fn id(first: u16, place: usize) -> u16 {
    first.wrapping_add(u16::try_from(place).unwrap_or_default())
}

fn over_udp(
    address: SocketAddr,
    questions: &[Question],
    first: u16,
    patience: Duration,
) -> io::Result<Responses> {
    let socket = UdpSocket::bind((address.ip(), 0))?;
    socket.connect(address)?;
    let end = Instant::now() + patience;
    for (place, question) in questions.iter().enumerate() {
        socket.send(&question.query(id(first, place)))?;
    }
    let mut responses = vec![None; questions.len()];
    let mut room = vec![0; RESPONSE_OCTETS_MAX];
    while responses.iter().any(Option::is_none) {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        socket.set_read_timeout(Some(left))?;
        match socket.recv(&mut room) {
            Ok(length) => {
                if let Some(place) = place(&room[..length], first, questions.len()) {
                    responses[place] = Some(room[..length].to_vec());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    Ok(responses)
}

/// All questions over one connection (RFC 7766 section 6.2.1.1).
fn over_tcp(
    address: SocketAddr,
    questions: &[Question],
    first: u16,
    patience: Duration,
) -> io::Result<Responses> {
    let end = Instant::now() + patience;
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    // To an address of its own a machine comes from there, without a right to bind. An address that
    // it has lost leads to another node, whose answers say nothing of this one.
    if stream.local_addr()?.ip() != address.ip() {
        return Err(io::ErrorKind::AddrNotAvailable.into());
    }
    stream.set_write_timeout(Some(patience))?;
    let mut sent = Vec::new();
    for (place, question) in questions.iter().enumerate() {
        let query = question.query(id(first, place));
        let length = u16::try_from(query.len()).unwrap_or(u16::MAX);
        sent.extend_from_slice(&length.to_be_bytes());
        sent.extend_from_slice(&query);
    }
    stream.write_all(&sent)?;
    let mut responses = vec![None; questions.len()];
    while responses.iter().any(Option::is_none) {
        let Ok(response) = receive(&mut stream, end) else {
            break;
        };
        if let Some(place) = place(&response, first, questions.len()) {
            responses[place] = Some(response);
        }
    }
    Ok(responses)
}

fn receive(stream: &mut TcpStream, end: Instant) -> io::Result<Vec<u8>> {
    let mut read = |room: &mut [u8]| -> io::Result<()> {
        let mut filled = 0;
        while filled < room.len() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            stream.set_read_timeout(Some(left))?;
            match stream.read(&mut room[filled..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                octets => filled += octets,
            }
        }
        Ok(())
    };
    let mut length = [0; 2];
    read(&mut length)?;
    let mut response = vec![0; usize::from(u16::from_be_bytes(length))];
    read(&mut response)?;
    Ok(response)
}
