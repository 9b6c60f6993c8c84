//! One resolver as a client: its address, its cookie, and what it waits for.
//!
//! It asks as real ones do: a query without a response is repeated with a longer timeout, one with
//! TC is asked by TCP, one with BADCOOKIE once more with the cookie that came (RFC 7873 section
//! 5.3). It may keep cookies or not.

use super::connection::Connection;
use super::field::SERVER;
use super::query::{Form, query};
use anyhow::Result;
use domain::base::Message;
use domain::base::iana::OptRcode;
use domain::base::opt::Cookie;
use std::collections::HashMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

/// What kind of client asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// A resolver that asked before the attack, and keeps cookies.
    Cookied,
    /// One that did, without cookies.
    Uncookied,
    /// One that was never there before, and keeps cookies: it has none yet.
    NewCookied,
    /// One that was never there before, without cookies.
    NewUncookied,
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
    /// Whether the first try was answered.
    pub(super) at_once: bool,
}

/// A resolver.
#[derive(Debug)]
pub(super) struct Resolver {
    address: Ipv4Addr,
    socket: UdpSocket,
    class: Class,
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
    /// One of this class at an address. Called in the clients' namespace.
    pub(super) fn new(class: Class, address: Ipv4Addr) -> Result<Resolver> {
        let socket = UdpSocket::bind((address, 0))?;
        socket.connect(SERVER)?;
        socket.set_nonblocking(true)?;
        let keeps_cookies = matches!(class, Class::Cookied | Class::NewCookied);
        let [a, b, c, d] = address.octets();
        let own = [0x1d, 0x2e, 0x3f, 0x40, a, b, c, d];
        Ok(Resolver {
            address,
            socket,
            class,
            cookie: keeps_cookies.then(|| own.to_vec()),
            open: HashMap::new(),
            by_tcp: Vec::new(),
            next: u16::from_be_bytes([c, b]).wrapping_mul(997),
        })
    }

    /// Whether the server gave it a cookie.
    pub(super) fn has_cookie(&self) -> bool {
        self.cookie.as_ref().is_some_and(|cookie| cookie.len() > 8)
    }

    /// Asks by UDP.
    pub(super) fn ask(&mut self, name: String, rtype: u16, now: Duration) {
        let open = Open {
            class: self.class,
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
            at_once: answered.is_some() && self.tries <= 1,
        }
    }
}

/// How long each try may take. Unbound waits 376 ms for a server that it does not know and then
/// twice as long, BIND 800 ms.
pub(super) const TIMEOUTS: [Duration; 3] = [
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(800),
];

/// From the first try to the end of the last.
pub(super) const TRIES: Duration = Duration::from_millis(2_000);

/// A connection has failed after this.
pub(super) const TCP_PATIENCE: Duration = Duration::from_secs(3);

/// Nobody asks for a cookie for longer.
const GIVE_UP: Duration = Duration::from_secs(3);
