//! The file system, narrowed down to what is needed (Landlock).
//!
//! A file that is replaced by another of its name is found by its folder, so what is allowed are
//! folders and all below them. The rights of files hold besides.

use super::Mode;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd,
    Ruleset as Builder, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How far the file system is narrowed down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Landlock {
    /// Not at all, as configured.
    Off,
    /// Not at all, although it was to be.
    Absent,
    /// To these folders.
    InForce {
        /// The version of Landlock that the kernel has.
        abi: u32,
        /// Folders that can be read, with all below them.
        read: Vec<PathBuf>,
        /// Folders that can be written to as well.
        write: Vec<PathBuf>,
        /// What this kernel leaves open of what was wanted.
        lacks: Option<String>,
    },
}

/// What `require` requires: with it neither reading, nor writing, renaming or truncating goes
/// beyond the folders (Linux 6.2).
const LEAST: ABI = ABI::V3;

/// What is asked for where the kernel has it: no devices (5), no new listeners for TCP (4), and no
/// signals to other processes (6).
const MOST: ABI = ABI::V6;

/// Rules that are ready to be enforced; none where Landlock is off.
pub(super) struct Ruleset(Option<Rules>);

struct Rules {
    ruleset: RulesetCreated,
    read: Vec<PathBuf>,
    write: Vec<PathBuf>,
}

impl Ruleset {
    /// Opens the folders. Nothing is restricted yet.
    pub(super) fn prepare(mode: Mode, read: &[PathBuf], write: &[PathBuf]) -> Result<Self, String> {
        if mode == Mode::Off {
            return Ok(Ruleset(None));
        }
        let read: BTreeSet<PathBuf> = read.iter().flat_map(|path| folders_of(path)).collect();
        let write: BTreeSet<PathBuf> = write.iter().filter(|path| path.is_dir()).cloned().collect();
        let build = || -> Result<RulesetCreated, RulesetError> {
            let to_read = AccessFs::ReadFile | AccessFs::ReadDir;
            let to_write = to_read | (AccessFs::from_write(LEAST) & !special());
            let mut ruleset = Builder::default()
                .set_compatibility(CompatLevel::BestEffort)
                .handle_access(AccessFs::from_all(MOST))?
                .handle_access(AccessNet::BindTcp)?
                .scope(Scope::Signal)?
                .create()?;
            for (folders, access) in [(&read, to_read), (&write, to_write)] {
                for folder in folders {
                    // What is gone meanwhile needs no rule.
                    if let Ok(folder) = PathFd::new(folder) {
                        ruleset = ruleset.add_rule(PathBeneath::new(folder, access))?;
                    }
                }
            }
            Ok(ruleset)
        };
        let ruleset = build().map_err(|error| crate::chain(&error))?;
        Ok(Ruleset(Some(Rules {
            ruleset,
            read: read.into_iter().collect(),
            write: write.into_iter().collect(),
        })))
    }

    /// Restricts the calling thread and all that it starts later, for good.
    pub(super) fn enforce(self) -> Result<Landlock, String> {
        let Some(Rules {
            ruleset,
            read,
            write,
        }) = self.0
        else {
            return Ok(Landlock::Off);
        };
        let status = ruleset
            .restrict_self()
            .map_err(|error| crate::chain(&error))?;
        let effective = match status.landlock {
            LandlockStatus::NotEnabled => return Err(NOT_ENABLED.to_owned()),
            LandlockStatus::NotImplemented => return Err("this kernel has no Landlock".to_owned()),
            LandlockStatus::Available { effective_abi, .. } => effective_abi,
        };
        if status.ruleset == RulesetStatus::NotEnforced {
            return Err("the kernel enforces none of it".to_owned());
        }
        let lacks = (effective < LEAST).then(|| {
            format!(
                "the kernel has version {}, and renaming or truncating files needs version 3",
                effective as u32
            )
        });
        Ok(Landlock::InForce {
            abi: effective as u32,
            read,
            write,
            lacks,
        })
    }
}

const NOT_ENABLED: &str =
    "this kernel has Landlock, and it is not enabled: add `landlock` to its parameter `lsm`";

