//! One resolver as a client: its address, its cookie, and what it waits for.
//!
//! It asks as real ones do: a query without a response is repeated with a longer timeout, one with
//! TC is asked by TCP, one with BADCOOKIE once more with the cookie that came (RFC 7873 section
//! 5.3). Half of the resolvers keep cookies.

use super::connection::Connection;
use super::field::{SERVER, resolver};
use super::query::{Form, query};
use anyhow::Result;
use domain::base::Message;
use domain::base::iana::OptRcode;
use domain::base::opt::Cookie;
use std::collections::HashMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

/// What kind of client asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A resolver without cookies.
    Uncookied,
    /// One that keeps cookies.
    Cookied,
    /// One that comes by TCP at once.
    Tcp,
}

/// A question that is over. Times count from the start of the load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) class: Class,
    /// When it was asked first.
    pub(super) at: Duration,
    /// How long it took, if it was answered.
    pub(super) latency: Option<Duration>,
}

/// A resolver.
#[derive(Debug)]
pub(super) struct Resolver {
    address: Ipv4Addr,
    socket: UdpSocket,
    /// The client's part of the cookie and, once known, the server's; none if it keeps none.
    cookie: Option<Vec<u8>>,
    open: HashMap<u16, Open>,
    by_tcp: Vec<(Connection, Open)>,
    next: u16,
}

/// A question that is not over.
#[derive(Clone, Debug)]
struct Open {
    class: Class,
    name: String,
    rtype: u16,
    at: Duration,
    /// Times that it was sent by UDP.
    tries: usize,
    /// When the present try has failed.
    due: Duration,
}

impl Resolver {
    /// The resolver of this number. Called in the clients' namespace.
    pub(super) fn new(number: usize) -> Result<Resolver> {
        let address = resolver(number);
        let socket = UdpSocket::bind((address, 0))?;
        socket.connect(SERVER)?;
        socket.set_nonblocking(true)?;
        let own = [0x1d, 0x2e, 0x3f, 0x40, 0x51, 0x62, 0x73, number as u8];
        Ok(Resolver {
            address,
            socket,
            cookie: (number % 2 == 1).then(|| own.to_vec()),
            open: HashMap::new(),
            by_tcp: Vec::new(),
            next: number as u16 * 997,
        })
    }

    /// Asks by UDP.
    pub(super) fn ask(&mut self, name: String, rtype: u16, now: Duration) {
        let class = if self.cookie.is_some() {
            Class::Cookied
        } else {
            Class::Uncookied
        };
        let open = Open {
            class,
            name,
            rtype,
            at: now,
            tries: 0,
            due: now,
        };
        self.send(open, now);
    }

    /// Asks by TCP at once.
    pub(super) fn ask_by_tcp(&mut self, name: String, rtype: u16, now: Duration) -> Result<()> {
        let open = Open {
            class: Class::Tcp,
            name,
            rtype,
            at: now,
            tries: 0,
            due: now + TCP_PATIENCE,
        };
        self.connect(open)
    }

    /// Takes what came and what is overdue. What is over goes to `log`.
    pub(super) fn turn(&mut self, now: Duration, log: &mut Vec<Asked>) -> Result<()> {
        let mut message = [0; 4096];
        // An error tells that nothing came.
        while let Ok(length) = self.socket.recv(&mut message) {
            self.receive(&message[..length], now, log)?;
        }
        let overdue = self.open.iter().filter(|(_, open)| open.due <= now);
        let overdue: Vec<u16> = overdue.map(|(id, _)| *id).collect();
        for id in overdue {
            let Some(open) = self.open.remove(&id) else {
                continue;
            };
            if open.tries < TIMEOUTS.len() {
                self.send(open, now);
            } else {
                log.push(open.end(None));
            }
        }
        let mut index = 0;
        while let Some((connection, open)) = self.by_tcp.get_mut(index) {
            let state = connection.turn();
            let is_late = open.due <= now;
            if state.is_none() && !is_late {
                index += 1;
                continue;
            }
            let (_, open) = self.by_tcp.swap_remove(index);
            log.push(open.end(state.unwrap_or(false).then_some(now)));
        }
        Ok(())
    }

    fn send(&mut self, mut open: Open, now: Duration) {
        let form = Form {
            rtype: open.rtype,
            size: Some(1232),
            cookie: self.cookie.as_deref(),
        };
        let mut message = query(&open.name, form);
        self.next = self.next.wrapping_add(1);
        message[..2].copy_from_slice(&self.next.to_be_bytes());
        // One that cannot be sent is lost, as others are.
        let _ = self.socket.send(&message);
        open.due = now + TIMEOUTS[open.tries.min(TIMEOUTS.len() - 1)];
        open.tries += 1;
        self.open.insert(self.next, open);
    }

    fn connect(&mut self, open: Open) -> Result<()> {
        let message = query(&open.name, super::query::usual(open.rtype));
        let connection = Connection::open(self.address, message)?;
        self.by_tcp.push((connection, open));
        Ok(())
    }

    fn receive(&mut self, message: &[u8], now: Duration, log: &mut Vec<Asked>) -> Result<()> {
        let Ok(parsed) = Message::from_octets(message) else {
            return Ok(());
        };
        let header = parsed.header();
        if !header.qr() {
            return Ok(());
        }
        let Some(mut open) = self.open.remove(&header.id()) else {
            return Ok(());
        };
        let is_bad_cookie = parsed.opt_rcode() == OptRcode::BADCOOKIE;
        if let Some(own) = &mut self.cookie {
            let opt = parsed.opt();
            let cookie = opt.and_then(|opt| opt.opt().iter::<Cookie>().next()?.ok());
            if let Some(server) = cookie.as_ref().and_then(Cookie::server) {
                own.truncate(8);
                own.extend_from_slice(server.as_ref());
            }
        }
        if header.tc() {
            open.due = now + TCP_PATIENCE;
            return self.connect(open);
        }
        if is_bad_cookie {
            // Not a try: it was answered.
            open.tries = open.tries.saturating_sub(1);
            if now < open.at + GIVE_UP {
                self.send(open, now);
                return Ok(());
            }
        }
        let is_right = matches!(parsed.opt_rcode(), OptRcode::NOERROR | OptRcode::NXDOMAIN);
        log.push(open.end(is_right.then_some(now)));
        Ok(())
    }
}

impl Open {
    fn end(&self, answered: Option<Duration>) -> Asked {
        Asked {
            class: self.class,
            at: self.at,
            latency: answered.map(|at| at.saturating_sub(self.at)),
        }
    }
}

/// How long each try may take, as Unbound waits for a server that it does not know.
const TIMEOUTS: [Duration; 3] = [
    Duration::from_millis(376),
    Duration::from_millis(752),
    Duration::from_millis(1504),
];

/// A connection has failed after this.
const TCP_PATIENCE: Duration = Duration::from_secs(3);

/// Nobody asks for a cookie for longer.
const GIVE_UP: Duration = Duration::from_secs(3);
