//! A server with a certificate of its own, and clients that trust it.

use arc_swap::ArcSwap;
use imrs_engine::{Defence, Identity as Told, Prefixes, Service};
use imrs_node::config::Identity;
use imrs_node::encrypted::{Certificate, Counters, Encrypted, Settings};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, ConnectionError, Endpoint, ReadToEndError};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Long enough for a busy machine; a test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const NAME: &str = "ns.example";

/// Who asks where nothing is said, and one of another prefix.
pub(crate) const NEAR: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
pub(crate) const FAR: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);

/// A running server.
pub(crate) struct Bed {
    pub(crate) server: Encrypted,
    settings: Settings,
    pressure: Arc<AtomicU8>,
    service: Arc<ArcSwap<Service>>,
    identity: Identity,
    roots: RootCertStore,
    runtime: Runtime,
    _folder: TempDir,
}

impl Bed {
    /// Starts one, after its settings were changed.
    pub(crate) fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity {
            certificate: folder.path().join("certificate.pem"),
            private_key: folder.path().join("key.pem"),
        };
        let mut roots = RootCertStore::empty();
        issue(&identity, &mut roots);
        let listen: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let mut settings = Settings {
            tls: vec![listen],
            quic: vec![listen],
            certificate: Arc::new(Certificate::read(&identity).unwrap()),
            workers: NonZeroUsize::MIN,
            connections: 400,
            connections_per_prefix: 400,
            new_per_prefix: 1_000_000,
            busy_per_prefix: Duration::from_secs(1000),
            idle: PATIENCE * 2,
            queries_per_connection: 1_000_000,
            streams: 16,
            pinned: 0,
        };
        change(&mut settings);
        let name = Some(b"aa01-ke-nbo".to_vec());
        let service = Service {
            identity: Told {
                name,
                version: None,
            },
            ..Service::default()
        };
        let pressure = Arc::new(AtomicU8::new(0));
        let service = Arc::new(ArcSwap::from_pointee(service));
        let bound = Encrypted::bind(&settings).unwrap();
        Bed {
            server: bound.start(&service, &pressure).unwrap(),
            settings,
            pressure,
            service,
            identity,
            roots,
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
            _folder: folder,
        }
    }

    pub(crate) fn run<T>(&self, clients: impl Future<Output = T>) -> T {
        self.runtime
            .block_on(async { tokio::time::timeout(PATIENCE, clients).await })
            .expect("nobody waits for so long")
    }

    /// Has another server, with so many threads, take the place of the one that runs, which it gives.
    pub(crate) fn hand_over(&mut self, threads: usize) -> Encrypted {
        let lent = self.server.lend().unwrap();
        let addresses = self.server.addresses();
        let settings = Settings {
            tls: addresses.tls.clone(),
            quic: addresses.quic.clone(),
            workers: NonZeroUsize::new(threads).unwrap(),
            ..self.settings.clone()
        };
        let bound = Encrypted::bind_with(&settings, lent).unwrap();
        self.server.leave();
        let newer = bound.start(&self.service, &self.pressure).unwrap();
        std::mem::replace(&mut self.server, newer)
    }

    pub(crate) fn press(&self, level: u8) {
        self.pressure.store(level, Relaxed);
    }

    /// Answers nobody of the prefix of [`NEAR`] from now on.
    pub(crate) fn block_near(&self) {
        let mut service = Service::clone(&self.service.load());
        service.defence = Arc::new(Defence {
            blocked: Prefixes::new([(NEAR.into(), 24)]),
            ..Defence::default()
        });
        self.service.store(Arc::new(service));
    }

    /// Puts another certificate into the files, and has it trusted.
    pub(crate) fn issue_anew(&mut self) {
        issue(&self.identity, &mut self.roots);
    }

    /// Spoils the file of the certificate.
    pub(crate) fn spoil(&self) {
        std::fs::write(&self.identity.certificate, "nothing").unwrap();
    }

    /// Waits until the counters are as said.
    pub(crate) fn wait_until(&self, is_so: impl Fn(&Counters) -> bool) {
        let start = Instant::now();
        while !is_so(&self.server.counters()) {
            let counters = self.server.counters();
            assert!(start.elapsed() < PATIENCE, "not so: {counters:#?}");
            std::thread::yield_now();
        }
    }

    /// How a client speaks that trusts the server.
    pub(crate) fn client(&self, protocols: &[&[u8]]) -> ClientConfig {
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        config
    }

    /// Connects without TLS.
    pub(crate) async fn tcp(&self, from: Ipv4Addr) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        socket.connect(self.server.addresses().tls[0]).await
    }

    /// Connects over TLS.
    pub(crate) async fn tls(&self, from: Ipv4Addr) -> io::Result<TlsStream<TcpStream>> {
        let config = Arc::new(self.client(&[b"dot"]));
        self.tls_as(from, config).await
    }

    /// The same as said.
    pub(crate) async fn tls_as(
        &self,
        from: Ipv4Addr,
        config: Arc<ClientConfig>,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(NAME).unwrap();
        let stream = self.tcp(from).await?;
        TlsConnector::from(config).connect(name, stream).await
    }

    /// Connects over QUIC.
    pub(crate) async fn quic(&self, from: Ipv4Addr) -> Result<Connection, ConnectionError> {
        let config = self.client(&[b"doq"]);
        let connecting = self.quic_as(from, config);
        connecting.await
    }

    /// An endpoint of clients that speak as said.
    pub(crate) fn endpoint(from: Ipv4Addr, config: ClientConfig) -> Endpoint {
        let quic = QuicClientConfig::try_from(config).unwrap();
        let mut endpoint = Endpoint::client((IpAddr::from(from), 0).into()).unwrap();
        endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(quic)));
        endpoint
    }

    pub(crate) async fn quic_as(
        &self,
        from: Ipv4Addr,
        config: ClientConfig,
    ) -> Result<Connection, ConnectionError> {
        self.connect(&Bed::endpoint(from, config)).await
    }

    pub(crate) async fn connect(&self, endpoint: &Endpoint) -> Result<Connection, ConnectionError> {
        let address = self.server.addresses().quic[0];
        endpoint.connect(address, NAME).unwrap().await
    }
}

