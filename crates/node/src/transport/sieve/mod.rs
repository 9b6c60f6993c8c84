//! The sieve: what the kernel drops before it costs a wake-up.
//!
//! Start reading at [`Sieve`]. Under a flood a worker spends itself on receiving what it then drops;
//! a filter on its sockets drops for less than a tenth of that. One table for the process says who is
//! known (passes whenever) and who is condemned (does not, but for a few); the openness of a worker
//! says which share passes of those that are neither.
//!
//! ```text
//! table      the memory that both sides see, and the rules of who gives way to whom
//! program    what the kernel runs for each datagram
//! assembler  how such a program is written
//! ```
//!
//! Where the kernel refuses, nothing is filtered and all else works: the table is in plain memory.
//! Knows nothing of rates and cookies; who is condemned or trusted is for others to say.

mod assembler;
mod program;
mod table;
#[cfg(test)]
mod tests;

use super::sys::{self, Filter, Shared};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use table::{Hash, Standing, Table};

/// Who is known and who is condemned, and the filters that act by it. One per process.
pub(super) struct Sieve {
    memory: Memory,
    hash: Hash,
    /// One for each worker; none where the kernel refuses.
    filters: Vec<Filter>,
    workers: usize,
}

enum Memory {
    Shared(Shared),
    Plain(Box<[AtomicU64]>),
}

/// The shares of datagrams of sources that are neither known nor condemned that pass, of
/// `u32::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Openness {
    /// Of those that are not special.
    pub(super) ordinary: u32,
    /// Of those that ask for the root itself or end in a COOKIE option with a server cookie.
    /// Without meaning while `ordinary` is full.
    pub(super) special: u32,
}

impl Openness {
    /// Everybody passes.
    pub(super) const FULL: Openness = Openness {
        ordinary: u32::MAX,
        special: u32::MAX,
    };
}

/// What the filter of a worker dropped. The sockets' own counts of drops have it too, so what they
/// lost by full queues is the difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Filtered {
    /// Datagrams of condemned sources.
    pub(super) condemned: u64,
    /// Datagrams of unknown sources beyond the share that passes.
    pub(super) shed: u64,
}

impl Filtered {
    /// Both.
    pub(super) fn total(self) -> u64 {
        self.condemned.wrapping_add(self.shed)
    }

    /// What queues lost because they were full, out of all drops that the sockets of the worker
    /// count. Read the filter's counts after theirs.
    pub(super) fn lost_by_queues(self, dropped: u64) -> u64 {
        dropped.saturating_sub(self.total())
    }
}

/// Follows a count of the kernel's that wraps at 32 bits, if it is looked at before it has gone
/// half round: half an hour at a million drops a second. Whoever reads the count may tell it.
#[derive(Debug, Default)]
pub(super) struct Drops {
    seen: AtomicU64,
    /// What the socket had dropped when it came to us.
    before: u32,
    /// Somebody else counts.
    rests: AtomicBool,
}

impl Drops {
    /// Those of a socket that another process has counted up to here.
    pub(super) fn after(before: u32) -> Drops {
        Drops {
            seen: AtomicU64::new(u64::from(before)),
            before,
            rests: AtomicBool::new(false),
        }
    }

    /// Whether somebody else counts from now on.
    pub(super) fn rest(&self, rests: bool) {
        self.rests.store(rests, Ordering::Relaxed);
    }

    /// The count is this now. Returns the whole sum.
    pub(super) fn follow(&self, count: u32) -> u64 {
        self.seen(count) - u64::from(self.before)
    }

    fn seen(&self, count: u32) -> u64 {
        let mut total = self.seen.load(Ordering::Relaxed);
        loop {
            // The low half is the last count seen, since both began at the same.
            let more = count.wrapping_sub(total as u32);
            if more == 0 || more > u32::MAX / 2 || self.rests.load(Ordering::Relaxed) {
                // Another has seen a later count already.
                return total;
            }
            let sum = total + u64::from(more);
            match self
                .seen
                .compare_exchange_weak(total, sum, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return sum,
                Err(newer) => total = newer,
            }
        }
    }
}

impl Sieve {
    /// A sieve for so many workers: all open, nobody known. If nothing can be filtered, it says
    /// why. Who knows the `seed` can choose addresses that get in each other's way.
    pub(super) fn new(workers: usize, seed: [u64; 4]) -> (Sieve, Option<Unfiltered>) {
        let hash = Hash::new(seed);
        let kernel = in_kernel(workers, &hash);
        Sieve::build(workers, hash, kernel)
    }

    fn build(
        workers: usize,
        hash: Hash,
        kernel: Result<(Shared, Vec<Filter>), Unfiltered>,
    ) -> (Sieve, Option<Unfiltered>) {
        let (memory, filters, unfiltered) = match kernel {
            Ok((memory, filters)) => (Memory::Shared(memory), filters, None),
            Err(unfiltered) => {
                let words = (0..table::words(workers)).map(|_| AtomicU64::new(0));
                (Memory::Plain(words.collect()), Vec::new(), Some(unfiltered))
            }
        };
        let sieve = Sieve {
            memory,
            hash,
            filters,
            workers,
        };
        for worker in 0..workers {
            sieve.set_openness(worker, Openness::FULL);
        }
        (sieve, unfiltered)
    }

