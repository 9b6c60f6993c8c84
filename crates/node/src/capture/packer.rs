//! Packs a file while it is written, and counts what reaches the disk.

use crate::config::capture::Compression;
use liblzma::write::XzEncoder;
use std::fs::File;
use std::io::{self, Write};

/// A file that is being written.
pub(super) enum Packer {
    Zstd(Box<zstd::stream::write::Encoder<'static, Counting>>),
    Xz(Box<XzEncoder<Counting>>),
    None(Counting),
}

/// A file and the octets written to it.
pub(super) struct Counting {
    file: File,
    octets: u64,
}

impl Packer {
    pub(super) fn new(file: File, compression: Compression) -> io::Result<Packer> {
        let file = Counting { file, octets: 0 };
        Ok(match compression {
            Compression::Zstd => {
                let encoder = zstd::stream::write::Encoder::new(file, ZSTD_LEVEL)?;
                Packer::Zstd(Box::new(encoder))
            }
            Compression::Xz => Packer::Xz(Box::new(XzEncoder::new(file, XZ_LEVEL))),
            Compression::None => Packer::None(file),
        })
    }

    /// Octets that reached the file.
    pub(super) fn octets(&self) -> u64 {
        match self {
            Packer::Zstd(encoder) => encoder.get_ref().octets,
            Packer::Xz(encoder) => encoder.get_ref().octets,
            Packer::None(file) => file.octets,
        }
    }

    /// Writes octets, and all that was held back, so that their number is known.
    pub(super) fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        match self {
            Packer::Zstd(encoder) => encoder.write_all(octets).and_then(|()| encoder.flush()),
            Packer::Xz(encoder) => encoder.write_all(octets).and_then(|()| encoder.flush()),
            Packer::None(file) => file.write_all(octets),
        }
    }

    /// Ends the file, and waits until the disk has it. Its octets.
    pub(super) fn finish(self) -> io::Result<u64> {
        let counting = match self {
            Packer::Zstd(encoder) => encoder.finish()?,
            Packer::Xz(encoder) => encoder.finish()?,
            Packer::None(file) => file,
        };
        counting.file.sync_data()?;
        Ok(counting.octets)
    }
}

impl Write for Counting {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let written = self.file.write(octets)?;
        self.octets += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Fast, and on C-DNS within a few percent of slower ones: blocks repeat little.
const ZSTD_LEVEL: i32 = 3;

/// For thin links, where octets cost more than time.
const XZ_LEVEL: u32 = 6;
