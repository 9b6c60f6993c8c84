//! BIRD's control socket: one command, one reply of numbered lines, all within a time and a size.
//!
//! A line begins with four digits and a dash if more follow, or a space if it is the last; one that
//! begins with a space or a plus continues the kind of the line before (BIRD 2, "Remote control").

pub(super) mod conf;
pub(super) mod state;

use super::limits::{BIRD_PATIENCE, BIRD_REPLY_OCTETS_MAX, TROUBLE_OCTETS_MAX};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// A connection to BIRD.
#[derive(Debug)]
pub(super) struct Bird {
    stream: UnixStream,
    /// What came and is not taken yet.
    rest: Vec<u8>,
}

/// What went wrong with BIRD.
#[derive(Debug, thiserror::Error)]
pub(super) enum BirdError {
    /// It is not there, or does not speak as BIRD does: the connection is of no more use.
    #[error("BIRD does not answer at its control socket")]
    Lost(#[from] io::Error),
    /// It will not do it.
    #[error("BIRD: {0}")]
    Refused(String),
    /// What it is to read cannot be written.
    #[error("cannot write what BIRD is to be configured with")]
    Write(#[source] io::Error),
}

/// The lines of a reply, each with its number.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lines(pub(super) Vec<(u16, String)>);

impl Bird {
    /// Connects, and takes the welcome.
    pub(super) fn open(path: &Path) -> Result<Bird, BirdError> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_write_timeout(Some(BIRD_PATIENCE))?;
        socket.connect(&SockAddr::unix(path)?)?;
        let mut bird = Bird {
            stream: UnixStream::from(OwnedFd::from(socket)),
            rest: Vec::new(),
        };
        match bird.reply()?.0.as_slice() {
            [(1, _)] => Ok(bird),
            _ => Err(odd("what answers there is not BIRD").into()),
        }
    }

    /// Gives a command and takes its reply; numbers from 8000 on are refusals.
    pub(super) fn ask(&mut self, command: &str) -> Result<Lines, BirdError> {
        self.stream.write_all(format!("{command}\n").as_bytes())?;
        let lines = self.reply()?;
        match lines.0.last() {
            Some((8000.., message)) => Err(BirdError::Refused(shortened(message))),
            _ => Ok(lines),
        }
    }

    fn reply(&mut self) -> io::Result<Lines> {
        let deadline = Instant::now() + BIRD_PATIENCE;
        let mut lines = Lines::default();
        let mut octets = 0;
        loop {
            let line = self.line(deadline)?;
            octets += line.len() + 1;
            if octets > BIRD_REPLY_OCTETS_MAX {
                return Err(odd("the reply is too long"));
            }
            if lines.take(&line)? {
                return Ok(lines);
            }
        }
    }

    fn line(&mut self, deadline: Instant) -> io::Result<String> {
        let mut chunk = [0; 4096];
        loop {
            if let Some(end) = self.rest.iter().position(|&octet| octet == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if self.rest.len() > BIRD_REPLY_OCTETS_MAX {
                return Err(odd("a line is too long"));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left < Duration::from_millis(1) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.rest.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Lines {
    /// Takes one line, and says whether it was the last.
    fn take(&mut self, line: &str) -> io::Result<bool> {
        if let Some(more) = line.strip_prefix([' ', '+']) {
            let number = self.0.last().map_or(0, |(number, _)| *number);
            self.0.push((number, more.to_owned()));
            return Ok(false);
        }
        let number = { line.get(..4) }
            .filter(|digits| digits.bytes().all(|octet| octet.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| odd("a line has no number"))?;
        let is_last = match line.get(4..5) {
            Some(" ") => true,
            Some("-") => false,
            _ => return Err(odd("a line is of no kind")),
        };
        let text = line.get(5..).unwrap_or_default().to_owned();
        self.0.push((number, text));
        Ok(is_last)
    }
}

fn odd(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// The beginning of a text of somebody else, without signs that a terminal would follow.
pub(super) fn shortened(text: &str) -> String {
    let clean = text.trim().chars().filter(|sign| !sign.is_control());
    clean.take(TROUBLE_OCTETS_MAX / 4).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;
    use std::thread;

    /// What becomes of asking somebody who says this and then nothing.
    fn check(said: &'static [u8], expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b");
        let listener = UnixListener::bind(&path).unwrap();
        let speaker = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // Whoever has heard enough leaves.
            let _ = stream.write_all(said);
            let _ = stream.read(&mut [0; 64]);
        });
        let asked = Bird::open(&path).and_then(|mut bird| bird.ask("show status"));
        assert!(format!("{asked:?}").contains(expected), "{asked:?}");
        speaker.join().unwrap();
    }

    #[test]
    fn who_does_not_speak_as_bird_does_is_left() {
        check(b"", "Lost");
        check(b"hello\n", "has no number");
        check(b"0001xhello\n", "is of no kind");
        check(b"\xff\xff\xff\xff\xff\n", "has no number");
        check(b"0002 other\n", "is not BIRD");
        check(b"0001 BIRD 2.0.12 ready.\n", "Lost");
        check(
            b"0001 BIRD 2.0.12 ready.\n8002 no\x1b[1m file\n",
            "Refused(\"no[1m file\")",
        );
        check(
            b"0001 BIRD\n1000-a\n b\n0013 c\n",
            "[(1000, \"a\"), (1000, \"b\"), (13, \"c\")]",
        );
    }

    #[test]
    fn what_does_not_end_is_not_taken_for_ever() {
        check(vec![b'x'; 2 * BIRD_REPLY_OCTETS_MAX].leak(), "too long");
        check(
            b"1000-more\n".repeat(BIRD_REPLY_OCTETS_MAX / 8).leak(),
            "too long",
        );
    }
}
