//! Ethernet frames sent in batches, past all that a socket would do with them; how many files this
//! process may have open; and which of its threads comes first.
//!
//! JUSTIFICATION: a source address that is not one's own needs a packet socket, half a million
//! frames a second need `sendmmsg`, and no safe wrapper has both.
#![expect(
    unsafe_code,
    reason = "packet sockets, sendmmsg, if_nametoindex, setrlimit and setpriority"
)]

use anyhow::{Context, Result, ensure};
use std::ffi::CString;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

/// A socket that sends by one interface of the namespace in which it was opened.
#[derive(Debug)]
pub(super) struct PacketSocket {
    descriptor: OwnedFd,
}

/// Frames to be sent at once.
#[derive(Debug)]
pub(super) struct Frames {
    octets: Box<[[u8; SLOT]; BATCH]>,
    lengths: [usize; BATCH],
    parts: [Part; BATCH],
    count: usize,
}

/// What a frame has of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// The last of its fragments.
    Last,
    /// A fragment after which others come, or ought to.
    Fragment,
}

/// What became of frames that were to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// All of them.
    pub(super) frames: u64,
    /// Those with which a datagram was whole.
    pub(super) datagrams: u64,
    /// Of these, those that the far end of the link took. The others met a full queue there.
    pub(super) taken: u64,
    /// Of these, those in fragments.
    pub(super) fragmented: u64,
}

impl PacketSocket {
    /// Opens one for `interface`.
    pub(super) fn open(interface: &str) -> Result<PacketSocket> {
        let name = CString::new(interface)?;
        // SAFETY: the name ends with a zero octet and outlives the call.
        let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
        ensure!(index != 0, "there is no interface {interface}");
        // SAFETY: no pointer is passed. Protocol 0: nothing is received.
        let descriptor = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0) };
        ensure!(descriptor >= 0, "{}", io::Error::last_os_error());
        // SAFETY: the descriptor is new, and nobody else has it.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        // SAFETY: an address is plain data, for which zeros are a valid value.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = i32::try_from(index)?;
        // SAFETY: the address has the size told and outlives the call.
        let status = unsafe {
            libc::bind(
                descriptor.as_raw_fd(),
                (&raw const address).cast(),
                size_of_val(&address) as libc::socklen_t,
            )
        };
        ensure!(status == 0, "bind: {}", io::Error::last_os_error());
        let socket = PacketSocket { descriptor };
        socket
            .set(libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, 1)
            .context("PACKET_QDISC_BYPASS")?;
        Ok(socket)
    }

    fn set(&self, level: i32, option: i32, value: i32) -> Result<()> {
        // SAFETY: these options take an integer of this size, which outlives the call.
        let status = unsafe {
            libc::setsockopt(
                self.descriptor.as_raw_fd(),
                level,
                option,
                (&raw const value).cast(),
                size_of_val(&value) as libc::socklen_t,
            )
        };
        ensure!(status == 0, "{}", io::Error::last_os_error());
        Ok(())
    }

    /// Sends all frames and clears them.
    pub(super) fn send(&self, frames: &mut Frames) -> Sent {
        let count = mem::take(&mut frames.count);
        let filled = frames.octets.iter_mut().zip(&frames.lengths).take(count);
        let mut vectors: [libc::iovec; BATCH] = [libc::iovec {
            iov_base: ptr::null_mut(),
            iov_len: 0,
        }; BATCH];
        // SAFETY: message headers are plain data, for which zeros mean "none".
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
        for ((vector, header), (octets, length)) in vectors.iter_mut().zip(&mut headers).zip(filled)
        {
            vector.iov_base = octets.as_mut_ptr().cast();
            vector.iov_len = *length;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
        }
        let mut sent = Sent {
            frames: count as u64,
            datagrams: complete(&frames.parts[..count]),
            ..Sent::default()
        };
        let mut done = 0;
        while done < count {
            let rest = &mut headers[done..count];
            // SAFETY: each header points to a vector and that one to a slot, all of which outlive
            // the call; the kernel only reads them.
            let taken = unsafe {
                libc::sendmmsg(
                    self.descriptor.as_raw_fd(),
                    rest.as_mut_ptr(),
                    rest.len() as u32,
                    libc::MSG_DONTWAIT,
                )
            };
            let taken = usize::try_from(taken).unwrap_or(0);
            let parts = &frames.parts[done..done + taken];
            sent.taken += complete(parts);
            sent.fragmented += parts.iter().filter(|part| **part == Part::Last).count() as u64;
            // An error belongs to the first that is left, which is lost.
            done += taken.max(1);
        }
        sent
    }
}

impl Frames {
    /// Room for [`BATCH`] frames.
    pub(super) fn new() -> Frames {
        Frames {
            octets: Box::new([[0; SLOT]; BATCH]),
            lengths: [0; BATCH],
            parts: [Part::Whole; BATCH],
            count: 0,
        }
    }

    /// Frames in it.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Adds a copy of `frame`, at most [`SLOT`] octets, and gives it to be changed. There is room.
    pub(super) fn push(&mut self, frame: &[u8], part: Part) -> &mut [u8] {
        let slot = self.count.min(BATCH - 1);
        self.count = slot + 1;
        self.lengths[slot] = frame.len();
        self.parts[slot] = part;
        let octets = &mut self.octets[slot][..frame.len()];
        octets.copy_from_slice(frame);
        octets
    }
}

fn complete(parts: &[Part]) -> u64 {
    let complete = parts.iter().filter(|part| **part != Part::Fragment);
    complete.count() as u64
}

/// Allows this process as many open files as the system lets it have: `wanted` at least.
pub(super) fn raise_open_files(wanted: u64) -> Result<()> {
    // SAFETY: both calls only read or fill the limits, which outlive them.
    let most = unsafe {
        let mut limit: libc::rlimit = mem::zeroed();
        let status = libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        ensure!(status == 0, "getrlimit: {}", io::Error::last_os_error());
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        limit.rlim_max
    };
    ensure!(
        most >= wanted,
        "{wanted} open files are needed, and {most} are allowed: raise `ulimit -Hn`"
    );
    Ok(())
}

/// Puts the calling thread ahead of ordinary ones on its core, so that what others do on the machine
/// does not take its time. Servers stay ordinary: the kernel's own threads are, too.
pub(super) fn come_ahead(nice: i32) {
    // SAFETY: setpriority takes no pointer; on Linux, PRIO_PROCESS with 0 names the calling thread
    // alone.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, nice);
    }
}

/// The nice value of attackers: they get about ten times as much as an ordinary thread (sched(7)).
pub(super) const ATTACKERS: i32 = -10;

/// The nice value of clients, who come ahead of them.
pub(super) const CLIENTS: i32 = -17;

/// Frames in a batch.
pub(super) const BATCH: usize = 64;

/// Octets of a frame at most.
pub(super) const SLOT: usize = 192;
