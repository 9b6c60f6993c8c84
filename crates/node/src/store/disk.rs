//! What the store asks of a disk: one folder of files, each written whole.
//!
//! This is the only way from the store to files, so that a simulated disk can take its place.

use std::io;

/// One folder. Every name is a plain file name within it.
///
/// The promises that the store builds on are few: what [`Disk::write`] was given is there whole
/// after a crash if the name is there and `write` had returned; [`Disk::rename`] shows the old file
/// or the new one, never a mixture; names written, renamed or removed are certain to stay so once
/// [`Disk::sync_folder`] has returned, and until then may each be in either state.
pub trait Disk {
    /// Where this is, for messages.
    fn place(&self) -> String;

    /// The names in the folder, in any order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// The octets of a regular file; of more than `octets_max` none ([`io::ErrorKind::FileTooLarge`]).
    fn read(&self, name: &str, octets_max: u64) -> io::Result<Vec<u8>>;

    /// Makes a file that must not exist, writes it whole and brings its content to the medium.
    ///
    /// What was written of it before an error may be left.
    fn write(&self, name: &str, octets: &[u8]) -> io::Result<()>;

    /// Gives a file another name, in place of what had that name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Brings the names of the folder to the medium.
    fn sync_folder(&self) -> io::Result<()>;
}
