//! System calls that neither `std` nor `socket2` wraps, behind safe types.
//!
//! Knows nothing of DNS. Batches of datagrams are in [`datagrams`], programs that the kernel runs in
//! [`bpf`].
//!
//! JUSTIFICATION: a worker waits for thousands of sockets (epoll), moves datagrams in batches
//! (recvmmsg, sendmmsg) and accepts connections that are non-blocking from the start (accept4).
//! Batches cost 10 % less server CPU per query than single calls, and accept4 saves one call per
//! connection. What a filter on a socket drops costs 0.09 µs instead of the 1.2 µs that receiving it
//! takes.
#![expect(
    unsafe_code,
    reason = "the only module of the transports that calls libc"
)]

mod bpf;
mod datagrams;

pub(super) use bpf::{Filter, Shared, monotonic_s};
pub(super) use datagrams::Datagrams;

use super::limits::EVENTS;
use socket2::SockAddr;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// What to be woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    /// Something can be read, or the peer is gone.
    Read,
    /// Something can be written, or the peer is gone.
    Write,
    /// Only that the peer is gone.
    Nothing,
}

/// The sockets that one worker waits for (level-triggered). A closed socket leaves by itself.
#[derive(Debug)]
pub(super) struct Epoll(OwnedFd);

/// Room for what one wait reports.
pub(super) struct Events {
    events: [libc::epoll_event; EVENTS],
    len: usize,
}

impl Epoll {
    pub(super) fn new() -> io::Result<Epoll> {
        // SAFETY: no pointers; the result is a new descriptor that nobody else owns.
        unsafe { owned(libc::epoll_create1(libc::EPOLL_CLOEXEC)) }.map(Epoll)
    }

    pub(super) fn add(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd.as_fd(), token, interest)
    }

    pub(super) fn change(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd.as_fd(), token, interest)
    }

    /// Takes a socket out, which stays open elsewhere. One that is not in it is out already.
    pub(super) fn remove(&self, fd: impl AsFd) {
        let _ = self.control(libc::EPOLL_CTL_DEL, fd.as_fd(), 0, Interest::Nothing);
    }

    fn control(
        &self,
        operation: i32,
        fd: BorrowedFd<'_>,
        token: u64,
        interest: Interest,
    ) -> io::Result<()> {
        let events = match interest {
            Interest::Read => libc::EPOLLIN,
            Interest::Write => libc::EPOLLOUT,
            Interest::Nothing => 0,
        };
        let mut event = libc::epoll_event {
            events: events.cast_unsigned(),
            u64: token,
        };
        // SAFETY: both descriptors are open, and `event` outlives the call, which copies it.
        let result = unsafe {
            libc::epoll_ctl(
                self.0.as_raw_fd(),
                operation,
                fd.as_raw_fd(),
                &raw mut event,
            )
        };
        check(result).map(drop)
    }

    /// Waits until something happens or the time is over (rounded up to milliseconds).
    pub(super) fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let timeout_ms = timeout.map_or(-1, |timeout| {
            i32::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
        });
        let room = events.events.as_mut_ptr();
        // SAFETY: `room` points to EVENTS events, and the kernel writes no more than that.
        let result =
            unsafe { libc::epoll_wait(self.0.as_raw_fd(), room, EVENTS as i32, timeout_ms) };
        events.len = 0;
        events.len = match check(result) {
            Ok(len) => usize::try_from(len).unwrap_or(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        Ok(())
    }
}

impl Events {
    pub(super) fn new() -> Events {
        Events {
            events: [libc::epoll_event { events: 0, u64: 0 }; EVENTS],
            len: 0,
        }
    }

    /// Whether there was no room for more, so that others may be waiting too.
    pub(super) fn is_full(&self) -> bool {
        self.len == self.events.len()
    }

    /// The tokens that the last wait reported.
    pub(super) fn tokens(&self) -> impl Iterator<Item = u64> {
        self.events.iter().take(self.len).map(|event| event.u64)
    }
}

/// A flag that wakes every epoll it was added to, and stays up once raised.
#[derive(Debug)]
pub(super) struct Flag(OwnedFd);

impl Flag {
    pub(super) fn new() -> io::Result<Flag> {
        // SAFETY: no pointers; the result is a new descriptor that nobody else owns.
        unsafe { owned(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK)) }.map(Flag)
    }

    pub(super) fn raise(&self) {
        let one = 1_u64.to_ne_bytes();
        // SAFETY: writes eight octets from a local array. It can fail only when the count is at
        // its end, and then the flag is up already.
        let _ = unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }
}

