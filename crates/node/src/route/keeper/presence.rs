//! The keeper's own session with BIRD: our prefixes are in BIRD only as long as the keeper is there.
//!
//! BIRD has no route of ours by itself. The keeper tells it of them by BGP on loopback, so that BIRD
//! drops them at once when the keeper dies, by the end of its connection, and within
//! [`PRESENCE_HOLD`] when it hangs; all neighbors are told of that then. It is also the short way to
//! withdraw, and one that no configuration of BIRD can be in the way of.

use super::signed::sign;
use crate::config::Prefix;
use crate::route::bgp::{self, Kind};
use crate::route::bird::conf::{KEEPER, PORT, SPEAKER, Settings, keeper_asn};
use crate::route::limits::{PRESENCE_HOLD, PRESENCE_PATIENCE};
use imrs_fleet::anycast::{Stand, Wish};
use imrs_wire::{Both, Family};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

/// The session, if there is one, or why there is none.
#[derive(Debug, Default)]
pub(super) struct Presence {
    session: Option<Session>,
    trouble: Option<String>,
}

#[derive(Debug)]
struct Session {
    stream: TcpStream,
    rest: Vec<u8>,
    told: Both<Vec<Prefix>>,
    asn: u32,
}

impl Presence {
    /// Why there is no session.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Takes back the prefixes of families that are to be withdrawn.
    pub(super) fn lower(&mut self, wish: &Wish) {
        let Some(session) = &mut self.session else {
            return;
        };
        let is_withdrawn = |family: &Family| *wish.stands.of(*family) == Stand::Withdrawn;
        let withdrawn = Family::ALL.into_iter().filter(is_withdrawn);
        let outcome = { withdrawn }.try_for_each(|family| session.tell(family, &[]));
        self.judge(outcome);
    }

    /// Says that the keeper is there, over a new session if need be, and tells of the prefixes that
    /// are wished if BIRD has the configuration for them. Says whether BIRD was told of any.
    pub(super) fn tend(&mut self, settings: &Settings, wish: &Wish, is_configured: bool) -> bool {
        let renewed = { self.session.as_mut() }.map_or(Ok(()), Session::renew);
        self.judge(renewed);
        if !is_configured {
            return false;
        }
        if self.session.is_none() {
            match Session::open(settings) {
                Ok(session) => self.session = Some(session),
                Err(cause) => {
                    self.trouble = Some(cause.to_string());
                    return false;
                }
            }
            self.trouble = None;
        }
        let Some(session) = &mut self.session else {
            return false;
        };
        let mut is_changed = false;
        let mut outcome = Ok(());
        for family in Family::ALL {
            let prefixes: Vec<Prefix> = match *wish.stands.of(family) {
                Stand::Withdrawn => Vec::new(),
                Stand::Leaving | Stand::Announced => settings.anycast.prefixes_of(family).collect(),
            };
            is_changed |= *session.told.of(family) != prefixes;
            outcome = outcome.and_then(|()| session.tell(family, &prefixes));
        }
        self.judge(outcome);
        is_changed
    }

    fn judge(&mut self, outcome: io::Result<()>) {
        if let Err(cause) = outcome {
            self.session = None;
            self.trouble = Some(cause.to_string());
        }
    }
}

impl Session {
    fn open(settings: &Settings) -> io::Result<Self> {
        let asn = keeper_asn(settings.anycast.asn);
        let mut session = Session {
            stream: connect(settings.own.secret())?,
            rest: Vec::new(),
            told: Both::default(),
            asn,
        };
        let hold = u16::try_from(PRESENCE_HOLD.as_secs()).unwrap_or(u16::MAX);
        session.stream.write_all(&bgp::open(asn, hold, KEEPER))?;
        session.wait_for(Kind::Open)?;
        session.stream.write_all(&bgp::keepalive())?;
        session.wait_for(Kind::Keepalive)?;
        session.stream.set_nonblocking(true)?;
        Ok(session)
    }

    /// Says that the keeper is there, and hears whether BIRD is.
    fn renew(&mut self) -> io::Result<()> {
        self.stream.write_all(&bgp::keepalive())?;
        loop {
            while let Some(kind) = self.taken()? {
                check(kind)?;
                if kind == Kind::Refresh {
                    self.told = Both::default();
                }
            }
            if !self.receive()? {
                return Ok(());
            }
        }
    }

    /// Has these prefixes of a family in BIRD, and no others.
    fn tell(&mut self, family: Family, prefixes: &[Prefix]) -> io::Result<()> {
        let told = self.told.of_mut(family);
        let is_gone = |prefix: &&Prefix| !prefixes.contains(prefix);
        let gone: Vec<Prefix> = told.iter().filter(is_gone).copied().collect();
        if !gone.is_empty() {
            self.stream.write_all(&bgp::withdraw(family, &gone))?;
        }
        let is_new = |prefix: &&Prefix| !told.contains(prefix);
        let new: Vec<Prefix> = prefixes.iter().filter(is_new).copied().collect();
        if !new.is_empty() {
            let announced = bgp::announce(family, &new, self.asn);
            self.stream.write_all(&announced)?;
        }
        *told = prefixes.to_vec();
        Ok(())
    }

    fn wait_for(&mut self, expected: Kind) -> io::Result<()> {
        let deadline = Instant::now() + PRESENCE_PATIENCE;
        loop {
            while let Some(kind) = self.taken()? {
                check(kind)?;
                if kind == expected {
                    return Ok(());
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left < Duration::from_millis(1) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left))?;
            self.receive()?;
        }
    }

    /// Takes what BIRD said; says whether it said anything, by the time at which the stream gives up
    /// waiting.
    fn receive(&mut self) -> io::Result<bool> {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.rest.extend_from_slice(&chunk[..count]);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The next message that came.
    fn taken(&mut self) -> io::Result<Option<Kind>> {
        let found = bgp::next(&self.rest).map_err(io::Error::other)?;
        Ok(found.map(|(kind, length)| {
            self.rest.drain(..length);
            kind
        }))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The end of the connection says as much.
        let _ = self.stream.write_all(&bgp::cease());
    }
}

fn check(kind: Kind) -> io::Result<()> {
    match kind {
        Kind::Notification(code, subcode) => Err(io::Error::other(format!(
            "BIRD ended it with code {code}.{subcode} of RFC 4271"
        ))),
        _ => Ok(()),
    }
}

fn connect(password: &str) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SockAddr::from(SocketAddrV4::new(KEEPER, 0)))?;
    sign(&socket, SPEAKER, password)?;
    let address = |ip: Ipv4Addr| SockAddr::from(SocketAddrV4::new(ip, PORT));
    socket.connect_timeout(&address(SPEAKER), PRESENCE_PATIENCE)?;
    socket.set_write_timeout(Some(PRESENCE_PATIENCE))?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}
