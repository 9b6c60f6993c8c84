//! Sessions over TLS: who is talked to, and who is not.

use crate::certificates::{Authority, Issued, NAME, Valid, pinned};
use crate::peer::{BEAT, PLENTY, Peer, SHORT, drip, frame, read_frame, wait};
use imrs_node::config::{Identity, Pin, Tls};
use imrs_node::dial::tls::{Client, Server, TlsFault};
use imrs_node::dial::{DialError, Patience, Session, Target};
use rustls::crypto::ring::{default_provider, sign::any_supported_type};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{AlertDescription, ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

/// A server that reads one message, answers it, and waits until the client ends.
pub(crate) fn echo(
    identity: &Identity,
    client_ca: Option<&Path>,
    answer: Vec<u8>,
) -> Peer<Result<Vec<u8>, DialError>> {
    let server = Server::read(identity, client_ca).unwrap();
    Peer::start(move |stream| {
        let mut stream = server.accept(stream, PLENTY.connect, PLENTY.idle)?;
        let message = read_frame(&mut stream);
        stream.write_all(&frame(&answer)).unwrap();
        stream.flush().unwrap();
        let end = stream.read(&mut [0; 1]);
        assert_eq!(end.unwrap(), 0);
        Ok(message)
    })
}

/// Sends a message over TLS and gives the answer to it.
pub(crate) fn exchange<T>(peer: &Peer<T>, tls: &Tls, message: &[u8]) -> Result<Vec<u8>, DialError>
where
    T: Send + 'static,
{
    let mut session = open(peer, tls, &PLENTY)?;
    session.send(message)?;
    session.receive()
}

fn open<T>(peer: &Peer<T>, tls: &Tls, patience: &Patience) -> Result<Session, DialError>
where
    T: Send + 'static,
{
    let client = Arc::new(Client::read(tls).unwrap());
    Session::open(&Target::new(peer.address, Some(client)), patience)
}

/// The fault that TLS ended with.
pub(crate) fn fault<T: std::fmt::Debug>(outcome: Result<T, DialError>) -> TlsFault {
    match outcome {
        Err(DialError::Tls(fault)) => fault,
        outcome => panic!("{outcome:?} is no fault of TLS"),
    }
}

fn check_good(issued: &Issued, tls: &Tls) {
    let answer = vec![9; 65_535];
    let peer = echo(&issued.identity, None, answer.clone());
    assert_eq!(exchange(&peer, tls, b"question").unwrap(), answer);
    assert_eq!(peer.end().unwrap(), b"question");
}

/// The fault with a server that is not whom the client wants.
fn check_bad(issued: &Issued, tls: &Tls, expected: impl Fn(&TlsFault) -> bool) {
    let peer = echo(&issued.identity, None, Vec::new());
    let fault = fault(open(&peer, tls, &PLENTY));
    assert!(expected(&fault), "{fault:?}");
    // The server heard no message, and learnt that it was not accepted.
    let heard = peer.end();
    assert!(matches!(heard, Err(DialError::Tls(_))), "{heard:?}");
}

#[test]
fn a_server_is_known_by_authority_and_name() {
    let authority = Authority::new("a");
    check_good(&authority.issue(NAME, Valid::Now), &authority.tls());
    let both = authority.file_of(
        "both",
        &[&authority, &Authority::new("b")]
            .map(|authority| std::fs::read_to_string(authority.file()).unwrap())
            .concat(),
    );
    let tls = Tls {
        ca: Some(both),
        ..authority.tls()
    };
    check_good(&authority.issue(NAME, Valid::Now), &tls);
}

#[test]
fn a_server_of_another_name_authority_or_time_is_refused() {
    let (authority, other) = (Authority::new("a"), Authority::new("b"));
    let tls = authority.tls();
    let check =
        |issued: &Issued, expected: fn(&TlsFault) -> bool| check_bad(issued, &tls, expected);
    check(&authority.issue("other.example", Valid::Now), |fault| {
        matches!(fault, TlsFault::OtherName(_))
    });
    check(&authority.issue("127.0.0.1", Valid::Now), |fault| {
        matches!(fault, TlsFault::OtherName(_))
    });
    check(&other.issue(NAME, Valid::Now), |fault| {
        *fault == TlsFault::Untrusted
    });
    check(&authority.issue(NAME, Valid::Past), |fault| {
        matches!(fault, TlsFault::OutOfDate(_))
    });
    check(&authority.issue(NAME, Valid::Future), |fault| {
        matches!(fault, TlsFault::OutOfDate(_))
    });
    // An authority that only calls itself so.
    check(&Authority::new("a").issue(NAME, Valid::Now), |fault| {
        matches!(fault, TlsFault::BadCertificate(_))
    });
}

#[test]
fn a_server_is_known_by_its_key() {
    let authority = Authority::new("a");
    let issued = authority.issue("whatever.example", Valid::Past);
    let wrong: Pin = [7; 32];
    check_good(&issued, &pinned(&[issued.pin]));
    check_good(&issued, &pinned(&[wrong, issued.pin]));
    check_bad(
        &issued,
        &pinned(&[wrong]),
        |fault| matches!(fault, TlsFault::OtherKey(key) if key.0 == issued.pin),
    );
}

#[test]
fn authority_and_key_both_have_to_hold_where_both_are_given() {
    let (authority, other) = (Authority::new("a"), Authority::new("b"));
    let tls = |pin| Tls {
        pins: vec![pin],
        ..authority.tls()
    };
    let good = authority.issue(NAME, Valid::Now);
    check_good(&good, &tls(good.pin));
    check_bad(&good, &tls([7; 32]), |fault| {
        matches!(fault, TlsFault::OtherKey(_))
    });
    let foreign = other.issue(NAME, Valid::Now);
    check_bad(&foreign, &tls(foreign.pin), |fault| {
        *fault == TlsFault::Untrusted
    });
}

/// Certificate and key as the library wants them.
fn material(identity: &Identity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = CertificateDer::pem_file_iter(&identity.certificate)
        .unwrap()
        .map(Result::unwrap);
    let key = PrivateKeyDer::from_pem_file(&identity.private_key).unwrap();
    (chain.collect(), key)
}

fn builder() -> rustls::ConfigBuilder<ServerConfig, rustls::server::WantsServerCert> {
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
}

/// A server that is free in its protocols, and goes as far as the client does.
fn free(config: ServerConfig) -> Peer<std::io::Result<Vec<u8>>> {
    Peer::start(move |mut stream| {
        let mut tls = ServerConnection::new(Arc::new(config)).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)?;
        }
        let mut heard = Vec::new();
        let mut tls = StreamOwned::new(tls, stream);
        tls.read_to_end(&mut heard)?;
        Ok(heard)
    })
}

