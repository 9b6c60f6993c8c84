//! Datagrams with the time at which the kernel got them, which does not depend on when the receiver
//! runs.
//!
//! JUSTIFICATION: the receiver shares its core with what the server does beside answering. What it
//! waits for that is not latency of the server, so that only the kernel's times can tell 20 µs from
//! 40 µs.
#![expect(unsafe_code, reason = "recvmmsg with SO_TIMESTAMPNS")]

use anyhow::{Result, ensure};
use std::io;
use std::mem;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::ptr;
use std::time::Duration;

/// Room for a batch of datagrams with their times.
pub(super) struct Arrivals {
    octets: Vec<[u8; KEPT]>,
    controls: Vec<Control>,
}

/// Room for control messages, aligned as their headers must be.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL]);

/// One datagram that arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// Its first octets.
    pub(super) start: [u8; KEPT],
    /// When it came, since 1970.
    pub(super) at: Duration,
}

/// Asks the kernel to tell when datagrams arrive, and to keep many of them while the receiver does
/// not run: none that the server sent is to count as lost.
pub(super) fn prepare(socket: &UdpSocket) -> Result<()> {
    let told = set(socket, libc::SO_TIMESTAMPNS, 1);
    let error = io::Error::last_os_error();
    ensure!(told, "the kernel tells no times of arrival: {error}");
    if !set(socket, libc::SO_RCVBUFFORCE, BUFFER) {
        set(socket, libc::SO_RCVBUF, BUFFER);
    }
    Ok(())
}

/// Sets an option whose value is an integer; whether it worked.
fn set(socket: &UdpSocket, option: libc::c_int, value: libc::c_int) -> bool {
    // SAFETY: these options take an integer of this size, which outlives the call.
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    status == 0
}

impl Arrivals {
    /// Room for `capacity` datagrams.
    pub(super) fn new(capacity: usize) -> Self {
        Arrivals {
            octets: vec![[0; KEPT]; capacity],
            controls: vec![Control([0; CONTROL]); capacity],
        }
    }

    /// Takes what has arrived; does not wait.
    pub(super) fn receive(&mut self, socket: &UdpSocket) -> Vec<Arrival> {
        let slots = self.octets.iter_mut();
        let mut vectors: Vec<libc::iovec> = slots
            .map(|slot| libc::iovec {
                iov_base: slot.as_mut_ptr().cast(),
                iov_len: slot.len(),
            })
            .collect();
        let pairs = vectors.iter_mut().zip(&mut self.controls);
        let mut headers: Vec<libc::mmsghdr> = pairs
            .map(|(vector, control)| {
                // SAFETY: a message header is plain data, for which zeros mean "none".
                let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
                header.msg_hdr.msg_iov = vector;
                header.msg_hdr.msg_iovlen = 1;
                header.msg_hdr.msg_control = (&raw mut control.0).cast();
                header.msg_hdr.msg_controllen = CONTROL;
                header
            })
            .collect();
        // SAFETY: each header points to one vector, that one to a slot, and to one control buffer;
        // all of them outlive the call, and their number is the one given.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                headers.len() as u32,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        let received = usize::try_from(received).unwrap_or(0);
        let arrived = headers[..received].iter().zip(&self.octets);
        arrived
            .filter_map(|(header, octets)| {
                Some(Arrival {
                    start: *octets,
                    at: time(&header.msg_hdr)?,
                })
            })
            .collect()
    }
}

/// The time in the control messages of a datagram.
fn time(header: &libc::msghdr) -> Option<Duration> {
    // SAFETY: the kernel filled the control buffer of this header and set its length, and the
    // buffer is aligned; the macros stay within it.
    let first = unsafe { libc::CMSG_FIRSTHDR(header).as_ref() }?;
    if (first.cmsg_level, first.cmsg_type) != (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
        return None;
    }
    // SAFETY: a control message of this type holds a `timespec`, which need not be aligned.
    let time: libc::timespec = unsafe { ptr::read_unaligned(libc::CMSG_DATA(first).cast()) };
    let seconds = u64::try_from(time.tv_sec).ok()?;
    Some(Duration::new(seconds, u32::try_from(time.tv_nsec).ok()?))
}

/// Octets kept of a datagram: its ID and flags.
const KEPT: usize = 4;

/// Octets that a socket may hold: a second's worth of responses.
const BUFFER: libc::c_int = 8 << 20;

/// Octets for one control message with a `timespec`.
const CONTROL: usize = 64;
