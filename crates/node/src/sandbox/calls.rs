//! Which system calls threads may make, as data.
//!
//! Three lists: what ends the process, what is refused to every thread, and all that a packet
//! worker may do. `filter` brings them to the kernel.

use libc::c_long;

/// A call, and what of its arguments decides; no condition means every use of it.
#[derive(Clone, Copy)]
pub(super) struct Call {
    pub(super) number: c_long,
    /// Alternatives, each of which suffices: all of its conditions have to hold.
    pub(super) when: &'static [&'static [Condition]],
}

/// What is asked of one argument, by its lower 32 bits.
#[derive(Clone, Copy)]
pub(super) enum Condition {
    /// The argument is this number.
    Is(u8, u32),
    /// It is another number.
    IsNot(u8, u32),
    /// Of the bits of the mask it has these.
    Has(u8, u32, u32),
    /// It is the number of this process.
    IsThisProcess(u8),
}

use Condition::{Has, Is, IsNot, IsThisProcess};

const fn always(number: c_long) -> Call {
    Call { number, when: &[] }
}

/// What is told of the lists that hold for all threads.
pub(super) const DENIED_SUMMARY: &str =
    "no program is run, no process traced, nothing mounted, no module or BPF program loaded";

/// What is told of the list of packet workers.
pub(super) const ALLOWED_SUMMARY: &str =
    "nothing but its sockets, memory and clock: no file, no new socket, no connection, no thread";

/// Whoever runs a program is not imrs any more: after the start nothing here does.
pub(super) const FATAL: &[Call] = &[always(libc::SYS_execve), always(libc::SYS_execveat)];

/// The C library falls back to `clone`, whose arguments can be looked at, where it is told that
/// this does not exist.
pub(super) const UNKNOWN: &[Call] = &[always(libc::SYS_clone3)];

/// Refused to every thread. What imrs never does, and what a break-in would go on with.
pub(super) const DENIED: &[Call] = &[
    // Other processes, and this one's insides.
    always(libc::SYS_ptrace),
    always(libc::SYS_process_vm_readv),
    always(libc::SYS_process_vm_writev),
    always(libc::SYS_process_madvise),
    always(libc::SYS_kcmp),
    always(libc::SYS_pidfd_open),
    always(libc::SYS_pidfd_getfd),
    always(libc::SYS_pidfd_send_signal),
    always(libc::SYS_personality),
    // Threads, yes; processes and name spaces, no.
    Call {
        number: libc::SYS_clone,
        when: &[
            &[Has(0, libc::CLONE_THREAD as u32, 0)],
            &[has(libc::CLONE_NEWNS)],
            &[has(libc::CLONE_NEWCGROUP)],
            &[has(libc::CLONE_NEWUTS)],
            &[has(libc::CLONE_NEWIPC)],
            &[has(libc::CLONE_NEWUSER)],
            &[has(libc::CLONE_NEWPID)],
            &[has(libc::CLONE_NEWNET)],
        ],
    },
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_fork),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_vfork),
    always(libc::SYS_unshare),
    always(libc::SYS_setns),
    // Memory that is code.
    Call {
        number: libc::SYS_mmap,
        when: &[&[EXECUTABLE]],
    },
    Call {
        number: libc::SYS_mprotect,
        when: &[&[EXECUTABLE]],
    },
    Call {
        number: libc::SYS_pkey_mprotect,
        when: &[&[EXECUTABLE]],
    },
    // Sockets are of IP or of this machine's files, and not raw.
    Call {
        number: libc::SYS_socket,
        when: &[
            &[
                IsNot(0, libc::AF_INET as u32),
                IsNot(0, libc::AF_INET6 as u32),
                IsNot(0, libc::AF_UNIX as u32),
            ],
            &[Has(1, SOCKET_KIND, libc::SOCK_RAW as u32)],
        ],
    },
    // File systems and their roots.
    always(libc::SYS_mount),
    always(libc::SYS_umount2),
    always(libc::SYS_mount_setattr),
    always(libc::SYS_move_mount),
    always(libc::SYS_open_tree),
    always(libc::SYS_fsopen),
    always(libc::SYS_fsconfig),
    always(libc::SYS_fsmount),
    always(libc::SYS_fspick),
    always(libc::SYS_pivot_root),
    always(libc::SYS_chroot),
    always(libc::SYS_swapon),
    always(libc::SYS_swapoff),
    always(libc::SYS_quotactl),
    always(libc::SYS_name_to_handle_at),
    always(libc::SYS_open_by_handle_at),
    always(libc::SYS_fanotify_init),
    always(libc::SYS_mknodat),
    // Whose files are, and who may open them: Landlock does not look at these.
    always(libc::SYS_fchmod),
    always(libc::SYS_fchmodat),
    always(libc::SYS_fchmodat2),
    always(libc::SYS_fchown),
    always(libc::SYS_fchownat),
    always(libc::SYS_setxattr),
    always(libc::SYS_lsetxattr),
    always(libc::SYS_fsetxattr),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_mknod),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_chmod),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_chown),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_lchown),
    // Who we are.
    always(libc::SYS_setuid),
    always(libc::SYS_setgid),
    always(libc::SYS_setreuid),
    always(libc::SYS_setregid),
    always(libc::SYS_setresuid),
    always(libc::SYS_setresgid),
    always(libc::SYS_setfsuid),
    always(libc::SYS_setfsgid),
    always(libc::SYS_setgroups),
    always(libc::SYS_capset),
    // The kernel itself.
    always(libc::SYS_bpf),
    always(libc::SYS_perf_event_open),
    always(libc::SYS_userfaultfd),
    always(libc::SYS_io_uring_setup),
    always(libc::SYS_io_uring_enter),
    always(libc::SYS_io_uring_register),
    always(libc::SYS_kexec_load),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_kexec_file_load),
    always(libc::SYS_init_module),
    always(libc::SYS_finit_module),
    always(libc::SYS_delete_module),
    always(libc::SYS_keyctl),
    always(libc::SYS_add_key),
    always(libc::SYS_request_key),
    always(libc::SYS_vmsplice),
    always(libc::SYS_move_pages),
    always(libc::SYS_migrate_pages),
    // The machine.
    always(libc::SYS_reboot),
    always(libc::SYS_acct),
    always(libc::SYS_syslog),
    always(libc::SYS_vhangup),
    always(libc::SYS_sethostname),
    always(libc::SYS_setdomainname),
    // adjtimex, which says how well the clock is kept, sets nothing without a capability.
    always(libc::SYS_settimeofday),
    always(libc::SYS_clock_settime),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_iopl),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_ioperm),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_modify_ldt),
];

