//! DNS over TLS (RFC 7858): accepts connections, and answers the queries of each in the order in
//! which they came (section 3.3, RFC 7766 section 6.2.1.1).

use super::Medium;
use super::framing::Inbox;
use super::limits::{ACCEPT_PAUSE, FAREWELL, READ_OCTETS, TLS_BUFFER_OCTETS, WRITE_OCTETS};
use super::pool::Room;
use super::seats::{Phase, Reason, Seat};
use crate::accounting::Ends;
use socket2::SockRef;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Takes connections from a listener.
pub(super) async fn listen(room: Rc<Room>, listener: TcpListener, acceptor: TlsAcceptor) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            // The client was gone before its connection was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(_) => {
                room.tally.connections(Medium::Tls).exhausted.add(1);
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let ends = Ends::new(peer, stream.local_addr().ok());
        let peer = peer.ip();
        match admit(&room, peer) {
            None => reset(&stream),
            Some(seat) => {
                let (room, acceptor) = (Rc::clone(&room), acceptor.clone());
                spawn_local(async move {
                    let served = serve(&room, stream, ends, acceptor, seat);
                    room.budgets.metered(peer, served).await;
                });
            }
        }
    }
}

/// Lets a client in, or counts why it is sent away before it costs a handshake.
fn admit(room: &Room, peer: IpAddr) -> Option<Seat> {
    let counts = room.tally.connections(Medium::Tls);
    let reason = if room.is_blocked(peer) {
        &counts.blocked_new
    } else if room.pressure() > 0 {
        &counts.shed_new
    } else if room.budgets.is_spent(peer) {
        &counts.limited
    } else {
        // The handshake of TCP has shown that the address is its own.
        room.budgets.open(peer);
        return room.seats.take(Medium::Tls, peer, Instant::now());
    };
    reason.add(1);
    None
}

/// Makes the end of a connection leave nothing behind here.
fn reset(stream: &TcpStream) {
    // Where it fails, the connection lingers as any other.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Serves a connection from its handshake to its end.
async fn serve(room: &Room, stream: TcpStream, ends: Ends, acceptor: TlsAcceptor, seat: Seat) {
    // Responses are gathered into one write anyway.
    let _ = stream.set_nodelay(true);
    let handshake = acceptor.accept_with(stream, |session| {
        session.set_buffer_limit(Some(TLS_BUFFER_OCTETS));
    });
    let mut stream = tokio::select! {
        biased;
        _ = seat.is_over() => return,
        shaken = handshake => match shaken {
            Ok(stream) => stream,
            Err(_) => {
                seat.leave(Reason::HandshakeFailed);
                return;
            }
        },
    };
    seat.progressed(Phase::Idle);
    let reason = tokio::select! {
        biased;
        reason = seat.is_over() => reason,
        over = converse(room, &mut stream, ends, &seat) => over.unwrap_or(Reason::Broken),
    };
    match seat.leave(reason) {
        // Under pressure nothing is spent on manners.
        Reason::Broken | Reason::Shed | Reason::Evicted | Reason::Blocked => {
            reset(stream.get_ref().0);
        }
        // A peer that does not hear it finds the connection closed.
        _ => drop(timeout(FAREWELL, stream.shutdown()).await),
    }
}

/// Answers queries until the connection is over.
async fn converse(
    room: &Room,
    stream: &mut TlsStream<TcpStream>,
    ends: Ends,
    seat: &Seat,
) -> io::Result<Reason> {
    let peer = ends.client.ip();
    let mut inbox = Inbox::default();
    let mut chunk = [0; READ_OCTETS];
    let mut left = room.queries;
    loop {
        let read = match stream.read(&mut chunk).await {
            Ok(0) => return Ok(Reason::Ended),
            Ok(read) => read,
            // Many end without saying so in TLS.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Ok(Reason::Ended);
            }
            Err(error) => return Err(error),
        };
        inbox.add(chunk.get(..read).unwrap_or_default());
        seat.is_now(Phase::Busy);
        let mut output = Vec::new();
        let mut has_progressed = false;
        loop {
            let Ok(next) = inbox.take_next() else {
                send(stream, &mut output).await?;
                return Ok(Reason::Misused);
            };
            let Some(query) = next else {
                break;
            };
            if let Err(reason) = room.answer(Medium::Tls, ends, query, &mut output) {
                return Ok(reason);
            }
            has_progressed = true;
            left = left.saturating_sub(1);
            if left == 0 {
                send(stream, &mut output).await?;
                return Ok(Reason::Spent);
            }
            if output.len() >= WRITE_OCTETS {
                send(stream, &mut output).await?;
            }
        }
        send(stream, &mut output).await?;
        // What it asked for is answered; who asks that much may come again later.
        if room.budgets.is_overspent(peer) {
            return Ok(Reason::Overspent);
        }
        let phase = if inbox.is_empty() {
            Phase::Idle
        } else {
            Phase::Busy
        };
        match has_progressed {
            true => seat.progressed(phase),
            false => seat.is_now(phase),
        }
    }
}

/// Sends responses, and waits until the peer's side of the connection has room for them.
async fn send(stream: &mut TlsStream<TcpStream>, output: &mut Vec<u8>) -> io::Result<()> {
    if output.is_empty() {
        return Ok(());
    }
    stream.write_all(output).await?;
    stream.flush().await?;
    output.clear();
    Ok(())
}