/// What nothing here ever makes.
fn special() -> landlock::BitFlags<AccessFs> {
    AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::MakeFifo | AccessFs::MakeSym
}

/// The folder that a file is in by its name, and where links lead: either may get a new file.
fn folders_of(path: &Path) -> impl Iterator<Item = PathBuf> {
    let named = path
        .parent()
        .map(|folder| match folder.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => folder.to_owned(),
        });
    let real = path.canonicalize().ok();
    let real = real.and_then(|real| real.parent().map(Path::to_owned));
    // By its real name too, so that one folder is told once.
    let named = named.map(|folder| folder.canonicalize().unwrap_or(folder));
    named.into_iter().chain(real)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::io::ErrorKind;
    use std::thread;

    /// What a confined thread finds; nothing where this kernel has no Landlock.
    fn check(read: &Path, write: &Path, look: impl FnOnce(u32) + Send) {
        let (read, write) = ([read.to_owned()], [write.to_owned()]);
        thread::scope(|scope| {
            let confined = scope.spawn(move || {
                let ruleset = Ruleset::prepare(Mode::Try, &read, &write).unwrap();
                match ruleset.enforce() {
                    Err(why) => println!("not tried: {why}"),
                    Ok(Landlock::InForce { abi, .. }) => look(abi),
                    Ok(found) => panic!("{found:?}"),
                }
            });
            confined.join().unwrap();
        });
    }

    #[test]
    fn only_the_folders_that_are_needed_can_be_reached() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["zones", "state", "other"] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("file"), "x").unwrap();
        }
        let denied = Err(ErrorKind::PermissionDenied);
        check(&at("zones/file"), &at("state"), |_| {
            let open = |name: &str| File::open(at(name)).map(drop).map_err(|e| e.kind());
            assert_eq!(open("zones/file"), Ok(()));
            assert_eq!(open("state/file"), Ok(()));
            assert_eq!(open("other/file"), denied);
            let write = |name: &str| fs::write(at(name), "y").map_err(|e| e.kind());
            assert_eq!(write("zones/file"), denied);
            assert_eq!(write("zones/new"), denied);
            assert_eq!(write("state/new"), Ok(()));
            assert_eq!(write("other/new"), denied);
            let rename = |from: &str, to: &str| fs::rename(at(from), at(to)).map_err(|e| e.kind());
            assert_eq!(rename("state/new", "state/file"), Ok(()));
            assert!(rename("state/file", "other/file").is_err());
            assert!(File::open("/etc/passwd").is_err());
        });
    }

    #[test]
    fn a_file_that_is_replaced_by_another_of_its_name_is_read_however_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("names")).unwrap();
        fs::create_dir(at("files")).unwrap();
        fs::write(at("files/one"), "x").unwrap();
        std::os::unix::fs::symlink(at("files/one"), at("names/zone")).unwrap();
        check(&at("names/zone"), &at("none"), |_| {
            assert!(File::open(at("names/zone")).is_ok());
            thread::scope(|scope| {
                scope.spawn(|| assert!(File::open(at("names/zone")).is_ok()));
            });
        });
        let renewed = || {
            fs::write(at("files/two"), "y").unwrap();
            fs::rename(at("files/two"), at("files/one")).unwrap();
        };
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (ready, is_ready) = std::sync::mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(|| {
                check(&at("names/zone"), &at("none"), move |_| {
                    ready.send(()).unwrap();
                    wait.recv().unwrap();
                    assert!(File::open(at("names/zone")).is_ok());
                });
            });
            // Without Landlock nobody waits.
            if is_ready.recv().is_ok() {
                renewed();
                go.send(()).unwrap();
            }
        });
    }

    #[test]
    fn a_confined_process_takes_no_new_port() {
        let folder = tempfile::tempdir().unwrap();
        check(folder.path(), folder.path(), |abi| {
            let bound = std::net::TcpListener::bind("127.0.0.1:0");
            // Older kernels narrow down files alone.
            assert_eq!(bound.is_err(), abi >= 4);
        });
    }
}