    /// Puts the filter of a worker before the queue of one of its UDP sockets. Needs no privilege,
    /// and does nothing where the kernel refused the filters.
    pub(super) fn attach(&self, worker: usize, udp: impl AsFd) -> io::Result<()> {
        match self.filters.get(worker) {
            Some(filter) => filter.attach(udp),
            None => Ok(()),
        }
    }

    /// The present time of the sieve, in seconds since the machine started: that of the kernel's
    /// programs.
    pub(super) fn now_s() -> u32 {
        sys::monotonic_s()
    }

    /// A source (an IPv4 address, an IPv6 /64) was seen while all was calm. In three different
    /// epochs of five seconds, that makes it known. Call it for calm times only: an attack would
    /// make itself known.
    pub(super) fn note(&self, address: IpAddr, now_s: u32) {
        self.table().note(address, now_s);
    }

    /// A source showed a valid cookie: it is known at once. If it is condemned, because others use
    /// its address, its datagrams that bring a cookie pass from now on.
    pub(super) fn trust(&self, address: IpAddr, now_s: u32) {
        self.table().trust(address, now_s);
    }

    /// Whether the source is known, and not condemned.
    pub(super) fn is_known(&self, address: IpAddr) -> bool {
        let entry = self.table().get(address);
        entry.is_some_and(|entry| entry.standing == Standing::Known)
    }

    /// From now on the filters drop what the source sends, but for 1 in 64, until the time is over.
    /// Returns whether the table had room: the known of a bucket do not give way.
    pub(super) fn condemn(&self, address: IpAddr, now_s: u32, until_s: u32) -> bool {
        self.table().condemn(address, now_s, until_s)
    }

    /// Sets which share of the unknown passes to a worker.
    pub(super) fn set_openness(&self, worker: usize, openness: Openness) {
        if let Some([word, ..]) = self.worker(worker) {
            let Openness { ordinary, special } = openness;
            let value = u64::from(special) << 32 | u64::from(ordinary);
            word.store(value, Ordering::Relaxed);
        }
    }

    /// What the filter of a worker dropped since the start.
    pub(super) fn filtered(&self, worker: usize) -> Filtered {
        match self.worker(worker) {
            Some([_, condemned, shed, ..]) => Filtered {
                condemned: condemned.load(Ordering::Relaxed),
                shed: shed.load(Ordering::Relaxed),
            },
            _ => Filtered::default(),
        }
    }

    fn worker(&self, worker: usize) -> Option<&[AtomicU64]> {
        let start = table::worker_word(worker);
        let words = self.memory.words().get(start..start + table::LINE);
        words.filter(|_| worker < self.workers)
    }

    fn table(&self) -> Table<'_> {
        Table {
            words: self.memory.words(),
            hash: &self.hash,
        }
    }
}

impl fmt::Debug for Sieve {
    /// Without the secret of the hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sieve")
            .field("filters", &self.filters)
            .finish_non_exhaustive()
    }
}

impl Memory {
    fn words(&self) -> &[AtomicU64] {
        match self {
            Memory::Shared(words) => words,
            Memory::Plain(words) => words,
        }
    }
}

/// The memory that the kernel shares, and the filters that read it.
fn in_kernel(workers: usize, hash: &Hash) -> Result<(Shared, Vec<Filter>), Unfiltered> {
    let memory = Shared::new(table::words(workers)).map_err(|cause| Unfiltered {
        what: "memory to share with the kernel",
        verifier: String::new(),
        cause,
    })?;
    let load = |worker| {
        let program = program::assemble(memory.map(), hash, worker);
        Filter::load(&program).map_err(|(cause, verifier)| Unfiltered {
            what: "the filter program",
            verifier,
            cause,
        })
    };
    let filters = (0..workers).map(load).collect::<Result<_, _>>()?;
    Ok((memory, filters))
}

/// Why the kernel filters nothing. Queries are answered all the same; a flood costs more.
#[derive(Debug, thiserror::Error)]
#[error("the kernel refuses {what} (bpf(2)), so floods are not dropped before they cost time; {}", self.help())]
pub(super) struct Unfiltered {
    what: &'static str,
    /// What the verifier said last.
    verifier: String,
    #[source]
    cause: io::Error,
}

impl Unfiltered {
    /// What would help.
    fn help(&self) -> String {
        match self.cause.raw_os_error() {
            Some(libc::EPERM) => "give the process CAP_BPF at its start (before Linux 5.11 also a \
                larger RLIMIT_MEMLOCK); in a container its seccomp profile must allow bpf"
                .to_owned(),
            Some(libc::ENOSYS) => {
                "use a kernel with CONFIG_BPF_SYSCALL, or a container that allows bpf".to_owned()
            }
            Some(libc::EINVAL | libc::EACCES | libc::E2BIG) if self.verifier.is_empty() => {
                "it needs Linux 5.5 or later".to_owned()
            }
            _ if self.verifier.is_empty() => "nothing else is affected".to_owned(),
            _ => format!(
                "it needs Linux 5.5 or later; the verifier says: {}",
                self.verifier
            ),
        }
    }
}
