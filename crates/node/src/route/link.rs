//! A connection to the keeper. Each call takes a bounded time; whoever has one opens the next.

use super::limits::{LINK_PATIENCE, REPORT_OCTETS_MAX, WISH_TTL};
use super::v1::{Asked, Reply, Report, Request, SCHEMA, Told, Wish};
use imrs_fleet::anycast;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// A connection to the keeper. Dropped, what was wished over it is void at once.
#[derive(Debug)]
pub struct Link {
    stream: UnixStream,
}

impl Link {
    /// Connects to the keeper's socket.
    pub fn open(path: &Path) -> io::Result<Link> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // It bounds the connection too: a keeper that hangs accepts none once its queue is full.
        socket.set_write_timeout(Some(LINK_PATIENCE))?;
        socket.connect(&SockAddr::unix(path)?)?;
        let stream = UnixStream::from(OwnedFd::from(socket));
        Ok(Link { stream })
    }

    /// Says what is wished, for [`WISH_TTL`]. After an error the connection is of no more use.
    pub fn say(&mut self, wish: &anycast::Wish) -> io::Result<Report> {
        self.ask(Request::Wish(Wish::new(wish, WISH_TTL)))
    }

    /// Asks for a report without a wish.
    pub fn show(&mut self) -> io::Result<Report> {
        self.ask(Request::Show {})
    }

    fn ask(&mut self, request: Request) -> io::Result<Report> {
        let deadline = Instant::now() + LINK_PATIENCE;
        let mut line = serde_json::to_vec(&Asked {
            schema: SCHEMA.to_owned(),
            request,
        })?;
        line.push(b'\n');
        self.stream.write_all(&line)?;
        let line = self.line(deadline)?;
        let told: Told = serde_json::from_slice(&line)?;
        match told {
            Told { schema, .. } if schema != SCHEMA => Err(io::Error::other(format!(
                "the keeper speaks {schema}, not {SCHEMA}"
            ))),
            Told {
                reply: Reply::Report(report),
                ..
            } => Ok(report),
            Told {
                reply: Reply::Error(message),
                ..
            } => Err(io::Error::other(format!("the keeper: {message}"))),
        }
    }

    /// The next line. Nothing follows it, as one reply follows one request.
    fn line(&mut self, deadline: Instant) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // Zero would be no limit.
            let left = left.max(Duration::from_millis(1));
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => line.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if line.last() == Some(&b'\n') {
                return Ok(line);
            }
            if line.len() > REPORT_OCTETS_MAX {
                return Err(io::Error::other("a report of the keeper is too long"));
            }
            if Instant::now() >= deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }
}
