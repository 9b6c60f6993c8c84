//! The files that BIRD is configured with. They hold passwords: BIRD's group may read them.

use crate::files::write_for_group;
use crate::route::bird::conf::Conf;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Which of them.
#[derive(Clone, Copy, Debug)]
pub(in crate::route) enum File {
    /// What BIRD starts with: it announces nothing.
    Start,
    /// What is in force.
    Announced,
    /// What is on trial.
    Trial,
}

/// The folder that they are in.
#[derive(Debug)]
pub(in crate::route) struct Folder(PathBuf);

impl Folder {
    /// Takes the folder, and makes it if it is not there.
    pub(in crate::route) fn open(path: &Path) -> io::Result<Self> {
        // BIRD does not start where we do.
        let path = std::path::absolute(path)?;
        let is_good = |sign: char| sign != '"' && !sign.is_control();
        if !path.to_str().is_some_and(|text| text.chars().all(is_good)) {
            return Err(io::Error::other(
                "BIRD takes no name with quotes or control characters",
            ));
        }
        if !path.is_dir() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o750)
                .create(&path)?;
        }
        Ok(Folder(path))
    }

    /// Where a file is.
    pub(in crate::route) fn place(&self, file: File) -> PathBuf {
        self.0.join(match file {
            File::Start => "bird.conf",
            File::Announced => "announced.conf",
            File::Trial => "trial.conf",
        })
    }

    /// Writes a file whole or not at all.
    pub(in crate::route) fn write(&self, file: File, conf: &Conf) -> io::Result<()> {
        write_for_group(&self.place(file), conf.text.as_bytes())
    }
}
