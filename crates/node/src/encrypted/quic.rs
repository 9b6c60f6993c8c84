//! DNS over QUIC (RFC 9250): one query a stream, one response on it.
//!
//! Clients open streams, and of both directions only; nothing is taken before the handshake has
//! ended (0-RTT), since what came so could be a replay.

use super::Medium;
use super::framing::only_message;
use super::limits::{
    INCOMING_MAX, INCOMING_OCTETS_ALL, INCOMING_OCTETS_EACH, PRESSURE_CLOSES_ALL, QUERY_OCTETS_MAX,
    QUIC_CRYPTO_OCTETS, QUIC_HANDSHAKE, QUIC_MTU, QUIC_QUERY, QUIC_SEND_WINDOW, QUIC_STREAM_WINDOW,
    QUIC_WINDOW,
};
use super::pool::Room;
use super::seats::{Phase, Reason, Seat};
use crate::accounting::Ends;
use quinn::crypto::rustls::{NoInitialCipherSuite, QuicServerConfig};
use quinn::{
    Connection, ConnectionError, Endpoint, IdleTimeout, Incoming, ReadToEndError, RecvStream,
    SendStream, ServerConfig, TransportConfig, ValidationTokenConfig, VarInt,
};
use rustls::ServerConfig as Tls;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::{JoinSet, spawn_local};

/// DOQ_NO_ERROR (RFC 9250 section 8.4).
pub(super) const NO_ERROR: VarInt = VarInt::from_u32(0);

/// DOQ_PROTOCOL_ERROR.
const PROTOCOL_ERROR: VarInt = VarInt::from_u32(2);

/// DOQ_EXCESSIVE_LOAD.
const EXCESSIVE_LOAD: VarInt = VarInt::from_u32(4);

/// DOQ_UNSPECIFIED_ERROR.
const UNSPECIFIED_ERROR: VarInt = VarInt::from_u32(5);

/// How QUIC is spoken: small windows, and nothing that DNS does not need.
pub(super) fn config(
    tls: Tls,
    idle: Duration,
    streams: u32,
) -> Result<ServerConfig, NoInitialCipherSuite> {
    let mut transport = TransportConfig::default();
    // Both sides keep to the lesser of their times; a longer one than QUIC can say is none.
    let idle = IdleTimeout::try_from(idle).unwrap_or_else(|_| VarInt::from_u32(u32::MAX).into());
    transport
        .max_concurrent_bidi_streams(streams.into())
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .max_idle_timeout(Some(idle))
        .stream_receive_window(QUIC_STREAM_WINDOW.into())
        .receive_window(QUIC_WINDOW.into())
        .send_window(QUIC_SEND_WINDOW)
        .crypto_buffer_size(QUIC_CRYPTO_OCTETS)
        .datagram_receive_buffer_size(None)
        .initial_mtu(QUIC_MTU)
        .mtu_discovery_config(None)
        .allow_spin(false);
    let mut tokens = ValidationTokenConfig::default();
    // Those of Retry are enough: a token for later would have to be remembered once it is used.
    tokens.sent(0);
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    config
        .transport_config(Arc::new(transport))
        .validation_token_config(tokens)
        .max_incoming(INCOMING_MAX)
        .incoming_buffer_size(INCOMING_OCTETS_EACH)
        .incoming_buffer_size_total(INCOMING_OCTETS_ALL)
        // The kernel gives packets to threads by address, and clients are counted by it.
        .migration(false);
    Ok(config)
}

/// Takes connections from an endpoint.
pub(super) async fn listen(room: Rc<Room>, endpoint: Endpoint) {
    while let Some(incoming) = endpoint.accept().await {
        let counts = room.tally.connections(Medium::Quic);
        let ends = ends(&endpoint, &incoming);
        let peer = ends.client.ip();
        if room.is_blocked(peer) {
            counts.blocked_new.add(1);
            // As over UDP, not even a packet is spent.
            incoming.ignore();
            continue;
        }
        let pressure = room.pressure();
        if pressure > 0 {
            counts.shed_new.add(1);
            match pressure < PRESSURE_CLOSES_ALL {
                true => incoming.refuse(),
                // Not even a packet is spent.
                false => incoming.ignore(),
            }
            continue;
        }
        let is_busy = room.seats.handshakes() >= room.handshakes_before_retry;
        if is_busy && incoming.may_retry() && !incoming.remote_address_validated() {
            counts.retried.add(1);
            // It may retry, as was asked.
            let _ = incoming.retry();
            continue;
        }
        if room.budgets.is_spent(peer) {
            counts.limited.add(1);
            incoming.refuse();
            continue;
        }
        match room.seats.take(Medium::Quic, peer, Instant::now()) {
            None => incoming.refuse(),
            Some(seat) => {
                let room = Rc::clone(&room);
                spawn_local(async move {
                    let served = serve(&room, incoming, ends, seat);
                    room.budgets.metered(peer, served).await;
                });
            }
        }
    }
}

/// Both ends of a connection that comes in.
fn ends(endpoint: &Endpoint, incoming: &Incoming) -> Ends {
    let bound = endpoint.local_addr().ok();
    let server = bound.map(|bound| {
        let ip = incoming.local_ip().unwrap_or(bound.ip());
        SocketAddr::new(ip, bound.port())
    });
    Ends::new(incoming.remote_address(), server)
}

