//! The listener for secondaries: which clients it takes, and how long it waits for them.

use crate::certificates::{Authority, Issued, NAME, Valid};
use crate::peer::{PLENTY, Peer, SHORT, drip, frame, wait};
use imrs_node::dial::tls::{Server, TlsFault};
use imrs_node::dial::{DialError, Stream};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Scene {
    authority: Authority,
    issued: Issued,
}

impl Scene {
    fn new() -> Self {
        let authority = Authority::new("a");
        let issued = authority.issue(NAME, Valid::Now);
        Scene { authority, issued }
    }

    /// What becomes of a client that does this.
    fn accept<T: Send + 'static>(
        &self,
        handshake: Duration,
        client: impl FnOnce(std::net::TcpStream) -> T + Send + 'static,
    ) -> (Result<Stream, DialError>, Peer<T>) {
        let server = Server::read(&self.issued.identity, None).unwrap();
        // The peer of these tests is whoever accepts; here it is told to dial itself.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let peer = Peer::start(move |_| client(std::net::TcpStream::connect(address).unwrap()));
        let _start = std::net::TcpStream::connect(peer.address).unwrap();
        let (stream, _) = listener.accept().unwrap();
        (server.accept(stream, handshake, SHORT), peer)
    }

    /// A client of the library that offers these protocols.
    fn client(&self, protocols: &[&str]) -> ClientConnection {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_file(self.authority.file()).unwrap();
        roots.add(certificate).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        ClientConnection::new(Arc::new(config), NAME.try_into().unwrap()).unwrap()
    }
}

fn fault(accepted: Result<Stream, DialError>) -> TlsFault {
    crate::secure::fault(accepted)
}

#[test]
fn a_client_that_does_not_ask_for_dns_is_refused() {
    let scene = Scene::new();
    for protocols in [&[][..], &["h2"], &["DOT"]] {
        let mut tls = scene.client(protocols);
        let (accepted, peer) = scene.accept(PLENTY.connect, move |mut stream| {
            while tls.is_handshaking() {
                if tls.complete_io(&mut stream).is_err() {
                    break;
                }
            }
        });
        assert_eq!(fault(accepted), TlsFault::NoDot, "{protocols:?}");
        peer.end();
    }
}

#[test]
fn a_client_may_offer_more_than_dns() {
    let scene = Scene::new();
    let mut tls = scene.client(&["h2", "dot"]);
    let (accepted, peer) = scene.accept(PLENTY.connect, move |mut stream| {
        while tls.is_handshaking() {
            tls.complete_io(&mut stream).unwrap();
        }
        tls.alpn_protocol().map(<[u8]>::to_vec)
    });
    let stream = accepted.unwrap();
    assert!(stream.is_tls());
    assert!(stream.peer().unwrap().ip().is_loopback());
    assert_eq!(peer.end().unwrap(), b"dot");
}