#[test]
fn a_server_that_does_not_agree_to_speak_dns_is_told_nothing() {
    let authority = Authority::new("a");
    let issued = authority.issue(NAME, Valid::Now);
    let check = |protocols: &[&str], silent: bool| {
        let (chain, key) = material(&issued.identity);
        let mut config = builder().with_single_cert(chain, key).unwrap();
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        let peer = free(config);
        assert_eq!(
            fault(open(&peer, &authority.tls(), &PLENTY)),
            TlsFault::NoDot
        );
        match peer.end() {
            Ok(heard) => assert!(silent && heard.is_empty()),
            Err(_) => assert!(!silent),
        }
    };
    // One that knows no ALPN finishes the handshake; one that wants another protocol does not.
    check(&[], true);
    check(&["h2", "http/1.1"], false);
}

/// Shows a certificate whose key it does not have.
#[derive(Debug)]
struct Thief(Arc<CertifiedKey>);

impl ResolvesServerCert for Thief {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let Thief(key) = self;
        Some(Arc::clone(key))
    }
}

#[test]
fn a_server_without_the_key_of_its_certificate_is_refused() {
    let authority = Authority::new("a");
    let issued = authority.issue(NAME, Valid::Now);
    let check = |tls: &Tls| {
        let (chain, _) = material(&issued.identity);
        let (_, other) = material(&authority.issue(NAME, Valid::Now).identity);
        let key = CertifiedKey::new(chain, any_supported_type(&other).unwrap());
        let mut config = builder().with_cert_resolver(Arc::new(Thief(Arc::new(key))));
        config.alpn_protocols = vec![b"dot".to_vec()];
        let peer = free(config);
        let fault = fault(open(&peer, tls, &PLENTY));
        assert!(matches!(fault, TlsFault::BadCertificate(_)), "{fault:?}");
        peer.end().unwrap_err();
    };
    check(&pinned(&[issued.pin]));
    check(&authority.tls());
}

