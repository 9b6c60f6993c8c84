//! The sizes and numbers of statistics. Each has a name, a unit and a reason.

/// Octets in a bin of the sizes of messages (RSSAC002v5, traffic-sizes).
pub const BIN_OCTETS: usize = 16;

/// Octets from which on requests share one bin (RSSAC002v5, traffic-sizes).
pub const REQUEST_OPEN_OCTETS: usize = 288;

/// Octets from which on responses share one bin (RSSAC002v5, traffic-sizes).
pub const RESPONSE_OPEN_OCTETS: usize = 4096;

/// Query types that are counted each for itself, from 0 on: up to 264 they are assigned, and the
/// rest is room for those to come. All others are counted together.
pub const QTYPES: usize = 272;

/// RCODEs that are counted each for itself, from 0 on: up to 23 they are assigned, and the server
/// sends no other. All others are counted together.
pub const RCODES: usize = 32;

/// Octets that the IPv6 addresses and the /64 of one day may have each, on a node: 4 million
/// addresses exactly, in up to a fifth more of memory. L-Root has 1.2 to 1.9 million a day in all.
pub const SOURCES_OCTETS: usize = 64 << 20;

/// The same where the days of many nodes become one: four times as many, within 1 GiB in all.
pub const SOURCES_MERGED_OCTETS: usize = 256 << 20;

/// Octets that the IPv4 addresses of one day may have: 60 million of them exactly wherever they are,
/// and many more where they are neighbours. L-Root has 7 million a day in all.
pub const SOURCES_IPV4_OCTETS: usize = 128 << 20;

/// New IPv4 addresses between two looks at this budget: a look takes as long as some hundred.
pub const SOURCES_IPV4_LOOK: u32 = 4096;

/// Registers of a sketch, as a power of 2: 64 KiB, and a standard error of 0.41 %.
pub const SKETCH_PRECISION: u8 = 16;

/// New addresses that wait unsorted at least before they are put in order.
pub const FRESH_MIN: usize = 1024;

/// One of so many addresses waits unsorted at most: few enough to cost little memory, enough to
/// make sorting cheap.
pub const FRESH_SHARE: usize = 16;

/// Octets that an address which waits unsorted costs, for one of 16 octets, with what its tree
/// costs.
pub const FRESH_OCTETS: usize = 40;

/// Buckets of IPv4 addresses in a front: 1 MiB, 229,000 addresses of 14 in a bucket.
pub const FRONT_IPV4_BUCKETS: usize = 1 << 14;

/// Buckets of IPv6 addresses in a front: 1 MiB, 49,000 addresses of 3 in a bucket.
pub const FRONT_IPV6_BUCKETS: usize = 1 << 14;

/// Addresses that can wait between a front and who drains it: 1.5 MiB, drained every 100 ms enough
/// for 650,000 new addresses a second.
pub const RING_ADDRESSES: usize = 1 << 16;

/// Octets of one RSSAC002 document that is read: the largest, traffic-sizes with every bin, has
/// 14 kB.
pub const DOCUMENT_OCTETS_MAX: usize = 256 << 10;

/// Octets of a text in a document, such as a key of an operator's own or its value.
pub const DOCUMENT_TEXT_MAX: usize = 200;

/// How long a day stays open after its end, in ms: sources that wait in rings and the counts of
/// the last batches come within a second; a thread that is kept from running may need minutes.
pub const LATE_MS: u64 = 10 * 60 * 1000;

/// Sources of the next day that can wait for our clock to reach it: what one ring holds.
pub const EARLY_MAX: usize = RING_ADDRESSES;

/// By how much two clocks may differ between two looks at them before that is a step, in ms. Clocks
/// that are slewed differ by 0.5 ms a second.
pub const CLOCK_STEP_MS: u64 = 2000;

/// Gaps of a day that are told each for itself. What is more is told as a number and a sum.
pub const GAPS_MAX: usize = 1000;

/// Serials of a day that are timed: the root has two or three, and never had ten.
pub const SERIALS_MAX: usize = 64;

/// Percentage of the instances that have to serve a serial (RSSAC002v5, load-time).
pub const LOADED_PERCENT: usize = 95;

/// Octets of the file of a day that is read: IPv4 sources have 128 MiB at most, and IPv6 sources
/// twice their budget, that of merged days.
pub const DAY_OCTETS_MAX: u64 = 1 << 30;

/// Seconds of a slot of the course of a day: 288 slots draw a day finely, and are 35 kB of memory.
pub const CURVE_SLOT_S: u64 = 300;

/// One query in so many is looked at for who asks most: seldom enough to cost the others next to
/// nothing, and at 1000 queries a second 900 are in the sample of a minute.
pub const SAMPLE_ONE_IN: u32 = 64;

/// Samples that can wait between a worker and who drains them: 180 kB, drained every 100 ms enough
/// for 1.3 million queries a second.
pub const SAMPLES_WAITING: usize = 2048;

/// Entries of a sketch of who asks most: whoever sends more than 0.2 % of the queries has one, and
/// 18 sketches of them are 2 MB.
pub const TOP_ENTRIES: usize = 512;

/// How long a window of who asks most is, in ms: what begins is seen in it soon.
pub const TOP_WINDOW_MS: u64 = 10_000;

/// Windows that are kept, a minute in all: enough samples to tell hundreds of queries a second.
pub const TOP_WINDOWS: usize = 6;
/// Octets that can wait in a tap that keeps heads of responses: 4 MiB, 30 ms at a million queries a
/// second.
pub const CAPTURE_RING_OCTETS: usize = 4 << 20;

/// Items of a block of C-DNS: more make it hardly smaller, as measured in RFC 8618 appendix C, and
/// a reader holds a block in memory.
pub const CDNS_BLOCK_ITEMS: usize = 10_000;

/// Octets of names and data of options in a block of C-DNS at which it ends early: what is usual
/// for a full one is 200 kB.
pub const CDNS_BLOCK_OCTETS: usize = 4 << 20;

/// Octets of a control frame of Frame Streams, as its library has them.
pub const FRAMES_CONTROL_OCTETS: usize = 512;
