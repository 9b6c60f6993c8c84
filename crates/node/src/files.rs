//! Reads files whole within a limit, unpacks them by their magic octets, writes them at once.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system would not give it.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// It is packed, and the packing is damaged.
    #[error("cannot unpack {} as {packing}", path.display())]
    Unpack {
        /// The file.
        path: PathBuf,
        /// How it is packed, by its first octets.
        packing: &'static str,
        /// What the decoder said.
        #[source]
        cause: io::Error,
    },
    /// It is larger than this server takes.
    #[error("{} has more than {limit} octets, the limit for {what}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What was counted.
        what: &'static str,
        /// The limit in octets.
        limit: u64,
    },
}

impl FileError {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            FileError::Read { path, .. }
            | FileError::Unpack { path, .. }
            | FileError::TooLarge { path, .. } => path,
        }
    }
}

/// Reads a file that is not packed.
pub fn read_plain(path: &Path, what: &'static str, limit: u64) -> Result<Vec<u8>, FileError> {
    let file = open(path)?;
    let mut octets = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut octets)
        .map_err(|cause| FileError::Read {
            path: path.into(),
            cause,
        })?;
    within(path, what, limit, octets)
}

/// Reads a file that may be packed by xz, gzip or zstd; its first octets say which.
///
/// `limit` counts octets after unpacking, so that a small file cannot fill the memory.
pub fn read_packed(path: &Path, what: &'static str, limit: u64) -> Result<Vec<u8>, FileError> {
    let mut file = BufReader::new(open(path)?);
    let start = file.fill_buf().map_err(|cause| FileError::Read {
        path: path.into(),
        cause,
    })?;
    let packing = Packing::of(start);
    let most = limit.saturating_add(1);
    let mut octets = Vec::new();
    let outcome = match packing {
        Packing::None => file.take(most).read_to_end(&mut octets),
        Packing::Xz => liblzma::bufread::XzDecoder::new_multi_decoder(file)
            .take(most)
            .read_to_end(&mut octets),
        Packing::Gzip => flate2::bufread::MultiGzDecoder::new(file)
            .take(most)
            .read_to_end(&mut octets),
        Packing::Zstd => zstd::Decoder::with_buffer(file)
            .and_then(|decoder| decoder.take(most).read_to_end(&mut octets)),
    };
    outcome.map_err(|cause| match packing.name() {
        None => FileError::Read {
            path: path.into(),
            cause,
        },
        Some(packing) => FileError::Unpack {
            path: path.into(),
            packing,
            cause,
        },
    })?;
    within(path, what, limit, octets)
}

/// Writes a file whole or not at all: beside its place, then renamed into it.
pub fn write_whole(path: &Path, octets: &[u8]) -> io::Result<()> {
    write_by_way(path, octets, OpenOptions::new().mode(0o666))
}

/// The same for a file that only its owner may read.
pub fn write_secret(path: &Path, octets: &[u8]) -> io::Result<()> {
    write_by_way(path, octets, OpenOptions::new().mode(0o600))
}

/// The same for a file that its owner's group may read as well.
pub fn write_for_group(path: &Path, octets: &[u8]) -> io::Result<()> {
    write_by_way(path, octets, OpenOptions::new().mode(0o640))
}

fn write_by_way(path: &Path, octets: &[u8], options: &mut OpenOptions) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    // One that was left by a crash could have another mode.
    let _ = std::fs::remove_file(&beside);
    let written = options
        .write(true)
        .create_new(true)
        .open(&beside)
        .and_then(|mut file| file.write_all(octets).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // What is left of the attempt is of no use; the error that matters is the first.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// Opens a regular file. A pipe or a device could keep a reload waiting for ever, so opening does
/// not wait, and nothing is read of them.
pub fn open(path: &Path) -> Result<File, FileError> {
    let mut options = OpenOptions::new();
    let opened = options
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .and_then(|file| {
            let kind = file.metadata()?.file_type();
            if kind.is_dir() {
                Err(io::ErrorKind::IsADirectory.into())
            } else if kind.is_file() {
                Ok(file)
            } else {
                Err(io::Error::other(
                    "a pipe or device; copy what it gives into a file",
                ))
            }
        });
    opened.map_err(|cause| FileError::Read {
        path: path.into(),
        cause,
    })
}

fn within(
    path: &Path,
    what: &'static str,
    limit: u64,
    octets: Vec<u8>,
) -> Result<Vec<u8>, FileError> {
    if octets.len() as u64 > limit {
        return Err(FileError::TooLarge {
            path: path.into(),
            what,
            limit,
        });
    }
    Ok(octets)
}

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    None,
    Xz,
    Gzip,
    Zstd,
}

