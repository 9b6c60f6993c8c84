//! The sizes that the protocol fixes, in octets unless the name says otherwise.

/// The header of a message (RFC 1035 section 4.1.1).
pub const HEADER_LEN: usize = 12;

/// A domain name in wire form, with its lengths and the root label (RFC 1035 section 3.1).
pub const NAME_LEN_MAX: usize = 255;

/// One label without its length octet (RFC 1035 section 3.1).
pub const LABEL_LEN_MAX: usize = 63;

/// A UDP message where the client says nothing of its buffer (RFC 1035 section 4.2.1); a smaller
/// size said in EDNS counts as this one (RFC 6891 section 6.2.3).
pub const UDP_LEN_CLASSIC: usize = 512;

/// The largest UDP response that is not expected to be fragmented (DNS flag day 2020, RFC 9715).
pub const UDP_LEN_DEFAULT: usize = 1232;

/// An OPT record without options (RFC 6891 section 6.1.2).
pub const OPT_LEN: usize = 11;

/// Type and class behind the name of a question.
pub const QUESTION_TAIL_LEN: usize = 4;

/// The cookie of a client (RFC 7873 section 4.1).
pub const COOKIE_CLIENT_LEN: usize = 8;

/// The cookie of a server (RFC 9018 section 4).
pub const COOKIE_SERVER_LEN: usize = 16;
