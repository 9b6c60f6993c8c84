//! What a zone may be at most. Each limit has a name, a unit and a reason.

/// The longest TTL, in seconds (RFC 2181 section 8): the topmost bit is not used.
pub const TTL_SECONDS_MAX: u32 = i32::MAX as u32;

/// Octets of one RRset in uncompressed wire form, the signatures of an owner counting as one: what
/// a message can hold. Keeps low what a forged zone can make its proof cost.
pub const RRSET_OCTETS_MAX: usize = 65_535;

/// Records that may be added and removed from one version to the next, those aside that signing
/// makes: a tenth of the root.
///
/// Of the 2,575 steps of the root from November 2023 to August 2026, the largest changed 341 (a
/// registry moved its name servers; 351 with what signing makes), half changed none, and of a
/// hundred steps one changed more than 50. A server that was off for a week, after which a copy
/// has expired, took a step of 585 at most, for a month 939, for half a year 2,075. So there is
/// room for six times the largest step, and for a week's changes three times over.
pub const CHANGED_RECORDS_MAX: usize = 2_000;

/// Delegations that may come and go from one version to the next.
///
/// In those 2,575 steps it was 2 at most, in a week 3, in half a year 10. But they were years
/// without a round of new top-level domains: for that of 2012, ICANN promised at most 1,000 a
/// year, which is 20 a week.
pub const CHANGED_DELEGATIONS_MAX: usize = 20;

/// Octets by which a zone may grow or shrink from one version to the next, those aside that signing
/// makes: a tenth of the root, as of its records.
///
/// In those 2,575 steps it was 9,188 at most (170 DS records went), in a week 9,871, in a month
/// 16,200. What it holds off beyond the bound on records is a few that are huge.
pub const CHANGED_OCTETS_MAX: usize = 75_000;

/// Limits on the size of a zone, so that a wrong file or a lying primary cannot take the memory
/// of a server. The defaults leave ten times the room that the root needs (24,877 records and
/// 1.62 MB in July 2026), so double signing during an algorithm roll fits.
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
