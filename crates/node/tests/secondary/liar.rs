//! A primary that says what it is told to say, over UDP and TCP on one port of loopback.

use crate::zones;
use domain::base::iana::Rtype;
use imrs_transfer::key::{Algorithm, Key};
use imrs_transfer::message::{Asks, Request};
use imrs_transfer::tsig::{self, Checked, Keys, Signature};
use imrs_zone::Record;
use imrs_zone::record::UnixTime;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

/// A piece of what goes over a connection, framing included.
pub(crate) enum Piece {
    /// At once.
    Octets(Vec<u8>),
    /// One octet a second, for as long as the secondary listens.
    Slowly(Vec<u8>),
    /// Nothing for a second.
    Pause,
    /// Nothing, for as long as the secondary listens.
    Silence,
}

/// What is asked over TCP.
pub(crate) struct Asked {
    octets: Vec<u8>,
    signature: Option<Signature>,
}

/// Answers a transfer. What it gives is sent piece by piece, and then the connection closes.
pub(crate) type Tale = dyn Fn(&mut Asked) -> Vec<Piece> + Send + Sync;

/// A running one.
pub(crate) struct Liar {
    /// Where it is.
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    keys: Keys,
    /// The SOA record that it tells, and how it answers transfers.
    speech: Mutex<(Record, Arc<Tale>)>,
    /// Types asked for over TCP, in order.
    heard: Mutex<Vec<Rtype>>,
}

impl Liar {
    /// Starts one that tells the truth about a zone.
    pub(crate) fn start(zone: &[Record]) -> Liar {
        let (listener, socket) = bind();
        let shared = Arc::new(Shared {
            keys: [key()].into_iter().collect(),
            speech: Mutex::new((zones::soa(zone).clone(), honest(zone))),
            heard: Mutex::default(),
        });
        let address = listener.local_addr().unwrap();
        let (over_tcp, over_udp) = (Arc::clone(&shared), Arc::clone(&shared));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (shared, stream) = (Arc::clone(&over_tcp), stream.unwrap());
                thread::spawn(move || shared.talk(stream));
            }
        });
        thread::spawn(move || over_udp.answer_datagrams(&socket));
        Liar { address, shared }
    }

    /// Tells this SOA record, and this tale, from now on.
    pub(crate) fn say(&self, soa: &Record, tale: Arc<Tale>) {
        *self.shared.speech.lock().unwrap() = (soa.clone(), tale);
        self.shared.heard.lock().unwrap().clear();
    }

    /// Types asked for over TCP since it was told what to say.
    pub(crate) fn heard(&self) -> Vec<Rtype> {
        self.shared.heard.lock().unwrap().clone()
    }
}

/// A port that is free for both.
fn bind() -> (TcpListener, UdpSocket) {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(socket) = UdpSocket::bind(listener.local_addr().unwrap()) {
            return (listener, socket);
        }
    }
}

impl Shared {
    fn answer_datagrams(&self, socket: &UdpSocket) {
        let mut octets = [0; 4096];
        loop {
            let (length, from) = socket.recv_from(&mut octets).unwrap();
            let mut asked = self.take(octets[..length].to_vec());
            let soa = self.speech.lock().unwrap().0.clone();
            let answer = asked.message(Some(asked.question()), &[soa]);
            let _ = socket.send_to(&answer, from);
        }
    }

    /// Answers all requests of a connection.
    fn talk(&self, mut stream: TcpStream) {
        while let Some(octets) = read(&mut stream) {
            let mut asked = self.take(octets);
            let (soa, tale) = self.speech.lock().unwrap().clone();
            let qtype = asked.qtype();
            self.heard.lock().unwrap().push(qtype);
            if qtype == Rtype::SOA {
                let answer = asked.message(Some(asked.question()), &[soa]);
                let _ = stream.write_all(&framed(&answer));
                continue;
            }
            for piece in tale(&mut asked) {
                if !send(&mut stream, &piece) {
                    break;
                }
            }
            return;
        }
    }

    fn take(&self, mut octets: Vec<u8>) -> Asked {
        let signature = match tsig::check(&self.keys, &mut octets, now()) {
            Checked::Signed(signature) => Some(signature),
            Checked::Unsigned => None,
            Checked::Refused(refusal) => panic!("{}", refusal.error),
        };
        Asked { octets, signature }
    }
}

/// Sends a piece; says whether the secondary may still listen.
fn send(stream: &mut TcpStream, piece: &Piece) -> bool {
    match piece {
        Piece::Octets(octets) => stream.write_all(octets).is_ok(),
        Piece::Slowly(octets) => octets.iter().all(|octet| {
            stream.write_all(&[*octet]).is_ok() && is_open(stream, Some(Duration::from_secs(1)))
        }),
        Piece::Pause => is_open(stream, Some(Duration::from_secs(1))),
        Piece::Silence => is_open(stream, None),
    }
}

