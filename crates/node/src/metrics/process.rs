//! What the system knows of this process, by files that are opened before the sandbox closes `/proc`.

use crate::system;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

/// What the system told. What this kernel does not tell is absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Process {
    /// Memory in use, in octets.
    pub resident: Option<u64>,
    /// Time on cores, of all threads.
    pub cpu: Option<Duration>,
    /// Files that are open.
    pub descriptors: Option<u64>,
}

/// Where that is read.
#[derive(Debug)]
pub(super) struct Source {
    status: Option<File>,
    descriptors: Option<File>,
}

/// Octets of `/proc/self/status` up to the line on memory, and more.
const STATUS_OCTETS: usize = 4096;

impl Source {
    /// Opens it.
    pub(super) fn open() -> Self {
        Source {
            status: File::open("/proc/self/status").ok(),
            descriptors: File::open("/proc/self/fd").ok(),
        }
    }

    /// Reads it.
    pub(super) fn read(&self) -> Process {
        Process {
            resident: self.resident(),
            cpu: system::cpu_time().ok(),
            descriptors: self.descriptors(),
        }
    }

    fn resident(&self) -> Option<u64> {
        let mut octets = [0; STATUS_OCTETS];
        let read = self.status.as_ref()?.read_at(&mut octets, 0).ok()?;
        let text = String::from_utf8_lossy(&octets[..read]);
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kib * 1024)
    }

    /// The size of the folder is the number of open files since Linux 6.2, and was 0 before.
    fn descriptors(&self) -> Option<u64> {
        let folder = self.descriptors.as_ref()?.metadata().ok()?;
        Some(folder.len()).filter(|count| *count > 0)
    }
}
