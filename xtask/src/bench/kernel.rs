//! What the measurements need of the kernel and no safe wrapper covers: batches of datagrams,
//! binding tasks to a core, their precedence, and the CPU time of a process.
//!
//! JUSTIFICATION: sending and receiving one datagram per system call doubles the cost of the
//! generator, which then no longer keeps a server busy.
#![expect(
    unsafe_code,
    reason = "recvmmsg, sendmmsg, unshare, sched_setaffinity, setpriority and getrusage"
)]

use anyhow::{Result, ensure};
use std::fs;
use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::ptr;
use std::time::Duration;

/// Room for a batch of datagrams, each with its source address.
pub(crate) struct Batch {
    octets: Vec<[u8; SLOT]>,
    sources: Vec<libc::sockaddr_storage>,
    lengths: Vec<usize>,
}

impl Batch {
    /// Room for `capacity` datagrams.
    pub(crate) fn new(capacity: usize) -> Self {
        // SAFETY: a socket address is plain data, for which zeros are a valid value.
        let nowhere: libc::sockaddr_storage = unsafe { mem::zeroed() };
        Batch {
            octets: vec![[0; SLOT]; capacity],
            sources: vec![nowhere; capacity],
            lengths: vec![0; capacity],
        }
    }

    /// Receives what has arrived, waiting for the first datagram if `wait`; returns how many.
    ///
    /// Only the first `keep` octets of each are copied; [`Batch::length`] tells the whole length.
    pub(crate) fn receive(&mut self, socket: &UdpSocket, keep: usize, wait: Wait) -> usize {
        let keep = keep.min(SLOT);
        let mut vectors: Vec<libc::iovec> = self
            .octets
            .iter_mut()
            .map(|slot| vector(&mut slot[..keep]))
            .collect();
        let mut headers: Vec<libc::mmsghdr> = vectors.iter_mut().map(header).collect();
        for (header, source) in headers.iter_mut().zip(&mut self.sources) {
            header.msg_hdr.msg_name = ptr::from_mut(source).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as u32;
        }
        let flags = libc::MSG_TRUNC
            | match wait {
                Wait::ForFirst => libc::MSG_WAITFORONE,
                Wait::Never => libc::MSG_DONTWAIT,
            };
        // SAFETY: every header points to one vector, that one to `keep` octets of a slot, and to
        // one source address; all of them outlive the call, and their number is the one given.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                headers.len() as u32,
                flags,
                ptr::null_mut(),
            )
        };
        let received = usize::try_from(received).unwrap_or(0);
        for (length, header) in self.lengths.iter_mut().zip(&headers[..received]) {
            *length = header.msg_len as usize;
        }
        received
    }

    /// The first octets of datagram `index`, as many as were kept.
    pub(crate) fn start(&self, index: usize) -> &[u8; SLOT] {
        &self.octets[index]
    }

    /// The length of datagram `index` as it was sent.
    pub(crate) fn length(&self, index: usize) -> usize {
        self.lengths[index]
    }

    /// Sends the first `count` slots back to where they came from, each `length` octets long.
    pub(crate) fn send_back(&mut self, socket: &UdpSocket, count: usize, length: usize) {
        let length = length.min(SLOT);
        let mut vectors: Vec<libc::iovec> = self.octets[..count]
            .iter_mut()
            .map(|slot| vector(&mut slot[..length]))
            .collect();
        let mut headers: Vec<libc::mmsghdr> = vectors.iter_mut().map(header).collect();
        for (header, source) in headers.iter_mut().zip(&mut self.sources) {
            header.msg_hdr.msg_name = ptr::from_mut(source).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
        }
        send_all(socket, &mut headers);
    }
}

/// Whether a call waits for the first datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    /// Until one has arrived or the timeout of the socket has passed.
    ForFirst,
    /// Not at all.
    Never,
}

/// Sends `packets` over a connected socket; what the kernel refuses is lost.
pub(crate) fn send_packets<'a>(socket: &UdpSocket, packets: impl Iterator<Item = &'a [u8]>) {
    let mut vectors: Vec<libc::iovec> = packets
        .map(|packet| libc::iovec {
            iov_base: packet.as_ptr().cast_mut().cast(),
            iov_len: packet.len(),
        })
        .collect();
    let mut headers: Vec<libc::mmsghdr> = vectors.iter_mut().map(header).collect();
    send_all(socket, &mut headers);
}

/// Sends packets to `server`, each from an address of its own, which must be local; what the kernel
/// refuses is lost.
pub(crate) fn send_from<'a>(
    socket: &UdpSocket,
    server: SocketAddrV4,
    packets: impl Iterator<Item = (&'a [u8], Ipv4Addr)>,
) {
    let address = |address: Ipv4Addr| libc::in_addr {
        s_addr: u32::from_ne_bytes(address.octets()),
    };
    let mut name = libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: server.port().to_be(),
        sin_addr: address(*server.ip()),
        sin_zero: [0; 8],
    };
    let (mut vectors, mut controls): (Vec<_>, Vec<_>) = packets
        .map(|(packet, source)| {
            let vector = libc::iovec {
                iov_base: packet.as_ptr().cast_mut().cast(),
                iov_len: packet.len(),
            };
            (vector, Source::new(address(source)))
        })
        .unzip();
    let mut headers: Vec<libc::mmsghdr> = vectors.iter_mut().map(header).collect();
    for (header, control) in headers.iter_mut().zip(&mut controls) {
        header.msg_hdr.msg_name = (&raw mut name).cast();
        header.msg_hdr.msg_namelen = size_of_val(&name) as u32;
        header.msg_hdr.msg_control = ptr::from_mut(control).cast();
        header.msg_hdr.msg_controllen = size_of::<Source>();
    }
    send_all(socket, &mut headers);
}