/// The ServerHello of a server that has nothing newer than TLS 1.2 (RFC 5246 section 7.4.1.3).
fn old_hello() -> Vec<u8> {
    let hello = [
        &[3, 3][..],
        &[1; 32],
        // No session; TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256; no compression.
        &[0, 0xC0, 0x2F, 0],
    ]
    .concat();
    let length = u8::try_from(hello.len()).unwrap();
    [&[22, 3, 3, 0, length + 4, 2, 0, 0, length], &hello[..]].concat()
}

#[test]
fn a_server_with_nothing_newer_than_tls_1_2_is_refused() {
    let peer = Peer::start(|mut stream| {
        stream.write_all(&old_hello()).unwrap();
        wait(stream);
    });
    let authority = Authority::new("a");
    let tls = authority.tls();
    assert_eq!(fault(open(&peer, &tls, &PLENTY)), TlsFault::OtherVersion);
    peer.end();
    // One that says it by an alert: protocol_version (RFC 8446 section 6.2).
    let peer = Peer::start(|mut stream| {
        stream.write_all(&[21, 3, 3, 0, 2, 2, 70]).unwrap();
        wait(stream);
    });
    assert_eq!(fault(open(&peer, &tls, &PLENTY)), TlsFault::OtherVersion);
    peer.end();
}

#[test]
fn a_server_without_tls_is_told_no_message() {
    let authority = Authority::new("a");
    let tls = authority.tls();
    let check = |answer: &'static [u8], expected: fn(&DialError) -> bool| {
        let peer = Peer::start(move |mut stream: TcpStream| {
            let mut first = [0; 1];
            stream.read_exact(&mut first).unwrap();
            stream.write_all(answer).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            wait(stream);
            first
        });
        let error = open(&peer, &tls, &PLENTY).unwrap_err();
        assert!(expected(&error), "{error:?}");
        assert_eq!(peer.end(), [22]);
    };
    check(b"\0\x0c\x16\x03\x80\x01\0\0\0\0\0\0\0\0", |error| {
        matches!(error, DialError::Tls(TlsFault::NotTls(_)))
    });
    check(b"", |error| matches!(error, DialError::Closed));
    check(b"\x16", |error| matches!(error, DialError::Closed));
}

#[test]
fn a_handshake_that_does_not_end_is_left() {
    let authority = Authority::new("a");
    let tls = authority.tls();
    let patience = Patience {
        connect: SHORT,
        ..PLENTY
    };
    let check = |pieces: Vec<u8>| {
        let peer = Peer::start(move |stream| drip(stream, pieces.chunks(1)));
        let error = open(&peer, &tls, &patience).unwrap_err();
        let expected = matches!(error, DialError::ConnectTimeout { after } if after == SHORT);
        assert!(expected, "{error:?}");
        peer.end();
    };
    check(Vec::new());
    // A record of 16,000 octets, one at a time.
    let beginning = [22, 3, 3, 62, 128, 2, 0, 62, 124];
    check([&beginning[..], &[0; 16_000]].concat());
}

/// A session with a server that sends what is encrypted of `octets` one octet a beat.
fn slow(octets: Vec<u8>, patience: Patience) -> DialError {
    let authority = Authority::new("a");
    let issued = authority.issue(NAME, Valid::Now);
    let peer = Peer::start(move |mut stream: TcpStream| {
        let (chain, key) = material(&issued.identity);
        let mut config = builder().with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![b"dot".to_vec()];
        config.send_tls13_tickets = 0;
        let mut tls = ServerConnection::new(Arc::new(config)).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut stream).unwrap();
        }
        tls.writer().write_all(&octets).unwrap();
        let mut encrypted = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut encrypted).unwrap();
        }
        drip(stream, encrypted.chunks(1));
    });
    let mut session = open(&peer, &authority.tls(), &patience).unwrap();
    let error = session.receive().unwrap_err();
    drop(session);
    peer.end();
    error
}