fn issue(identity: &Identity, roots: &mut RootCertStore) {
    let made: CertifiedKey<KeyPair> = generate_simple_self_signed([NAME.to_owned()]).unwrap();
    roots.add(made.cert.der().clone()).unwrap();
    std::fs::write(&identity.certificate, made.cert.pem()).unwrap();
    std::fs::write(&identity.private_key, made.signing_key.serialize_pem()).unwrap();
}

/// `id.server. CH TXT` with this message ID.
pub(crate) fn query(id: u16) -> Vec<u8> {
    let mut query = id.to_be_bytes().to_vec();
    query.extend_from_slice(b"\0\0\0\x01\0\0\0\0\0\0\x02id\x06server\0\0\x10\0\x03");
    query
}

/// A message behind its length.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let octets = u16::try_from(message.len()).unwrap();
    [&octets.to_be_bytes(), message].concat()
}

/// Reads one message behind its length.
pub(crate) async fn receive(stream: &mut TlsStream<TcpStream>) -> io::Result<Vec<u8>> {
    let octets = stream.read_u16().await?;
    let mut message = vec![0; usize::from(octets)];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

/// Asks once.
pub(crate) async fn ask(stream: &mut TlsStream<TcpStream>, id: u16) -> io::Result<()> {
    stream.write_all(&framed(&query(id))).await?;
    check_response(&receive(stream).await?, id);
    Ok(())
}

/// The response tells who answers.
pub(crate) fn check_response(response: &[u8], id: u16) {
    assert_eq!(response[..2], id.to_be_bytes());
    assert!(response.windows(11).any(|octets| octets == b"aa01-ke-nbo"));
}

/// Sends a stream over QUIC, and takes what comes back.
pub(crate) async fn exchange(
    connection: &Connection,
    stream: &[u8],
) -> Result<Vec<u8>, ReadToEndError> {
    let (mut send, mut receive) = connection
        .open_bi()
        .await
        .map_err(|error| ReadToEndError::Read(error.into()))?;
    // Where the server gives up earlier, reading tells why.
    let _ = send.write_all(stream).await;
    let _ = send.finish();
    receive.read_to_end(65_537).await
}

/// Waits until the server has closed a connection.
pub(crate) async fn expect_closed(stream: &mut TlsStream<TcpStream>) {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert_eq!(rest, b"");
}