/// A control message that names the source of a datagram (ip(7), IP_PKTINFO).
#[repr(C)]
struct Source {
    header: libc::cmsghdr,
    info: libc::in_pktinfo,
}

impl Source {
    fn new(source: libc::in_addr) -> Self {
        let nowhere = libc::in_addr { s_addr: 0 };
        Source {
            header: libc::cmsghdr {
                cmsg_len: size_of::<libc::cmsghdr>() + size_of::<libc::in_pktinfo>(),
                cmsg_level: libc::IPPROTO_IP,
                cmsg_type: libc::IP_PKTINFO,
            },
            info: libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: source,
                ipi_addr: nowhere,
            },
        }
    }
}

fn send_all(socket: &UdpSocket, headers: &mut [libc::mmsghdr]) {
    let mut rest = headers;
    while !rest.is_empty() {
        // SAFETY: the callers made each header point to a vector, a packet, an address and a control
        // message, or to none, that outlive this call; the kernel only reads them.
        let sent =
            unsafe { libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), rest.len() as u32, 0) };
        // An error belongs to the first datagram left, which is then lost.
        let sent = usize::try_from(sent).unwrap_or(1).max(1);
        rest = &mut rest[sent..];
    }
}

fn vector(octets: &mut [u8]) -> libc::iovec {
    libc::iovec {
        iov_base: octets.as_mut_ptr().cast(),
        iov_len: octets.len(),
    }
}

fn header(vector: &mut libc::iovec) -> libc::mmsghdr {
    // SAFETY: a message header is plain data, for which zeros mean "none".
    let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
    header.msg_hdr.msg_iov = vector;
    header.msg_hdr.msg_iovlen = 1;
    header
}

/// Binds every task of the processes `pids` to `core`.
pub(crate) fn pin_processes(pids: &[u32], core: usize) -> Result<()> {
    for task in pids.iter().flat_map(|pid| tasks(*pid)) {
        pin(task, core)?;
    }
    Ok(())
}

/// Binds the calling thread to `core`.
pub(crate) fn pin_this_thread(core: usize) -> Result<()> {
    pin(0, core)
}

fn pin(task: i32, core: usize) -> Result<()> {
    ensure!(core < libc::CPU_SETSIZE as usize, "there is no core {core}");
    // SAFETY: a set of cores is plain data, zeros are the empty set, and `core` lies within it.
    let status = unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(task, size_of::<libc::cpu_set_t>(), &set)
    };
    let error = io::Error::last_os_error();
    let ended = error.raw_os_error() == Some(libc::ESRCH);
    ensure!(
        status == 0 || ended,
        "cannot bind a task to core {core}: {error}"
    );
    Ok(())
}

/// Puts the calling thread and the processes it starts into a network namespace of their own.
pub(crate) fn enter_network() -> Result<()> {
    // SAFETY: unshare takes no pointer; this flag concerns the calling thread alone.
    let status = unsafe { libc::unshare(libc::CLONE_NEWNET) };
    let error = io::Error::last_os_error();
    ensure!(
        status == 0,
        "cannot make a network namespace: {error}; run as root"
    );
    Ok(())
}

/// Puts the calling thread behind all others: what it does stands for other machines. Where the
/// system refuses, it runs as it did.
pub(crate) fn yield_to_others() {
    // SAFETY: setpriority takes no pointer; on Linux, PRIO_PROCESS with 0 names the calling thread
    // alone.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, LEAST);
    }
}

/// CPU time that all tasks of the processes `pids` have used since they began.
///
/// Read from the scheduler, to the nanosecond, and exact while the tasks wait.
pub(crate) fn cpu_time(pids: &[u32]) -> Duration {
    let nanoseconds = pids.iter().flat_map(|pid| {
        tasks(*pid).into_iter().filter_map(move |task| {
            let text = fs::read_to_string(format!("/proc/{pid}/task/{task}/schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        })
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// CPU time so far of the threads of `pid` whose name begins with `name`.
pub(crate) fn threads_cpu_time(pid: u32, name: &str) -> Duration {
    let nanoseconds = tasks(pid).into_iter().filter_map(|task| {
        let folder = format!("/proc/{pid}/task/{task}");
        let comm = fs::read_to_string(format!("{folder}/comm")).ok()?;
        comm.starts_with(name).then_some(())?;
        let text = fs::read_to_string(format!("{folder}/schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}

fn tasks(pid: u32) -> Vec<i32> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// CPU time, user and system, of all children of this process that have ended.
pub(crate) fn ended_children_cpu_time() -> Duration {
    // SAFETY: the usage is plain data that the kernel fills in.
    let usage = unsafe {
        let mut usage: libc::rusage = mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage);
        usage
    };
    [usage.ru_utime, usage.ru_stime]
        .map(|time| {
            Duration::new(
                time.tv_sec.unsigned_abs(),
                1000 * time.tv_usec.unsigned_abs() as u32,
            )
        })
        .iter()
        .sum()
}

/// The least share of a core that a thread can have (sched(7)).
const LEAST: i32 = 19;

/// Octets kept of a datagram at most.
const SLOT: usize = 1024;
