//! The limits of what is stored: name, unit, reason.

/// Octets of one file. A zone of the largest size that is taken (16 MiB, `imrs_zone::Limits`) fits
/// twice, so that a difference which replaces such a zone whole fits as well.
pub const FILE_OCTETS_MAX: u64 = 40 << 20;

/// Octets of the small file that says when a zone was last confirmed; it has under 200.
pub const CONFIRMED_OCTETS_MAX: u64 = 4096;

/// Differences in one chain, each a file that is listed and read at start. The root changes twice
/// a day: a year and a half.
pub const DIFFERENCES_MAX: usize = 1024;

/// Versions kept unless the operator says otherwise: four days of the root.
pub const VERSIONS: usize = 8;

/// Octets of all copies and differences of one zone unless the operator says otherwise: a hundred
/// versions of the root.
pub const STORE_OCTETS_MAX: u64 = 128 << 20;

/// Octets of a folder's name; file systems take 255.
pub(super) const FOLDER_NAME_MAX: usize = 200;
