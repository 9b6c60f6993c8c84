//! Descriptors over a Unix socket (unix(7), SCM_RIGHTS), each with one octet.

use crate::limits::CONTROL_LINE_MAX;
use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// Sends one.
pub(super) fn send(stream: &UnixStream, socket: impl AsFd) -> io::Result<()> {
    send_with(stream, &[MARK], socket)
}

/// Sends one with these octets.
pub(crate) fn send_with(to: impl AsFd, octets: &[u8], socket: impl AsFd) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut with = SendAncillaryBuffer::new(&mut space);
    let sockets = [socket.as_fd()];
    with.push(SendAncillaryMessage::ScmRights(&sockets));
    loop {
        match sendmsg(&to, &[IoSlice::new(octets)], &mut with, SendFlags::NOSIGNAL) {
            Err(rustix::io::Errno::INTR) => {}
            sent => return sent.map(drop).map_err(io::Error::from),
        }
    }
}

/// Receives lines and descriptors, in the order in which they were sent.
pub(super) struct Receiver<'a> {
    stream: &'a UnixStream,
    octets: VecDeque<u8>,
    sockets: VecDeque<OwnedFd>,
}

impl Receiver<'_> {
    pub(super) fn new(stream: &UnixStream) -> Receiver<'_> {
        Receiver {
            stream,
            octets: VecDeque::new(),
            sockets: VecDeque::new(),
        }
    }

    /// The next line, without its end; none where the other end is closed.
    pub(super) fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut looked_at = 0;
        loop {
            let end = { self.octets.iter().skip(looked_at) }.position(|&octet| octet == b'\n');
            if let Some(end) = end {
                let mut line: Vec<u8> = self.octets.drain(..=looked_at + end).collect();
                line.pop();
                return Ok(Some(line));
            }
            looked_at = self.octets.len();
            if looked_at > CONTROL_LINE_MAX {
                return Err(io::Error::other("a line has no end"));
            }
            if !self.receive()? {
                return Ok(None);
            }
        }
    }

    /// The next descriptor.
    pub(super) fn socket(&mut self) -> io::Result<OwnedFd> {
        loop {
            match self.octets.front() {
                Some(&MARK) => {}
                Some(_) => return Err(io::Error::other("a line where a socket was to come")),
                None => {
                    if !self.receive()? {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    continue;
                }
            }
            if let Some(socket) = self.sockets.pop_front() {
                self.octets.pop_front();
                return Ok(socket);
            }
            // The system had no room for it: too many files are open.
            return Err(io::Error::other(
                "a socket is missing; is the limit of open files too low?",
            ));
        }
    }

    /// Receives more; says whether there was any.
    fn receive(&mut self) -> io::Result<bool> {
        let mut room = [0; ROOM_OCTETS];
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut with = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC;
        let received = loop {
            let into = &mut [IoSliceMut::new(&mut room)];
            match recvmsg(self.stream, into, &mut with, flags) {
                Err(rustix::io::Errno::INTR) => {}
                received => break received?,
            }
        };
        for message in with.drain() {
            if let RecvAncillaryMessage::ScmRights(sockets) = message {
                self.sockets.extend(sockets);
            }
        }
        self.octets.extend(&room[..received.bytes]);
        Ok(received.bytes > 0)
    }
}

/// What comes with each descriptor: an octet that no line ends with.
const MARK: u8 = b'+';

/// Octets received at once. One read never spans two descriptors (unix(7)).
const ROOM_OCTETS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn lines_and_descriptors_arrive_in_their_order() {
        let (mut here, there) = UnixStream::pair().unwrap();
        let mut receiver = Receiver::new(&there);
        let pipes: Vec<_> = (0..5).map(|_| UnixStream::pair().unwrap()).collect();
        here.write_all(b"first\n").unwrap();
        for (ours, _) in &pipes {
            send(&here, ours).unwrap();
        }
        here.write_all(b"second\n").unwrap();
        assert_eq!(receiver.line().unwrap().unwrap(), b"first");
        for (number, (_, theirs)) in pipes.iter().enumerate() {
            let mut socket = UnixStream::from(receiver.socket().unwrap());
            let octet = u8::try_from(number).unwrap();
            socket.write_all(&[octet]).unwrap();
            let mut read = [0];
            (&*theirs).read_exact(&mut read).unwrap();
            assert_eq!(read, [octet]);
        }
        assert_eq!(receiver.line().unwrap().unwrap(), b"second");
        drop(here);
        assert_eq!(receiver.line().unwrap(), None);
        assert!(receiver.socket().is_err());
    }
}
