//! Who the process acts for, and with which rights.
//!
//! JUSTIFICATION: the standard library looks up no user by name and becomes none, and no wrapper
//! in the tree does so for the whole process, as the C library does. What another user may open
//! is found out by the kernel itself, on a thread that borrows that user's eyes.
#![expect(
    unsafe_code,
    reason = "calls of the C library without a safe wrapper; see above"
)]

use crate::system;
use caps::{CapSet, Capability};
use std::ffi::{CStr, CString};
use std::path::Path;
use std::{io, mem, ptr, thread};

/// A user of this machine without special rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    name: String,
    uid: u32,
    gid: u32,
    /// All groups that it is in.
    groups: Vec<u32>,
}

/// Why rights could not be given up.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// There is no such user.
    #[error(
        "there is no user `{0}` on this machine; make one (`useradd --system {0}`), or leave `user` out"
    )]
    Unknown(String),
    /// It has the rights that were to be given up.
    #[error("`{0}` has all rights; name a user without any, or leave `user` out")]
    Mighty(String),
    /// The system could not look.
    #[error("cannot look up user `{name}`")]
    LookUp {
        /// The name.
        name: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// Only root can become another user.
    #[error("only root can become user `{0}`; start as root or as `{0}`, or leave `user` out")]
    NotRoot(String),
    /// The system would not do it.
    #[error("cannot become user `{name}`")]
    Become {
        /// The name.
        name: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// Capabilities could not be given up.
    #[error("cannot give up capabilities: {0}")]
    Capabilities(caps::errors::CapsError),
    /// New privileges could not be ruled out.
    #[error("cannot rule out new privileges")]
    NoNewPrivs(#[source] io::Error),
}

/// Octets of the texts of one user; more than any line of /etc/passwd has.
const TEXTS_OCTETS: usize = 64 << 10;

/// Groups of one user that Linux takes at most (NGROUPS_MAX).
const GROUPS_MAX: i32 = 65_536;

impl User {
    /// Looks a user up by name.
    pub fn find(name: &str) -> Result<Self, UserError> {
        let failed = |cause| UserError::LookUp {
            name: name.to_owned(),
            cause,
        };
        let text = CString::new(name).map_err(|_| UserError::Unknown(name.to_owned()))?;
        let (uid, gid) = look_up(&text)
            .map_err(failed)?
            .ok_or_else(|| UserError::Unknown(name.to_owned()))?;
        if uid == 0 {
            return Err(UserError::Mighty(name.to_owned()));
        }
        let groups = groups_of(&text, gid).map_err(failed)?;
        let name = name.to_owned();
        Ok(User {
            name,
            uid,
            gid,
            groups,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// The number of its group.
    pub fn gid(&self) -> u32 {
        self.gid
    }
}

/// Tries `try_it` as the process will be once it is confined: as `user`, and without capabilities.
/// None where this process may not look with other eyes.
pub fn try_as<T: Send>(user: Option<&User>, try_it: impl FnOnce() -> T + Send) -> Option<T> {
    let is_other = user.is_some_and(|user| user.uid != system::user());
    if is_other && system::user() != 0 {
        return None;
    }
    thread::scope(|scope| {
        // Capabilities, and with the calls below the user, are a thread's own.
        let as_other = move || {
            if let Some(user) = user.filter(|_| is_other) {
                see_as(user).ok()?;
            }
            caps::clear(None, CapSet::Effective).ok()?;
            Some(try_it())
        };
        // A look that panics is a mistake of ours, and shows nothing.
        scope.spawn(as_other).join().ok().flatten()
    })
}

/// Whether files can be made in a folder.
pub fn is_writable(folder: &Path) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let text = CString::new(folder.as_os_str().as_bytes())?;
    // SAFETY: `text` ends in NUL and outlives the call, which changes nothing.
    let result = unsafe {
        libc::faccessat(
            libc::AT_FDCWD,
            text.as_ptr(),
            libc::W_OK | libc::X_OK,
            libc::AT_EACCESS,
        )
    };
    check(result)
}

/// Becomes the user for good and gives up all capabilities; new ones cannot come by running a
/// program.
pub(super) fn become_user(user: Option<&User>) -> Result<(), UserError> {
    let failed = UserError::Capabilities;
    let may_bound = caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP);
    if may_bound.map_err(failed)? {
        caps::clear(None, CapSet::Bounding).map_err(failed)?;
    }
    if let Some(user) = user.filter(|user| user.uid != system::user()) {
        if system::user() != 0 {
            return Err(UserError::NotRoot(user.name.clone()));
        }
        switch(user).map_err(|cause| UserError::Become {
            name: user.name.clone(),
            cause,
        })?;
    }
    for set in [
        CapSet::Ambient,
        CapSet::Effective,
        CapSet::Inheritable,
        CapSet::Permitted,
    ] {
        caps::clear(None, set).map_err(failed)?;
    }
    rule_out_new_privs().map_err(UserError::NoNewPrivs)
}

/// No program that is run from now on has more rights than we have.
pub(super) fn rule_out_new_privs() -> io::Result<()> {
    // SAFETY: takes numbers only, and changes nothing but the flag.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })
}

/// The capabilities that are left, by name.
pub(super) fn capabilities() -> Result<Vec<String>, UserError> {
    let mut names = Vec::new();
    for set in [CapSet::Permitted, CapSet::Effective] {
        let held = caps::read(None, set).map_err(UserError::Capabilities)?;
        names.extend(held.iter().map(ToString::to_string));
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// Whether new privileges are ruled out.
pub(super) fn has_no_new_privs() -> bool {
    // SAFETY: takes numbers only, and changes nothing.
    unsafe { libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 }
}

/// The user of now, by number.
pub(super) fn present_user() -> String {
    match system::user() {
        0 => "root".to_owned(),
        uid => format!("uid {uid}"),
    }
}

/// The numbers of a user and its group.
fn look_up(name: &CStr) -> io::Result<Option<(u32, u32)>> {
    // SAFETY: a `passwd` is numbers and pointers, for which zeros are valid.
    let mut entry: libc::passwd = unsafe { mem::zeroed() };
    let mut texts = vec![0; TEXTS_OCTETS];
    let mut found = ptr::null_mut();
    // SAFETY: `name` ends in NUL, `texts` has as many octets as are said, and all outlive the call.
    let result = unsafe {
        libc::getpwnam_r(
            name.as_ptr(),
            &raw mut entry,
            texts.as_mut_ptr(),
            texts.len(),
            &raw mut found,
        )
    };
    match result {
        0 if found.is_null() => Ok(None),
        0 => Ok(Some((entry.pw_uid, entry.pw_gid))),
        // Several sources of users say so in their own ways (getpwnam(3)).
        libc::ENOENT | libc::ESRCH => Ok(None),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

/// All groups that a user is in, its own first.
fn groups_of(name: &CStr, gid: u32) -> io::Result<Vec<u32>> {
    let mut count: i32 = 64;
    loop {
        let mut groups = vec![0; usize::try_from(count).unwrap_or(0)];
        // SAFETY: `name` ends in NUL, and `groups` has room for `count` of them.
        let result =
            unsafe { libc::getgrouplist(name.as_ptr(), gid, groups.as_mut_ptr(), &raw mut count) };
        if result >= 0 {
            groups.truncate(usize::try_from(count).unwrap_or(0));
            return Ok(groups);
        }
        // It was too little room, and `count` says how much it takes.
        if count > GROUPS_MAX || usize::try_from(count).is_ok_and(|most| most <= groups.len()) {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

/// Becomes a user, the whole process with all its threads, and with no way back.
fn switch(user: &User) -> io::Result<()> {
    // SAFETY: `groups` has as many numbers as are said. The C library makes each change on all
    // threads, or ends the process.
    check(unsafe { libc::setgroups(user.groups.len(), user.groups.as_ptr()) })?;
    // SAFETY: as above, without pointers.
    check(unsafe { libc::setresgid(user.gid, user.gid, user.gid) })?;
    // SAFETY: as above, without pointers.
    check(unsafe { libc::setresuid(user.uid, user.uid, user.uid) })
}

/// Lets the calling thread, and no other, open files as a user.
fn see_as(user: &User) -> io::Result<()> {
    // SAFETY: `groups` has as many numbers as are said. The call itself, not the C library's
    // function around it, changes the calling thread alone; the same holds below.
    let result =
        unsafe { libc::syscall(libc::SYS_setgroups, user.groups.len(), user.groups.as_ptr()) };
    check(i32::try_from(result).unwrap_or(-1))?;
    // SAFETY: takes a number only. It gives the number of before, and has no error to tell.
    unsafe { libc::syscall(libc::SYS_setfsgid, user.gid) };
    // SAFETY: as above.
    unsafe { libc::syscall(libc::SYS_setfsuid, user.uid) };
    // SAFETY: as above; a number that nobody has changes nothing and tells what holds.
    let now = unsafe { libc::syscall(libc::SYS_setfsuid, u32::MAX) };
    match u32::try_from(now) {
        Ok(uid) if uid == user.uid => Ok(()),
        _ => Err(io::ErrorKind::PermissionDenied.into()),
    }
}

fn check(result: i32) -> io::Result<()> {
    match result {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name_and_root_is_refused() {
        let nobody = User::find("nobody").unwrap();
        assert_eq!(nobody.groups.first(), Some(&nobody.gid()));
        for (name, expected) in [
            ("nosuchuser", "there is no user `nosuchuser`"),
            ("", "there is no user ``"),
            ("no\0body", "there is no user"),
            ("root", "`root` has all rights"),
        ] {
            let error = User::find(name).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_thread_with_the_eyes_of_another_user_finds_closed_what_is_closed_to_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "x").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let nobody = User::find("nobody").unwrap();
        let look = || {
            (
                std::fs::File::open(&file).is_ok(),
                is_writable(folder.path()).is_ok(),
            )
        };
        let found = try_as(Some(&nobody), look);
        match system::user() {
            0 => assert_eq!(found, Some((false, false))),
            uid if uid == nobody.uid() => assert_eq!(found, Some((true, true))),
            _ => {
                println!("only root has the eyes of others");
                assert_eq!(found, None);
            }
        }
        assert_eq!(try_as(None, look), Some((true, true)));
        assert_eq!(look(), (true, true), "this thread is who it was");
    }
}