#[test]
fn a_client_without_tls_is_refused() {
    let scene = Scene::new();
    let query = frame(b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\0\0\xFC\0\x01");
    let (accepted, peer) = scene.accept(PLENTY.connect, move |mut stream| {
        stream.write_all(&query).unwrap();
        wait(stream);
    });
    let fault = fault(accepted);
    assert!(matches!(fault, TlsFault::NotTls(_)), "{fault:?}");
    peer.end();
}

/// The ClientHello of a client that has nothing newer than TLS 1.2 (RFC 5246 section 7.4.1.2):
/// signatures by RSA or ECDSA with SHA-256, the groups P-256 and X25519, `dot`.
fn old_hello() -> Vec<u8> {
    let extensions = [
        &[0, 13, 0, 6, 0, 4, 4, 3, 4, 1][..],
        &[0, 10, 0, 6, 0, 4, 0, 23, 0, 29],
        &[0, 11, 0, 2, 1, 0],
        &[0, 16, 0, 6, 0, 4, 3, b'd', b'o', b't'],
    ]
    .concat();
    let length = u8::try_from(extensions.len()).unwrap();
    let hello = [
        &[3, 3][..],
        &[1; 32],
        &[0, 0, 2, 0xC0, 0x2F, 1, 0, 0, length],
        &extensions,
    ]
    .concat();
    let length = u8::try_from(hello.len()).unwrap();
    [&[22, 3, 1, 0, length + 4, 1, 0, 0, length], &hello[..]].concat()
}

#[test]
fn a_client_with_nothing_newer_than_tls_1_2_is_refused() {
    let scene = Scene::new();
    let (accepted, peer) = scene.accept(PLENTY.connect, |mut stream| {
        stream.write_all(&old_hello()).unwrap();
        let mut alert = Vec::new();
        stream.read_to_end(&mut alert).unwrap();
        alert
    });
    assert_eq!(fault(accepted), TlsFault::OtherVersion);
    // A fatal alert: protocol_version (RFC 8446 section 6.2).
    assert_eq!(peer.end(), [21, 3, 3, 0, 2, 2, 70]);
}

#[test]
fn a_client_that_does_not_end_its_handshake_is_left() {
    let scene = Scene::new();
    let check = |pieces: Vec<u8>| {
        let client = move |stream| drip(stream, pieces.chunks(1));
        let (accepted, peer) = scene.accept(SHORT, client);
        let error = accepted.unwrap_err();
        let expected = matches!(error, DialError::ConnectTimeout { after } if after == SHORT);
        assert!(expected, "{error:?}");
        peer.end();
    };
    check(Vec::new());
    check(old_hello()[..60].to_vec());
    check([&[22, 3, 1, 62, 128, 1, 0, 62, 124][..], &[0; 16_000]].concat());
}

#[test]
fn a_client_that_closes_in_the_handshake_is_told_from_one_that_breaks_it() {
    let scene = Scene::new();
    let (accepted, peer) = scene.accept(PLENTY.connect, drop);
    let error = accepted.unwrap_err();
    assert!(matches!(error, DialError::Closed), "{error:?}");
    peer.end();
}

/// What reading gives when the client sends what is encrypted of `octets` one octet a beat.
fn check_slow(octets: &[u8]) {
    let scene = Scene::new();
    let mut tls = scene.client(&["dot"]);
    let octets = octets.to_vec();
    let (accepted, peer) = scene.accept(PLENTY.connect, move |mut stream| {
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
    let mut stream = accepted.unwrap();
    let error = stream.read(&mut [0; 100]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    drop(stream);
    peer.end();
}

#[test]
fn a_client_that_sends_nothing_whole_keeps_no_reader_waiting() {
    check_slow(b"");
    check_slow(&[0; 2000]);
}

#[test]
fn a_wall_holds_for_reading_and_writing() {
    let scene = Scene::new();
    let mut tls = scene.client(&["dot"]);
    let (accepted, peer) = scene.accept(PLENTY.connect, move |mut stream| {
        while tls.is_handshaking() {
            tls.complete_io(&mut stream).unwrap();
        }
        wait(stream);
    });
    let mut stream = accepted.unwrap();
    stream.limit(Some(Instant::now()));
    let error = stream.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let octets = [0; 100];
    let error = loop {
        // What is in the buffers of TLS already counts as written.
        if let Err(error) = stream.write(&octets).and_then(|_| stream.flush()) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    stream.limit(None);
    stream.write_all(&octets).unwrap();
    stream.flush().unwrap();
    drop(stream);
    peer.end();
}

#[test]
fn a_plain_connection_has_the_same_deadlines() {
    let peer = Peer::start(wait);
    let stream = std::net::TcpStream::connect(peer.address).unwrap();
    let mut stream = Stream::tcp(stream, SHORT, None).unwrap();
    assert!(!stream.is_tls());
    stream.write_all(b"question").unwrap();
    let error = stream.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    drop(stream);
    peer.end();
}
