//! Requests to the system that no safe wrapper covers.
//!
//! JUSTIFICATION: proving the root takes some 15 MiB for a moment, which the allocator keeps for
//! later. Returning them leaves 11 MiB resident instead of 22 after the start, and 12 instead of 42
//! after three reloads of the root of 2026-07-31 (VmRSS, one worker). Reloading at a lower priority,
//! and on other cores where workers are pinned, leaves the cores to the workers. Who the user is
//! decides where the control socket is; time on cores and how well the clock is kept are told without
//! opening a file.
#![expect(
    unsafe_code,
    reason = "calls of the C library without a safe wrapper; see above"
)]

use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::time::Duration;
use std::{io, mem};

/// Gives the memory that the allocator keeps for later back to the system.
pub(crate) fn return_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: malloc_trim takes no pointer, may be called by any thread at any time, and frees
    // only what the allocator holds itself.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Puts the calling thread, and threads that it starts, behind the workers, of which the first
/// `pinned` cores are out of bounds if there are others. Never fails: where the system refuses, the
/// thread runs as it did.
pub(crate) fn yield_to_workers(pinned: usize) {
    /// A tenth of the share of a thread at the default of 0 (sched(7)).
    const NICE: i32 = 10;
    #[cfg(target_os = "linux")]
    // SAFETY: setpriority takes no pointer; on Linux, PRIO_PROCESS with 0 names the calling
    // thread alone.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICE);
    }
    if let Some(free @ [_, ..]) = cores().and_then(|all| all.get(pinned..)) {
        let _ = run_on(free);
    }
}

/// Keeps the calling thread on the `n`th of the cores that the process may use, counted round.
pub(crate) fn pin_to(n: usize) -> io::Result<()> {
    let cores = cores().ok_or(io::ErrorKind::NotFound)?;
    let core = cores
        .get(n % cores.len().max(1))
        .ok_or(io::ErrorKind::NotFound)?;
    run_on(&[*core])
}

/// How many threads run at once, counted when it is first asked: the quota of a container is told
/// in files, which are out of reach later.
pub(crate) fn parallelism() -> NonZeroUsize {
    static THREADS: OnceLock<NonZeroUsize> = OnceLock::new();
    let count = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    *THREADS.get_or_init(count)
}

/// The cores that the process may use, as they were before any of its threads kept to some: what a
/// thread keeps to, those that it starts find as their own.
fn cores() -> Option<&'static [usize]> {
    static CORES: OnceLock<Option<Vec<usize>>> = OnceLock::new();
    CORES.get_or_init(|| allowed_cores().ok()).as_deref()
}

/// The cores that the calling thread may use.
fn allowed_cores() -> io::Result<Vec<usize>> {
    // SAFETY: a `cpu_set_t` is plain bits, of which none set is valid.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: `set` has as many octets as are said; thread 0 is the calling one.
    check(unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) })?;
    // SAFETY: reads bits of an initialised set below its size.
    let is_allowed = |core: &usize| unsafe { libc::CPU_ISSET(*core, &set) };
    Ok((0..libc::CPU_SETSIZE as usize).filter(is_allowed).collect())
}

/// Keeps the calling thread, and threads that it starts, on `cores`.
fn run_on(cores: &[usize]) -> io::Result<()> {
    // SAFETY: a `cpu_set_t` is plain bits, of which none set is valid.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    for core in cores {
        // SAFETY: `allowed_cores` gives none that is beyond the set.
        unsafe { libc::CPU_SET(*core, &mut set) };
    }
    // SAFETY: `set` has as many octets as are said; thread 0 is the calling one.
    check(unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) })
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// The time that all threads of this process have had on cores so far.
pub(crate) fn cpu_time() -> io::Result<Duration> {
    // SAFETY: `rusage` is plain numbers, for which zero is valid.
    let mut used: libc::rusage = unsafe { mem::zeroed() };
    // SAFETY: `used` is one `rusage`, which the call fills.
    check(unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut used) })?;
    let time = |time: libc::timeval| {
        let seconds = Duration::from_secs(time.tv_sec.unsigned_abs());
        seconds + Duration::from_micros(time.tv_usec.unsigned_abs())
    };
    Ok(time(used.ru_utime) + time(used.ru_stime))
}

/// By how much the wall clock can be wrong at most; nothing if nobody keeps it. Reading that takes no
/// right, setting anything would.
pub(crate) fn clock_error() -> io::Result<Option<Duration>> {
    // SAFETY: `timex` is plain numbers, for which zero is valid and asks to set nothing.
    let mut state: libc::timex = unsafe { mem::zeroed() };
    // SAFETY: `state` is one `timex`, which the call fills.
    let result = unsafe { libc::adjtimex(&raw mut state) };
    check(result)?;
    let is_kept = result != libc::TIME_ERROR && state.status & libc::STA_UNSYNC == 0;
    let error = Duration::from_micros(u64::try_from(state.maxerror).unwrap_or(0));
    Ok(is_kept.then_some(error))
}

/// The number of the user that this process acts for.
pub(crate) fn user() -> u32 {
    // SAFETY: geteuid takes nothing, always succeeds and changes nothing.
    unsafe { libc::geteuid() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// The cores that a thread may use after `step`, and those that it might have used.
    fn check(step: impl FnOnce() + Send) -> (Vec<usize>, Vec<usize>) {
        let all = allowed_cores().unwrap();
        let left = thread::scope(|scope| {
            let after = scope.spawn(|| {
                step();
                allowed_cores().unwrap()
            });
            after.join().unwrap()
        });
        (left, all)
    }

    #[test]
    fn a_pinned_thread_has_one_core() {
        let (left, all) = check(|| pin_to(0).unwrap());
        assert_eq!(left, all[..1]);
    }

    #[test]
    fn a_thread_that_yields_starts_others_that_yield_no_further() {
        let (left, all) = check(|| {
            yield_to_workers(1);
            let (again, _) = check(|| yield_to_workers(1));
            assert_eq!(again, allowed_cores().unwrap());
        });
        assert_eq!(left, if all.len() > 1 { &all[1..] } else { &all[..] });
    }

    #[test]
    fn loading_keeps_off_the_cores_of_pinned_workers_if_there_are_others() {
        let (left, all) = check(|| yield_to_workers(1));
        assert_eq!(left, if all.len() > 1 { &all[1..] } else { &all[..] });
        let (left, all) = check(|| yield_to_workers(usize::MAX));
        assert_eq!(left, all);
        let (left, all) = check(|| yield_to_workers(0));
        assert_eq!(left, all);
    }
}