#[test]
fn single_octets_of_a_record_keep_no_session_alive() {
    assert!(SHORT > BEAT * 4);
    let message = || frame(&[0; 2000]);
    let idle = Patience {
        idle: SHORT,
        ..PLENTY
    };
    let error = slow(message(), idle);
    assert!(matches!(error, DialError::Idle { .. }), "{error:?}");
    let wall = Patience {
        // The handshake needs some of it.
        wall: SHORT * 6,
        ..PLENTY
    };
    let error = slow(message(), wall);
    assert!(matches!(error, DialError::Wall { .. }), "{error:?}");
}

#[test]
fn a_connection_that_is_cut_is_told_as_such() {
    let authority = Authority::new("a");
    let issued = authority.issue(NAME, Valid::Now);
    let check = |octets: &'static [u8], ends: bool, expected: &str| {
        let server = Server::read(&issued.identity, None).unwrap();
        let peer = Peer::start(move |stream| {
            let kept = stream.try_clone().unwrap();
            let mut stream = server.accept(stream, PLENTY.connect, PLENTY.idle).unwrap();
            stream.write_all(octets).unwrap();
            stream.flush().unwrap();
            if !ends {
                // The session is not ended, as somebody does who cuts the line.
                kept.shutdown(std::net::Shutdown::Both).unwrap();
            }
        });
        let mut session = open(&peer, &authority.tls(), &PLENTY).unwrap();
        let error = session.receive().unwrap_err();
        peer.end();
        assert_eq!(error.to_string(), expected);
    };
    let closed = "the peer closed the connection";
    check(b"", true, closed);
    check(b"", false, closed);
    check(
        b"\0\x03a",
        true,
        &format!("{closed} after 3 of 5 octets of a message"),
    );
    check(
        b"\0\x03a",
        false,
        &format!("{closed} after 3 of 5 octets of a message"),
    );
}

#[test]
fn a_client_shows_who_it_is_where_that_is_asked() {
    let (authority, clients) = (Authority::new("a"), Authority::new("clients"));
    let issued = authority.issue(NAME, Valid::Now);
    let peer = || echo(&issued.identity, Some(&clients.file()), b"answer".to_vec());
    let tls = |identity| Tls {
        identity,
        ..authority.tls()
    };
    let good = clients.issue("client.example", Valid::Now).identity;
    let server = peer();
    let answer = exchange(&server, &tls(Some(good)), b"question");
    assert_eq!(answer.unwrap(), b"answer");
    assert_eq!(server.end().unwrap(), b"question");

    let check = |identity, here: TlsFault, there: fn(&TlsFault) -> bool| {
        let server = peer();
        let said = fault(exchange(&server, &tls(identity), b"question"));
        assert_eq!(said, here);
        let judged = fault(server.end());
        assert!(there(&judged), "{judged:?}");
    };
    check(None, TlsFault::WantsCertificate, |fault| {
        *fault == TlsFault::NoCertificate
    });
    let foreign = authority.issue("client.example", Valid::Now).identity;
    let unknown = TlsFault::RefusesCertificate(AlertDescription::UnknownCA);
    check(Some(foreign), unknown, |fault| {
        *fault == TlsFault::Untrusted
    });
    let old = clients.issue("client.example", Valid::Past).identity;
    let expired = TlsFault::RefusesCertificate(AlertDescription::CertificateExpired);
    check(Some(old), expired, |fault| {
        matches!(fault, TlsFault::OutOfDate(_))
    });
}

#[test]
fn a_client_that_nobody_asks_keeps_to_itself_who_it_is() {
    let authority = Authority::new("a");
    let tls = Tls {
        identity: Some(authority.issue("client.example", Valid::Now).identity),
        ..authority.tls()
    };
    check_good(&authority.issue(NAME, Valid::Now), &tls);
}