/// Serves a connection from its handshake to its end.
async fn serve(room: &Rc<Room>, incoming: Incoming, ends: Ends, seat: Seat) {
    let peer = ends.client.ip();
    // A first packet may be forged, in the name of who should not be charged for it.
    let is_proven = incoming.remote_address_validated();
    if is_proven {
        charge(room, peer);
    }
    let Ok(connecting) = incoming.accept() else {
        seat.leave(Reason::HandshakeFailed);
        return;
    };
    let connection = tokio::select! {
        biased;
        _ = seat.is_over() => return,
        shaken = connecting => match shaken {
            Ok(connection) => connection,
            Err(cause) => {
                seat.leave(match cause {
                    ConnectionError::TimedOut => Reason::HandshakeSlow,
                    _ => Reason::HandshakeFailed,
                });
                return;
            }
        },
    };
    if !is_proven {
        charge(room, peer);
    }
    seat.progressed(Phase::Idle);
    let over = tokio::select! {
        biased;
        reason = seat.is_over() => Over::new(reason),
        over = converse(room, &connection, ends, &seat) => over,
    };
    seat.leave(over.reason);
    connection.close(over.code, over.text);
}

/// Counts a new connection of a client whose address is its own.
fn charge(room: &Room, peer: IpAddr) {
    room.budgets.open(peer);
    room.budgets.spend(peer, QUIC_HANDSHAKE);
}

/// Why a connection is over, and what its peer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Over {
    reason: Reason,
    code: VarInt,
    text: &'static [u8],
}

impl Over {
    fn new(reason: Reason) -> Self {
        let code = match reason {
            Reason::Evicted | Reason::Shed | Reason::Overspent => EXCESSIVE_LOAD,
            Reason::Misused => PROTOCOL_ERROR,
            Reason::Blocked => UNSPECIFIED_ERROR,
            _ => NO_ERROR,
        };
        Over {
            reason,
            code,
            text: b"",
        }
    }
}

/// Answers queries until the connection is over.
async fn converse(room: &Rc<Room>, connection: &Connection, ends: Ends, seat: &Seat) -> Over {
    let peer = ends.client.ip();
    let mut streams = JoinSet::new();
    let mut left = room.queries;
    loop {
        tokio::select! {
            biased;
            Some(done) = streams.join_next(), if !streams.is_empty() => {
                let phase = if streams.is_empty() { Phase::Idle } else { Phase::Busy };
                match done {
                    Ok(Served::Answered) if room.budgets.is_overspent(peer) => {
                        return Over::new(Reason::Overspent);
                    }
                    Ok(Served::Answered) => seat.progressed(phase),
                    Ok(Served::Over(over)) => return over,
                    // Given up by its peer.
                    Ok(Served::Cancelled) | Err(_) => seat.is_now(phase),
                }
            }
            opened = connection.accept_bi(), if left > 0 => match opened {
                Ok((send, receive)) => {
                    left -= 1;
                    seat.is_now(Phase::Busy);
                    room.budgets.spend(peer, QUIC_QUERY);
                    let room = Rc::clone(room);
                    streams.spawn_local(async move {
                        let answered = answer(&room, ends, send, receive);
                        room.budgets.metered(peer, answered).await
                    });
                }
                Err(cause) => return Over::new(ended(&cause)),
            },
            else => return Over::new(Reason::Spent),
        }
    }
}

/// Why a connection ended that we did not end.
fn ended(cause: &ConnectionError) -> Reason {
    match cause {
        ConnectionError::ApplicationClosed(_) | ConnectionError::ConnectionClosed(_) => {
            Reason::Ended
        }
        ConnectionError::TimedOut => Reason::Idle,
        ConnectionError::TransportError(_) => Reason::Misused,
        _ => Reason::Broken,
    }
}

/// What became of a stream.
enum Served {
    /// It was answered, and the peer has the response.
    Answered,
    /// The peer gave it up, or it was given up alone.
    Cancelled,
    /// The connection ends with it.
    Over(Over),
}

/// Answers the query of a stream.
async fn answer(room: &Room, ends: Ends, mut send: SendStream, receive: RecvStream) -> Served {
    let stream = match read(receive).await {
        Ok(stream) => stream,
        Err(served) => return served,
    };
    let query = match only_message(&stream) {
        Ok(query) => query,
        Err(breach) => {
            use super::framing::Breach;
            let text: &[u8] = match breach {
                Breach::Unfinished => b"unfinished query",
                Breach::Several => b"more than one query",
                Breach::Identified => b"message ID is not 0",
                Breach::Keepalive => b"edns-tcp-keepalive",
            };
            return Served::Over(Over {
                text,
                ..Over::new(Reason::Misused)
            });
        }
    };
    let mut output = Vec::new();
    if let Err(reason) = room.answer(Medium::Quic, ends, query, &mut output) {
        return Served::Over(Over::new(reason));
    }
    drop(stream);
    if output.is_empty() {
        // It was none, or too short to be answered.
        let _ = send.reset(UNSPECIFIED_ERROR);
        return Served::Cancelled;
    }
    // A response with FIN is all that a stream carries (section 4.2).
    if send.write_all(&output).await.is_err() || send.finish().is_err() {
        return Served::Cancelled;
    }
    drop(output);
    match send.stopped().await {
        Ok(None) => Served::Answered,
        _ => Served::Cancelled,
    }
}

/// Reads a stream to its FIN.
async fn read(mut receive: RecvStream) -> Result<Vec<u8>, Served> {
    match receive.read_to_end(2 + QUERY_OCTETS_MAX).await {
        Ok(stream) => Ok(stream),
        // Longer than any query: its peer means to load us.
        Err(ReadToEndError::TooLong) => Err(Served::Over(Over {
            code: EXCESSIVE_LOAD,
            text: b"query too long",
            ..Over::new(Reason::Misused)
        })),
        Err(ReadToEndError::Read(_)) => Err(Served::Cancelled),
    }
}