/// All that a packet worker may do, from its first wait to the end of its thread.
pub(super) const ALLOWED: &[Call] = &[
    // Its sockets. They were opened before; those that it accepts come from them.
    always(libc::SYS_recvmmsg),
    always(libc::SYS_sendmmsg),
    always(libc::SYS_recvmsg),
    always(libc::SYS_sendmsg),
    always(libc::SYS_recvfrom),
    always(libc::SYS_sendto),
    always(libc::SYS_read),
    always(libc::SYS_write),
    always(libc::SYS_readv),
    always(libc::SYS_writev),
    always(libc::SYS_accept4),
    always(libc::SYS_shutdown),
    always(libc::SYS_close),
    always(libc::SYS_getsockopt),
    always(libc::SYS_getsockname),
    always(libc::SYS_getpeername),
    Call {
        number: libc::SYS_setsockopt,
        when: &[
            &[
                Is(1, libc::SOL_SOCKET as u32),
                Is(2, libc::SO_LINGER as u32),
            ],
            &[
                Is(1, libc::SOL_SOCKET as u32),
                Is(2, libc::SO_RCVTIMEO as u32),
            ],
            &[
                Is(1, libc::SOL_SOCKET as u32),
                Is(2, libc::SO_SNDTIMEO as u32),
            ],
            &[
                Is(1, libc::IPPROTO_TCP as u32),
                Is(2, libc::TCP_NODELAY as u32),
            ],
            &[
                Is(1, libc::IPPROTO_TCP as u32),
                Is(2, libc::TCP_QUICKACK as u32),
            ],
        ],
    },
    // How the standard library makes a socket non-blocking, or blocking.
    Call {
        number: libc::SYS_ioctl,
        when: &[&[Is(1, libc::FIONBIO as u32)]],
    },
    Call {
        number: libc::SYS_fcntl,
        when: &[
            &[Is(1, libc::F_GETFL as u32)],
            &[Is(1, libc::F_SETFL as u32)],
            &[Is(1, libc::F_GETFD as u32)],
        ],
    },
    // Waiting.
    always(libc::SYS_epoll_ctl),
    always(libc::SYS_epoll_pwait),
    always(libc::SYS_epoll_pwait2),
    always(libc::SYS_ppoll),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_epoll_wait),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_poll),
    always(libc::SYS_futex),
    always(libc::SYS_nanosleep),
    always(libc::SYS_clock_nanosleep),
    always(libc::SYS_restart_syscall),
    always(libc::SYS_sched_yield),
    // The clock, where the kernel does not give it without a call.
    always(libc::SYS_clock_gettime),
    always(libc::SYS_clock_getres),
    always(libc::SYS_gettimeofday),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_time),
    // Memory, none of it code. How many cores there are, the allocator asks for its arenas.
    always(libc::SYS_brk),
    always(libc::SYS_munmap),
    always(libc::SYS_mremap),
    always(libc::SYS_madvise),
    Call {
        number: libc::SYS_mmap,
        when: &[&[NOT_EXECUTABLE]],
    },
    Call {
        number: libc::SYS_mprotect,
        when: &[&[NOT_EXECUTABLE]],
    },
    always(libc::SYS_sched_getaffinity),
    always(libc::SYS_getcpu),
    always(libc::SYS_getrandom),
    // The life of a thread, down to its panic and the process's abort.
    always(libc::SYS_rseq),
    always(libc::SYS_membarrier),
    always(libc::SYS_set_robust_list),
    always(libc::SYS_sigaltstack),
    always(libc::SYS_rt_sigaction),
    always(libc::SYS_rt_sigprocmask),
    always(libc::SYS_rt_sigreturn),
    always(libc::SYS_getpid),
    always(libc::SYS_gettid),
    Call {
        number: libc::SYS_tgkill,
        when: &[&[IsThisProcess(0)]],
    },
    always(libc::SYS_exit),
    always(libc::SYS_exit_group),
];

/// What a memory mapping is for has the right to be run.
const EXECUTABLE: Condition = Has(2, libc::PROT_EXEC as u32, libc::PROT_EXEC as u32);

/// It has not.
const NOT_EXECUTABLE: Condition = Has(2, libc::PROT_EXEC as u32, 0);

/// The bits of a socket's type that are not flags (SOCK_TYPE_MASK of the kernel).
const SOCKET_KIND: u32 = 0xF;

/// The first argument has a flag of `clone`.
const fn has(flag: i32) -> Condition {
    Has(0, flag as u32, flag as u32)
}
