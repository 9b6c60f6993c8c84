//! What the process may no longer do once its sockets are open.
//!
//! Start reading at [`enter`]. It is called once, on the only thread that there is, after what
//! needs rights and before anything foreign is read: whatever is started later is under it.
//!
//! ```text
//! user      another user, no capabilities, no new privileges
//! files     the file system as far as it is needed (Landlock)
//! calls     which system calls each kind of thread may make
//! filter    how that is told to the kernel (seccomp)
//! ```
//!
//! Knows nothing of zones and packets. Which files are needed is told to it. Why it is so:
//! `docs/decisions/0011-sandbox.md`.

mod calls;
mod files;
mod filter;
mod user;

pub use files::Landlock;
pub use filter::{Filter, FilterError};
pub use user::{User, UserError, is_writable, try_as};

use std::path::PathBuf;
use tracing::warn;

/// How much a restriction of the kernel is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Without it nothing is served.
    Require,
    /// Without it the log says so, and the node serves.
    #[default]
    Try,
    /// It is left out.
    Off,
}

/// What to be confined to.
#[derive(Clone, Debug, Default)]
pub struct Confinement {
    /// Whom to become; none to stay who we are.
    pub user: Option<User>,
    /// Whether the file system is narrowed down.
    pub landlock: Mode,
    /// Whether system calls are.
    pub seccomp: Mode,
    /// What is read again and again, such as zone files, and by whatever name it is reached.
    pub read: Vec<PathBuf>,
    /// Folders that are written to. One that is not there cannot be written to later either.
    pub write: Vec<PathBuf>,
}

/// What is in force from now on, as the kernel confirmed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Who the process acts for: a name, or a number where none was looked up.
    pub user: String,
    /// Capabilities that are left, by name.
    pub capabilities: Vec<String>,
    /// Whether no program that it might start could have more rights.
    pub no_new_privs: bool,
    /// How far the file system is narrowed down.
    pub landlock: Landlock,
    /// How system calls are filtered for all threads; none where they are not.
    pub process: Option<&'static str>,
    /// How they are for packet workers, on top; none where they are not.
    pub workers: Option<&'static str>,
    /// What was wanted and is not there, and why.
    pub missing: Vec<String>,
}

/// Why the process could not be confined. Nothing was served.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Rights could not be given up.
    #[error(transparent)]
    User(#[from] UserError),
    /// What `require` asks for is not there.
    #[error(
        "{what} is not to be had and `{what} = \"require\"` is configured: {why}; use another \
         kernel, or write \"try\""
    )]
    Required {
        /// `landlock` or `seccomp`.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
}

/// Gives up what is not needed for serving, for good: this thread, and all that it starts later.
///
/// Threads that run already would keep the rights that are a thread's own; there must be none.
pub fn enter(wanted: &Confinement) -> Result<InForce, SandboxError> {
    let mut missing = Vec::new();
    let mut lacks = |mode, what: &'static str, why: String| match mode {
        Mode::Require => Err(SandboxError::Required { what, why }),
        Mode::Try | Mode::Off => {
            warn!("sandbox: {what} is not in force: {why}");
            missing.push(format!("{what}: {why}"));
            Ok(())
        }
    };
    // The folders are opened with the rights of before, as those above them may be closed to the
    // user that we become.
    let ruleset = files::Ruleset::prepare(wanted.landlock, &wanted.read, &wanted.write);
    user::become_user(wanted.user.as_ref())?;
    let landlock = match ruleset.and_then(files::Ruleset::enforce) {
        Ok(landlock) => landlock,
        Err(why) => {
            lacks(wanted.landlock, "landlock", why)?;
            Landlock::Absent
        }
    };
    if let Landlock::InForce {
        lacks: Some(part), ..
    } = &landlock
    {
        lacks(wanted.landlock, "landlock", part.clone())?;
    }
    let is_filtered = match wanted.seccomp {
        Mode::Off => false,
        mode => match filter::deny_for_all() {
            Ok(()) => true,
            Err(error) => {
                lacks(mode, "seccomp", crate::chain(&error))?;
                false
            }
        },
    };
    Ok(InForce {
        user: match &wanted.user {
            Some(user) => user.name().to_owned(),
            None => user::present_user(),
        },
        capabilities: user::capabilities()?,
        no_new_privs: user::has_no_new_privs(),
        landlock,
        process: is_filtered.then_some(calls::DENIED_SUMMARY),
        workers: is_filtered.then_some(calls::ALLOWED_SUMMARY),
        missing,
    })
}

impl InForce {
    /// What each packet worker puts on itself before it serves; none where calls are not filtered.
    pub fn worker_filter(&self) -> Result<Option<Filter>, FilterError> {
        self.workers.map(|_| Filter::for_workers()).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libc::{SYS_landlock_create_ruleset, SYS_seccomp};

    /// What comes of confining a thread on a kernel without these calls.
    fn check(absent: &[libc::c_long], mode: Mode, expected: Result<&[&str], &str>) {
        let absent = absent.to_owned();
        let wanted = Confinement {
            landlock: mode,
            seccomp: mode,
            ..Confinement::default()
        };
        let confine = move || {
            filter::take_away(&absent);
            enter(&wanted)
        };
        match (std::thread::spawn(confine).join().unwrap(), expected) {
            (Ok(in_force), Ok(missing)) => {
                assert_eq!(in_force.missing.len(), missing.len(), "{in_force:?}");
                for (found, start) in in_force.missing.iter().zip(missing) {
                    assert!(found.starts_with(start), "{found}");
                }
                assert!(in_force.no_new_privs);
                assert_eq!(in_force.capabilities, Vec::<String>::new());
            }
            (Err(error), Err(start)) => {
                let error = error.to_string();
                assert!(error.starts_with(start), "{error}");
            }
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn a_kernel_without_a_feature_is_told_or_refused() {
        let no_filters = [SYS_seccomp];
        let nothing = [SYS_landlock_create_ruleset, SYS_seccomp];
        check(&no_filters, Mode::Off, Ok(&[]));
        check(&nothing, Mode::Off, Ok(&[]));
        let both = ["landlock: this kernel has no Landlock", "seccomp: "];
        check(&nothing, Mode::Try, Ok(&both));
        check(
            &nothing,
            Mode::Require,
            Err(
                "landlock is not to be had and `landlock = \"require\"` is configured: this kernel",
            ),
        );
    }
}