impl Packing {
    /// By the magic octets: XZ format 2.1.1.1, RFC 1952 section 2.3.1, RFC 8878 section 3.1.1.
    fn of(start: &[u8]) -> Self {
        if start.starts_with(b"\xFD7zXZ\0") {
            Packing::Xz
        } else if start.starts_with(b"\x1F\x8B") {
            Packing::Gzip
        } else if start.starts_with(b"\x28\xB5\x2F\xFD") {
            Packing::Zstd
        } else {
            Packing::None
        }
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Packing::None => None,
            Packing::Xz => Some("xz"),
            Packing::Gzip => Some("gzip"),
            Packing::Zstd => Some("zstd"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b". 86400 IN NS ns.example.\n";

    fn packed(packing: Packing, text: &[u8]) -> Vec<u8> {
        match packing {
            Packing::None => text.to_vec(),
            Packing::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            Packing::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            Packing::Zstd => zstd::encode_all(text, 3).unwrap(),
        }
    }

    fn check(packing: Packing, octets: &[u8], limit: u64, expected: Result<&[u8], &str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("zone");
        std::fs::write(&path, octets).unwrap();
        let found = read_packed(&path, "a zone", limit).map_err(|error| {
            error
                .to_string()
                .replace(&path.display().to_string(), "FILE")
        });
        assert_eq!(
            found.as_deref(),
            expected.map_err(str::to_owned).as_deref(),
            "{packing:?}"
        );
    }

    const ALL: [Packing; 4] = [Packing::None, Packing::Xz, Packing::Gzip, Packing::Zstd];

    #[test]
    fn packed_files_are_known_by_their_first_octets() {
        for packing in ALL {
            check(packing, &packed(packing, TEXT), 100, Ok(TEXT));
            check(packing, &packed(packing, b""), 100, Ok(b""));
        }
    }

    #[test]
    fn the_limit_counts_octets_after_unpacking() {
        let zeros = vec![b'\n'; 1 << 20];
        for packing in ALL {
            let octets = packed(packing, &zeros);
            check(packing, &octets, 1 << 20, Ok(&zeros));
            let refused = "FILE has more than 1048575 octets, the limit for a zone";
            check(packing, &octets, (1 << 20) - 1, Err(refused));
        }
    }

    #[test]
    fn several_packed_streams_in_one_file_are_one_text() {
        for packing in ALL {
            let twice = [packed(packing, TEXT), packed(packing, TEXT)].concat();
            check(packing, &twice, 1000, Ok(&[TEXT, TEXT].concat()));
        }
    }

    #[test]
    fn a_packed_file_cut_short_is_refused() {
        for packing in [Packing::Xz, Packing::Gzip, Packing::Zstd] {
            let whole = packed(packing, TEXT);
            let expected = format!("cannot unpack FILE as {}", packing.name().unwrap());
            check(packing, &whole[..whole.len() - 3], 100, Err(&expected));
        }
    }

    #[test]
    fn a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = read_plain(folder.path(), "a zone", 1).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("is a directory"), "{cause}");
    }

    #[test]
    fn a_pipe_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        for path in [pipe.as_path(), Path::new("/dev/zero")] {
            let (sender, outcome) = std::sync::mpsc::channel();
            let path = path.to_owned();
            std::thread::spawn(move || sender.send(read_packed(&path, "a zone", 1)));
            let outcome = outcome.recv_timeout(std::time::Duration::from_secs(30));
            let error = outcome.expect("nobody waits for a pipe").unwrap_err();
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains("a pipe or device"), "{cause}");
        }
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("zone");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
