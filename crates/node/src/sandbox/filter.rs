//! Brings the lists of system calls to the kernel (seccomp).
//!
//! JUSTIFICATION: the library makes the programs, and applies them without the flag by which the
//! kernel logs what was refused: without it a try would leave no trace.
#![expect(
    unsafe_code,
    reason = "one call without a wrapper that takes the flag; see above"
)]

use super::calls::{self, Call, Condition};
use super::user;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, sock_filter,
};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// Why calls are not filtered.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// There are no lists for this kind of processor, or they are wrong.
    #[error("the filter cannot be made")]
    Make(#[source] BackendError),
    /// The kernel would not have it.
    #[error("the kernel does not take the filter")]
    Apply(#[source] io::Error),
}

/// A filter that a thread puts on itself.
#[derive(Clone, Debug)]
pub struct Filter(Arc<BpfProgram>);

impl Filter {
    /// That of a packet worker: its list and nothing else. What is not on it fails with EPERM.
    pub fn for_workers() -> Result<Self, FilterError> {
        let refused = SeccompAction::Errno(EPERM);
        let program = compile(calls::ALLOWED, SeccompAction::Allow, refused)?;
        Ok(Filter(Arc::new(program)))
    }

    /// Puts it on the calling thread, and on all that this starts later, for good. New privileges
    /// are ruled out with it, as they are for a confined process already.
    pub fn apply(&self) -> io::Result<()> {
        user::rule_out_new_privs()?;
        apply(&self.0, libc::SECCOMP_FILTER_FLAG_LOG)
    }
}

/// Puts on the calling thread, and on all that it starts later, what holds for every thread.
pub(super) fn deny_for_all() -> Result<(), FilterError> {
    let deny = |list, action| compile(list, action, SeccompAction::Allow);
    let unknown = deny(calls::UNKNOWN, SeccompAction::Errno(ENOSYS))?;
    let fatal = deny(calls::FATAL, SeccompAction::KillProcess)?;
    let mut denied = other_numbers();
    denied.extend(deny(calls::DENIED, SeccompAction::Errno(EPERM))?);
    // Threads start all the time, which is nothing to log.
    apply(&unknown, 0).map_err(FilterError::Apply)?;
    for program in [fatal, denied] {
        apply(&program, libc::SECCOMP_FILTER_FLAG_LOG).map_err(FilterError::Apply)?;
    }
    Ok(())
}

const EPERM: u32 = libc::EPERM.cast_unsigned();
const ENOSYS: u32 = libc::ENOSYS.cast_unsigned();

fn compile(
    list: &[Call],
    listed: SeccompAction,
    others: SeccompAction,
) -> Result<BpfProgram, FilterError> {
    let mut rules = BTreeMap::new();
    for call in list {
        let alternatives = call.when.iter().map(|conditions| {
            let conditions = conditions.iter().map(|&condition| told(condition));
            SeccompRule::new(conditions.collect::<Result<_, _>>()?)
        });
        let alternatives = alternatives.collect::<Result<Vec<_>, _>>();
        rules.insert(call.number, alternatives.map_err(FilterError::Make)?);
    }
    TargetArch::try_from(std::env::consts::ARCH)
        .and_then(|arch| SeccompFilter::new(rules, others, listed, arch))
        .and_then(BpfProgram::try_from)
        .map_err(FilterError::Make)
}

fn told(condition: Condition) -> Result<SeccompCondition, BackendError> {
    let (argument, operator, value) = match condition {
        Condition::Is(argument, value) => (argument, SeccompCmpOp::Eq, value),
        Condition::IsNot(argument, value) => (argument, SeccompCmpOp::Ne, value),
        Condition::Has(argument, mask, value) => {
            (argument, SeccompCmpOp::MaskedEq(u64::from(mask)), value)
        }
        Condition::IsThisProcess(argument) => (argument, SeccompCmpOp::Eq, std::process::id()),
    };
    SeccompCondition::new(
        argument,
        SeccompCmpArgLen::Dword,
        operator,
        u64::from(value),
    )
}

/// What stands before a list of what is refused: calls go by other numbers as well where the
/// kernel serves programs of the x32 ABI, and no list knows those.
fn other_numbers() -> BpfProgram {
    /// The bit that such numbers have (seccomp(2)).
    const X32: u32 = 0x4000_0000;
    if !cfg!(target_arch = "x86_64") {
        return Vec::new();
    }
    let step = |code: u32, jt, jf, k| sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    vec![
        // The number of the call is the first word of what a filter sees.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, X32),
        step(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | EPERM,
        ),
    ]
}

/// Hands a program to the kernel for the calling thread.
fn apply(program: &BpfProgram, flags: libc::c_ulong) -> io::Result<()> {
    let told = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        // The same three numbers in the same order, by another name.
        filter: program.as_ptr().cast_mut().cast(),
    };
    // SAFETY: `told` and the program that it points to outlive the call, which copies both and
    // writes to neither.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            &raw const told,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Makes a kernel without Landlock, or also without filters, of the one that the calling thread has.
#[cfg(test)]
pub(super) fn take_away(numbers: &[libc::c_long]) {
    let list: Vec<Call> = numbers
        .iter()
        .map(|&number| Call { number, when: &[] })
        .collect();
    let unknown = SeccompAction::Errno(ENOSYS);
    let program = compile(&list, unknown, SeccompAction::Allow).unwrap();
    user::rule_out_new_privs().unwrap();
    apply(&program, 0).unwrap();
}
