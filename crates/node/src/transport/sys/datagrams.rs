//! One batch of datagrams: received by one call, answered in place, sent by one call.
//!
//! ```text
//! slot i   input[i]  peer[i]  control[i]      ← recvmmsg fills the first `received` slots
//! reply j  output[j] peer[i]  control[i]      → sendmmsg sends the first `replies`
//! ```
//!
//! A reply borrows the peer and the control data of the slot it answers, so nothing is copied but
//! the response itself, and that by whoever composes it.

use super::check;
use crate::transport::limits::{UDP_BATCH, UDP_QUERY_OCTETS};
use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::ptr;
use std::slice;

/// The memory of one batch, allocated once per worker.
pub(in crate::transport) struct Datagrams {
    /// Owned; reached only through this pointer, since the headers in it point into it.
    memory: *mut Memory,
    output: Vec<u8>,
    output_stride: usize,
    received: usize,
    replies: usize,
    /// Which of the received slots have a reply; the replies have their order.
    has_reply: [bool; UDP_BATCH],
}

#[repr(C)]
struct Memory {
    incoming: [libc::mmsghdr; UDP_BATCH],
    incoming_parts: [libc::iovec; UDP_BATCH],
    outgoing: [libc::mmsghdr; UDP_BATCH],
    outgoing_parts: [libc::iovec; UDP_BATCH],
    /// Large enough for an IPv4 address too.
    peers: [libc::sockaddr_in6; UDP_BATCH],
    controls: [Control; UDP_BATCH],
    input: [Input; UDP_BATCH],
}

/// Room for one IP_PKTINFO or IPV6_PKTINFO, aligned as the kernel's header wants it.
#[repr(C, align(8))]
struct Control([u8; CONTROL_OCTETS]);

const CONTROL_OCTETS: usize = 64;

/// One query, and a little more: were the size a multiple of 4096, the heads of all slots would
/// compete for the same few lines of the cache.
#[repr(C, align(64))]
struct Input([u8; UDP_QUERY_OCTETS + 192]);

impl Datagrams {
    /// A batch whose responses have at most `response_octets`.
    pub(in crate::transport) fn new(response_octets: usize) -> Datagrams {
        let output_stride = response_octets.next_multiple_of(128) + 64;
        // SAFETY: numbers, null pointers and octets are all valid as zeros.
        let memory = Box::into_raw(unsafe { Box::<Memory>::new_zeroed().assume_init() });
        let output = vec![0; output_stride * UDP_BATCH];
        let mut batch = Datagrams {
            memory,
            output,
            output_stride,
            received: 0,
            replies: 0,
            has_reply: [false; UDP_BATCH],
        };
        for slot in 0..UDP_BATCH {
            batch.point(slot);
            batch.reset(slot);
        }
        batch
    }

    /// Sets the pointers of one slot's headers that never change.
    fn point(&mut self, slot: usize) {
        let m = self.memory;
        // SAFETY: `m` is valid and exclusively ours; `slot` is checked by the indexing.
        unsafe {
            (*m).incoming_parts[slot].iov_base = (&raw mut (*m).input[slot]).cast();
            (*m).incoming_parts[slot].iov_len = UDP_QUERY_OCTETS;
            let header = &raw mut (*m).incoming[slot].msg_hdr;
            (*header).msg_iov = &raw mut (*m).incoming_parts[slot];
            (*header).msg_iovlen = 1;
            (*header).msg_name = (&raw mut (*m).peers[slot]).cast();
            (*header).msg_control = (&raw mut (*m).controls[slot]).cast();
            let header = &raw mut (*m).outgoing[slot].msg_hdr;
            (*header).msg_iov = &raw mut (*m).outgoing_parts[slot];
            (*header).msg_iovlen = 1;
        }
    }

    /// Restores what a receive overwrites in one slot's header.
    fn reset(&mut self, slot: usize) {
        let m = self.memory;
        // SAFETY: as in `point`.
        unsafe {
            let header = &raw mut (*m).incoming[slot].msg_hdr;
            (*header).msg_namelen = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
            (*header).msg_controllen = CONTROL_OCTETS;
        }
    }

