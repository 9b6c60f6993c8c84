//! Requests to the system that no safe wrapper covers.
//!
//! JUSTIFICATION: proving the root takes some 15 MiB for a moment, which the allocator keeps for
//! later. Returning them leaves 11 MiB resident instead of 22 after the start, and 12 instead of 42
//! after three reloads of the root of 2026-07-31 (VmRSS, one worker). Reloading at a lower priority
//! leaves the cores to the workers. Who the user is decides where the control socket is.
#![expect(
    unsafe_code,
    reason = "calls of the C library without a safe wrapper; see above"
)]

/// Gives the memory that the allocator keeps for later back to the system.
pub(crate) fn return_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: malloc_trim takes no pointer, may be called by any thread at any time, and frees
    // only what the allocator holds itself.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Puts the calling thread, and threads that it starts, behind the workers. Never fails: where
/// the system refuses, the thread runs as it did.
pub(crate) fn yield_to_workers() {
    /// A tenth of the share of a thread at the default of 0 (sched(7)).
    const NICE: i32 = 10;
    #[cfg(target_os = "linux")]
    // SAFETY: setpriority takes no pointer; on Linux, PRIO_PROCESS with 0 names the calling
    // thread alone.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICE);
    }
}

/// The number of the user that this process acts for.
pub(crate) fn user() -> u32 {
    // SAFETY: geteuid takes nothing, always succeeds and changes nothing.
    unsafe { libc::geteuid() }
}