impl AsFd for Flag {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Accepts one connection, non-blocking from the start.
pub(super) fn accept(listener: impl AsFd) -> io::Result<(TcpStream, SocketAddr)> {
    let listener = listener.as_fd().as_raw_fd();
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: `try_init` hands out room for any address and its size, which is what accept4 fills;
    // the result is a new descriptor that nobody else owns.
    let (stream, peer) = unsafe {
        SockAddr::try_init(|address, size| {
            owned(libc::accept4(listener, address.cast(), size, flags))
        })
    }?;
    let peer = peer.as_socket().ok_or(io::ErrorKind::InvalidData)?;
    Ok((stream.into(), peer))
}

/// Whether an error of [`accept`] means that descriptors or memory ran out.
pub(super) fn is_exhausted(error: &io::Error) -> bool {
    let exhausted = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    error
        .raw_os_error()
        .is_some_and(|code| exhausted.contains(&code))
}

/// Whether a connection waits to be accepted. Asked where [`accept`] is exhausted: it says so
/// before it looks whether anybody waits.
pub(super) fn is_awaited(listener: impl AsFd) -> bool {
    poll(listener, libc::POLLIN, Duration::ZERO)
}

/// Waits until the socket can be written to, or the time is over.
pub(super) fn wait_writable(socket: impl AsFd, timeout: Duration) {
    poll(socket, libc::POLLOUT, timeout);
}

/// Waits until something of this happens to a socket. An error means the same as the end of the
/// time.
fn poll(socket: impl AsFd, events: i16, timeout: Duration) -> bool {
    let fd = socket.as_fd().as_raw_fd();
    let mut poll = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: points to one `pollfd`.
    unsafe { libc::poll(&raw mut poll, 1, timeout_ms) > 0 }
}

/// Sets a socket option whose value is an int.
pub(super) fn set_option(socket: impl AsFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    let size = size_of_val(&value) as libc::socklen_t;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: `value` is a local int and `size` its size.
    check(unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), size) }).map(drop)
}

/// Takes the filter of a socket away, if it has one.
pub(super) fn detach_filter(socket: impl AsFd) -> io::Result<()> {
    match set_option(socket, libc::SOL_SOCKET, libc::SO_DETACH_FILTER, 0) {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
        result => result,
    }
}

/// The receive queue of a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ReceiveQueue {
    /// Octets of memory that what waits in it takes; up to a quarter of the room is given back late.
    pub(super) held_octets: u32,
    /// Octets that it may take.
    pub(super) room_octets: u32,
    /// Datagrams dropped because it was full, their checksum was wrong, or a filter said so; the
    /// count wraps.
    pub(super) dropped: u32,
}

/// How full a socket's receive queue is, by one call; zeros where the kernel does not tell.
pub(super) fn receive_queue(socket: impl AsFd) -> ReceiveQueue {
    let mut numbers = [0_u32; libc::SK_MEMINFO_DROPS as usize + 1];
    let mut size = size_of_val(&numbers) as libc::socklen_t;
    let (fd, room) = (socket.as_fd().as_raw_fd(), numbers.as_mut_ptr().cast());
    // SAFETY: `room` has `size` octets. On an error, and on kernels that know no drops, the
    // numbers stay 0.
    let _ =
        unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_MEMINFO, room, &raw mut size) };
    let number = |which: i32| numbers[which as usize];
    ReceiveQueue {
        held_octets: number(libc::SK_MEMINFO_RMEM_ALLOC),
        room_octets: number(libc::SK_MEMINFO_RCVBUF),
        dropped: number(libc::SK_MEMINFO_DROPS),
    }
}

/// Raises the soft limit of open files to `needed`. Returns the limit that then holds.
pub(super) fn allow_descriptors(needed: u64) -> io::Result<u64> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: fills a local struct.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    if limit.rlim_cur < needed {
        limit.rlim_cur = needed.min(limit.rlim_max);
        // SAFETY: reads a local struct.
        check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })?;
    }
    Ok(limit.rlim_cur)
}

/// The result of a system call that gives -1 for an error.
fn check(result: i32) -> io::Result<i32> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Owns the descriptor that a system call returned.
///
/// # Safety
/// A descriptor that is not negative must be open and nobody else's.
unsafe fn owned(result: i32) -> io::Result<OwnedFd> {
    // SAFETY: by the contract of this function.
    check(result).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}