    /// Receives what is there, at most a batch, without waiting. Returns how many.
    pub(in crate::transport) fn receive(&mut self, socket: impl AsFd) -> io::Result<usize> {
        for slot in 0..mem::take(&mut self.received) {
            self.reset(slot);
        }
        self.replies = 0;
        let fd = socket.as_fd().as_raw_fd();
        // SAFETY: every header points to room in `memory` of the size it states, which stays
        // where it is as long as `self` lives.
        let result = unsafe {
            let headers = (&raw mut (*self.memory).incoming).cast();
            libc::recvmmsg(
                fd,
                headers,
                UDP_BATCH as u32,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        self.received = usize::try_from(check(result)?).unwrap_or(0);
        Ok(self.received)
    }

    /// Hands each query, who sent it, and room for its response to `respond`, which returns the
    /// octets of the response; 0 for none.
    pub(in crate::transport) fn answer(
        &mut self,
        limit: usize,
        mut respond: impl FnMut(&[u8], Peer<'_>, &mut [u8]) -> usize,
    ) {
        let limit = limit.min(self.output_stride);
        for slot in 0..self.received {
            // SAFETY: the kernel has filled `msg_len` octets of this slot, never more than
            // `iov_len`; nothing writes to them while `query` lives.
            let query = unsafe {
                let octets = (*self.memory).incoming[slot].msg_len as usize;
                let input = (&raw const (*self.memory).input[slot]).cast::<u8>();
                slice::from_raw_parts(input, octets.min(UDP_QUERY_OCTETS))
            };
            // SAFETY: the kernel has filled this slot's address, or left what was valid before.
            let peer = Peer(unsafe { &(*self.memory).peers[slot] });
            let start = self.replies * self.output_stride;
            let room = &mut self.output[start..start + limit];
            let octets = respond(query, peer, room).min(limit);
            self.has_reply[slot] = octets > 0;
            if octets > 0 {
                let response = room.as_mut_ptr();
                self.reply(slot, response, octets);
            }
        }
    }

    /// Addresses the next reply to the peer of `slot`, from the address that the peer wrote to.
    fn reply(&mut self, slot: usize, response: *mut u8, octets: usize) {
        let m = self.memory;
        // SAFETY: as in `point`; `slot` was received, so its header and control data are the
        // kernel's.
        unsafe {
            let incoming = &raw mut (*m).incoming[slot].msg_hdr;
            let outgoing = &raw mut (*m).outgoing[self.replies].msg_hdr;
            (*outgoing).msg_name = (*incoming).msg_name;
            (*outgoing).msg_namelen = (*incoming).msg_namelen;
            if (*incoming).msg_controllen > 0 {
                leave_route_open(incoming);
            }
            (*outgoing).msg_control = (*incoming).msg_control;
            (*outgoing).msg_controllen = (*incoming).msg_controllen;
            (*m).outgoing_parts[self.replies].iov_base = response.cast();
            (*m).outgoing_parts[self.replies].iov_len = octets;
        }
        self.replies += 1;
    }

    /// The query in a slot that was received.
    fn query(&self, slot: usize) -> &[u8] {
        // SAFETY: the kernel has filled `msg_len` octets of this slot, never more than `iov_len`,
        // and writes to them in `receive` alone, which needs `self` for itself.
        unsafe {
            let octets = (*self.memory).incoming[slot].msg_len as usize;
            let input = (&raw const (*self.memory).input[slot]).cast::<u8>();
            slice::from_raw_parts(input, octets.min(UDP_QUERY_OCTETS))
        }
    }

    /// Each query of the batch with the response to it, if one was composed and not withdrawn.
    pub(in crate::transport) fn exchanges(&self) -> impl Iterator<Item = Exchanged<'_>> {
        let mut next = 0;
        (0..self.received).map(move |slot| {
            let mut response: &[u8] = &[];
            if self.has_reply[slot] {
                let start = next * self.output_stride;
                // SAFETY: set by `reply` since the last receive.
                let octets = unsafe { (*self.memory).outgoing_parts[next].iov_len };
                response = &self.output[start..start + octets];
                next += 1;
            }
            Exchanged {
                query: self.query(slot),
                response,
                peer: self.peer(slot),
                local: self.local(slot),
            }
        })
    }

    /// Who sent what is in a slot.
    fn peer(&self, slot: usize) -> Peer<'_> {
        // SAFETY: the kernel has filled this slot's address, or left what was valid before; it
        // writes to it in `receive` alone.
        Peer(unsafe { &(*self.memory).peers[slot] })
    }

    /// The address that what is in a slot was sent to, where the socket has several.
    fn local(&self, slot: usize) -> Option<IpAddr> {
        // SAFETY: the header is as recvmsg left it, but for the interface.
        unsafe { local_address(&raw const (*self.memory).incoming[slot].msg_hdr) }
    }

    /// Takes note that a reply was not sent.
    pub(in crate::transport) fn withdraw(&mut self, reply: usize) {
        // SAFETY: as in `point`; a reply of no octets is not sent any more.
        unsafe { (*self.memory).outgoing_parts[reply].iov_len = 0 };
    }

    /// How many responses wait to be sent.
    pub(in crate::transport) fn replies(&self) -> usize {
        self.replies
    }

    /// Sends the replies from the `first` on, as many as go. An error concerns the first alone.
    pub(in crate::transport) fn send(&self, socket: impl AsFd, first: usize) -> io::Result<usize> {
        let fd = socket.as_fd().as_raw_fd();
        let count = self.replies.saturating_sub(first);
        if count == 0 {
            return Ok(0);
        }
        // SAFETY: the headers from `first` to `replies` were set by `reply` since the last
        // receive and point into `memory` and `output`, which have not changed since.
        let result = unsafe {
            let headers = &raw mut (*self.memory).outgoing[first];
            libc::sendmmsg(
                fd,
                headers,
                count as u32,
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
            )
        };
        check(result).map(|sent| usize::try_from(sent).unwrap_or(0))
    }
}

/// One query of a batch, and what became of it.
pub(in crate::transport) struct Exchanged<'a> {
    /// What was received.
    pub(in crate::transport) query: &'a [u8],
    /// What was sent; empty if nothing was.
    pub(in crate::transport) response: &'a [u8],
    /// Who sent the query.
    pub(in crate::transport) peer: Peer<'a>,
    /// The address that it was sent to, where the socket has several.
    pub(in crate::transport) local: Option<IpAddr>,
}

