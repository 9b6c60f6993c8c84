//! What a zone may be at most. Each limit has a name, a unit and a reason.

/// The longest TTL, in seconds (RFC 2181 section 8): the topmost bit is not used.
pub const TTL_SECONDS_MAX: u32 = i32::MAX as u32;

/// Octets of one RRset in uncompressed wire form, the signatures of an owner counting as one: what
/// a message can hold. Keeps low what a forged zone can make its proof cost.
pub const RRSET_OCTETS_MAX: usize = 65_535;

/// Limits on the size of a zone, so that a wrong file or a lying primary cannot take the memory
/// of a server. The defaults leave ten times the room that the root needs (24,877 records and
/// 1.33 MB in July 2026), so double signing during an algorithm roll fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Records in the zone.
    pub records: usize,
    /// Octets of all records in uncompressed wire form.
    pub octets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            records: 250_000,
            octets: 16 * 1024 * 1024,
        }
    }
}