/// Waits until the secondary hangs up, or so long; says whether it is still there.
fn is_open(stream: &mut TcpStream, patience: Option<Duration>) -> bool {
    stream.set_read_timeout(patience).unwrap();
    // A timeout is the only error that is none.
    let received = stream.read(&mut [0]);
    received.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

fn read(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut octets = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut octets).ok()?;
    Some(octets)
}

impl Asked {
    /// The type of the question.
    pub(crate) fn qtype(&self) -> Rtype {
        match Request::parse(&self.octets).unwrap().asks {
            Asks::Axfr { .. } => Rtype::AXFR,
            Asks::Ixfr { .. } => Rtype::IXFR,
            _ => Rtype::SOA,
        }
    }

    /// Name, type and class of the question.
    pub(crate) fn question(&self) -> Vec<u8> {
        Request::parse(&self.octets).unwrap().question().to_vec()
    }

    /// A message with these answers and, if given, this question; signed if the request was.
    pub(crate) fn message(&mut self, question: Option<Vec<u8>>, answers: &[Record]) -> Vec<u8> {
        let mut message = self.unsigned(question, answers);
        self.sign(&mut message);
        message
    }

    /// The same without a signature.
    pub(crate) fn unsigned(&self, question: Option<Vec<u8>>, answers: &[Record]) -> Vec<u8> {
        let mut message = self.octets[..2].to_vec();
        message.extend([0x84, 0x00]);
        let answered = u16::try_from(answers.len()).unwrap();
        for count in [u16::from(question.is_some()), answered, 0, 0] {
            message.extend(count.to_be_bytes());
        }
        message.extend(question.unwrap_or_default());
        for record in answers {
            let Ok(()) = record.compose(&mut message);
        }
        message
    }

    /// Signs a message as the next of the response, if the request was signed.
    pub(crate) fn sign(&mut self, message: &mut Vec<u8>) {
        if let Some(signature) = &mut self.signature {
            signature.sign(message, now());
        }
    }

    /// Records in messages of so many, the first with the question.
    pub(crate) fn messages(&mut self, records: &[Record], per_message: usize) -> Vec<Vec<u8>> {
        let mut question = Some(self.question());
        let chunks: Vec<&[Record]> = records.chunks(per_message).collect();
        let message = |chunk: &&[Record]| self.message(question.take(), chunk);
        chunks.iter().map(message).collect()
    }
}

/// Answers AXFR and IXFR alike with the whole zone.
pub(crate) fn honest(zone: &[Record]) -> Arc<Tale> {
    let records = axfr(zone);
    told(move |asked| asked.messages(&records, RECORDS_PER_MESSAGE))
}

/// A tale of whole messages.
pub(crate) fn told(
    messages: impl Fn(&mut Asked) -> Vec<Vec<u8>> + Send + Sync + 'static,
) -> Arc<Tale> {
    Arc::new(move |asked: &mut Asked| {
        let messages = messages(asked);
        messages
            .iter()
            .map(|message| Piece::Octets(framed(message)))
            .collect()
    })
}

/// The records of a zone in the order of AXFR: the SOA record comes first and last.
pub(crate) fn axfr(zone: &[Record]) -> Vec<Record> {
    let soa = zones::soa(zone).clone();
    let others = zone.iter().filter(|record| record.rtype() != Rtype::SOA);
    let first = std::iter::once(soa.clone());
    first.chain(others.cloned()).chain([soa]).collect()
}

/// A message behind its length (RFC 1035 section 4.2.2).
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap();
    [&length.to_be_bytes()[..], message].concat()
}

/// The key that a secondary signs by, if it does.
fn key() -> Key {
    Key::new(
        "xfr-key".parse().unwrap(),
        Algorithm::HmacSha256,
        b"a secret of some length, not told",
    )
}

/// The configuration of the key.
pub(crate) const KEY: &str = "[[key]]\nname = \"xfr-key\"\nalgorithm = \"hmac-sha256\"\n\
                              secret = \"YSBzZWNyZXQgb2Ygc29tZSBsZW5ndGgsIG5vdCB0b2xk\"\n";

/// Few, so that there are boundaries between messages.
pub(crate) const RECORDS_PER_MESSAGE: usize = 60;

/// The time as signatures of messages have it.
fn now() -> UnixTime {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixTime(now.unwrap().as_secs())
}