/// Who sent a datagram; read only when somebody wants to know.
#[derive(Clone, Copy)]
pub(in crate::transport) struct Peer<'a>(&'a libc::sockaddr_in6);

impl Peer<'_> {
    /// The address of the sender.
    pub(in crate::transport) fn address(self) -> SocketAddr {
        let Peer(address) = self;
        if i32::from(address.sin6_family) == libc::AF_INET6 {
            let ip = Ipv6Addr::from(address.sin6_addr.s6_addr);
            return SocketAddr::new(ip.into(), u16::from_be(address.sin6_port));
        }
        // SAFETY: an IPv4 address is the shorter of the two and all octets are valid in it.
        let address = unsafe { &*ptr::from_ref(address).cast::<libc::sockaddr_in>() };
        let ip = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
        SocketAddr::new(ip.into(), u16::from_be(address.sin_port))
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        // SAFETY: made by `Box::into_raw` in `new`, and freed only here.
        drop(unsafe { Box::from_raw(self.memory) });
    }
}

/// Clears the interface in received packet information, so that the response leaves from the
/// address that was asked but by the route to the peer, which need not be the interface that the
/// query came in by. Link-local addresses mean nothing without their interface and keep it.
///
/// # Safety
/// `header` must be as recvmsg left it.
unsafe fn leave_route_open(header: *mut libc::msghdr) {
    // SAFETY: by the contract of this function the control data is well formed; reads and writes
    // are unaligned ones within the payload that the header states.
    unsafe {
        let control = libc::CMSG_FIRSTHDR(header);
        if control.is_null() {
            return;
        }
        match ((*control).cmsg_level, (*control).cmsg_type) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                let data = libc::CMSG_DATA(control).cast::<libc::in_pktinfo>();
                let mut info = data.read_unaligned();
                info.ipi_ifindex = 0;
                data.write_unaligned(info);
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                let data = libc::CMSG_DATA(control).cast::<libc::in6_pktinfo>();
                let mut info = data.read_unaligned();
                let [a, b, ..] = info.ipi6_addr.s6_addr;
                if !(a == 0xfe && b & 0xc0 == 0x80) {
                    info.ipi6_ifindex = 0;
                    data.write_unaligned(info);
                }
            }
            _ => (*header).msg_controllen = 0,
        }
    }
}

/// The address in received packet information, if there is any.
///
/// # Safety
/// `header` must be as recvmsg left it.
unsafe fn local_address(header: *const libc::msghdr) -> Option<IpAddr> {
    // SAFETY: by the contract of this function the control data is well formed; reads are unaligned
    // ones within the payload that the header states.
    unsafe {
        if (*header).msg_controllen == 0 {
            return None;
        }
        let control = libc::CMSG_FIRSTHDR(header);
        if control.is_null() {
            return None;
        }
        match ((*control).cmsg_level, (*control).cmsg_type) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                let info = libc::CMSG_DATA(control).cast::<libc::in_pktinfo>();
                let address = info.read_unaligned().ipi_addr.s_addr;
                Some(Ipv4Addr::from(u32::from_be(address)).into())
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                let info = libc::CMSG_DATA(control).cast::<libc::in6_pktinfo>();
                Some(Ipv6Addr::from(info.read_unaligned().ipi6_addr.s6_addr).into())
            }
            _ => None,
        }
    }
}
