//! bpf(2): memory that the kernel's programs and this process share, and programs for sockets.
//!
//! The request of each command is the head of the kernel's `union bpf_attr`; what a kernel knows
//! beyond that head it takes for zero.

use super::{owned, set_option};
use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::AtomicU64;

/// `BPF_MAP_CREATE`.
const MAP_CREATE: i32 = 0;
/// `BPF_PROG_LOAD`.
const PROGRAM_LOAD: i32 = 5;
/// `BPF_MAP_TYPE_ARRAY`.
const ARRAY: u32 = 2;
/// `BPF_F_MMAPABLE` (Linux 5.5).
const MAPPABLE: u32 = 1 << 10;
/// `BPF_PROG_TYPE_SOCKET_FILTER`.
const SOCKET_FILTER: u32 = 1;
/// How the programs are called in the lists of `bpftool`.
const NAME: [u8; 16] = *b"imrs_sieve\0\0\0\0\0\0";
/// None of the helpers that are called is reserved for programs under the GPL.
const LICENCE: &[u8] = b"MIT\0";
/// Room for what the verifier says of a program that it refuses.
const LOG_OCTETS: usize = 64 << 10;

#[repr(C)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    inner_map_fd: u32,
    numa_node: u32,
    map_name: [u8; 16],
}

#[repr(C)]
struct ProgramLoad {
    program_type: u32,
    instruction_count: u32,
    instructions: u64,
    licence: u64,
    log_level: u32,
    log_size: u32,
    log_buffer: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
}

/// Words that programs in the kernel and all threads of this process read and write at once.
#[derive(Debug)]
pub(in crate::transport) struct Shared {
    map: OwnedFd,
    start: NonNull<AtomicU64>,
    words: usize,
}

// SAFETY: the words are atomics, and the mapping belongs to no thread.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// At least so many words, all zero: an array of one value, which programs reach by its
    /// address without a call.
    pub(in crate::transport) fn new(words: usize) -> io::Result<Shared> {
        let octets = words
            .saturating_mul(size_of::<u64>())
            .next_multiple_of(page_octets());
        let request = MapCreate {
            map_type: ARRAY,
            key_size: size_of::<u32>() as u32,
            value_size: u32::try_from(octets).map_err(|_| io::ErrorKind::InvalidInput)?,
            max_entries: 1,
            map_flags: MAPPABLE,
            inner_map_fd: 0,
            numa_node: 0,
            map_name: NAME,
        };
        // SAFETY: the request is of the command; the result is a new descriptor.
        let map = unsafe { owned(bpf(MAP_CREATE, &request)) }?;
        // SAFETY: a new mapping at a place that the kernel chooses.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                octets,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                map.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::InvalidData)?;
        let words = octets / size_of::<u64>();
        Ok(Shared { map, start, words })
    }

    /// The map that programs name.
    pub(in crate::transport) fn map(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }
}

impl Deref for Shared {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: so many words are mapped, at the start of a page, until `self` is dropped. The
        // kernel's programs touch them by whole words.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.words) }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this size; nothing that borrows from it is left.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.words * size_of::<u64>()) };
    }
}

/// A program that judges each datagram before it joins a socket's queue.
#[derive(Debug)]
pub(in crate::transport) struct Filter(OwnedFd);

impl Filter {
    /// Has the kernel verify and translate a program. An error comes with the last words of the
    /// verifier, if there are any.
    pub(in crate::transport) fn load(instructions: &[u64]) -> Result<Filter, (io::Error, String)> {
        let refused = match Filter::try_load(instructions, &mut []) {
            Ok(filter) => return Ok(filter),
            Err(error) => error,
        };
        let mut log = vec![0; LOG_OCTETS];
        match Filter::try_load(instructions, &mut log) {
            Ok(filter) => Ok(filter),
            Err(_) => Err((refused, last_words(&log))),
        }
    }

    fn try_load(instructions: &[u64], log: &mut [u8]) -> io::Result<Filter> {
        let request = ProgramLoad {
            program_type: SOCKET_FILTER,
            instruction_count: u32::try_from(instructions.len())
                .map_err(|_| io::ErrorKind::InvalidInput)?,
            instructions: instructions.as_ptr().expose_provenance() as u64,
            licence: LICENCE.as_ptr().expose_provenance() as u64,
            log_level: u32::from(!log.is_empty()),
            log_size: u32::try_from(log.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
            log_buffer: if log.is_empty() {
                0
            } else {
                log.as_mut_ptr().expose_provenance() as u64
            },
            kernel_version: 0,
            flags: 0,
            name: NAME,
        };
        // SAFETY: the request is of the command; what it points to outlives the call and has the
        // sizes that it states. The result is a new descriptor.
        unsafe { owned(bpf(PROGRAM_LOAD, &request)) }.map(Filter)
    }

    /// Puts the program before a socket's queue, in place of any other.
    pub(in crate::transport) fn attach(&self, socket: impl AsFd) -> io::Result<()> {
        let program = self.0.as_raw_fd();
        set_option(socket, libc::SOL_SOCKET, libc::SO_ATTACH_BPF, program)
    }
}

/// Seconds of the clock that programs in the kernel see (`CLOCK_MONOTONIC`).
pub(in crate::transport) fn monotonic_s() -> u32 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: fills a local struct. The clock exists on every Linux, so that nothing can fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    u32::try_from(time.tv_sec).unwrap_or(u32::MAX)
}

/// Calls bpf(2).
///
/// # Safety
/// `request` must be the head of `union bpf_attr` as the command wants it, without padding, and
/// what it points to must be valid.
unsafe fn bpf<R>(command: i32, request: &R) -> i32 {
    // SAFETY: by the contract of this function; the kernel reads no more than the size.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            libc::c_long::from(command),
            ptr::from_ref(request),
            size_of::<R>(),
        )
    };
    i32::try_from(result).unwrap_or(-1)
}

/// Octets of a page of memory.
fn page_octets() -> usize {
    // SAFETY: takes and touches nothing.
    let octets = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(octets).unwrap_or(4096).max(1)
}

/// The last two lines of the verifier's log that are not its statistics.
fn last_words(log: &[u8]) -> String {
    let text = log.split(|octet| *octet == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(text);
    let mut lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("processed "))
        .collect();
    let last = lines.split_off(lines.len().saturating_sub(2));
    last.join("; ")
}
