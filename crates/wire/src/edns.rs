//! Extension mechanisms: the OPT record of a query and of its response (RFC 6891).
//!
//! ```text
//! OPT   name 0 | type 41 | size | ext-rcode | version | DO, Z | length | options
//! option   code | length | data
//! ```

use crate::cursor::Cursor;
use crate::limits::{COOKIE_CLIENT_LEN, COOKIE_SERVER_LEN};
use crate::rcode::Rcode;
use crate::rtype::Rtype;

/// What the OPT record of a query asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edns {
    /// The largest UDP response that the client can take, in octets, as it says.
    pub udp_len_max: u16,
    /// The version; only 0 exists.
    pub version: u8,
    /// DNSSEC records are wanted (DO, RFC 3225).
    pub dnssec: bool,
    /// The options that this server knows, a bit each.
    asked: u8,
    /// The cookies that it shows (RFC 7873).
    pub cookie: Option<Cookie>,
    /// Whether it has a COOKIE option of a length that cookies do not have, which is an error to a
    /// server that uses them (RFC 7873 section 5.2.2).
    pub has_bad_cookie: bool,
}

/// The cookies of a query (RFC 7873 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// The client's own.
    pub client: [u8; COOKIE_CLIENT_LEN],
    /// The one that a server gave it.
    pub server: ServerCookie,
}

/// What a query says of the cookie that a server gave to its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerCookie {
    /// None was given.
    Absent,
    /// One of the length that all servers are to use (RFC 9018 section 4).
    Given([u8; COOKIE_SERVER_LEN]),
    /// One of another length, which this server never gave.
    Foreign,
}

impl Cookie {
    /// Reads the data of an option. `None` if the length is none of a cookie (RFC 7873
    /// section 5.2.2).
    fn parse(data: &[u8]) -> Option<Cookie> {
        let (client, server) = data.split_first_chunk()?;
        let server = match server.len() {
            0 => ServerCookie::Absent,
            COOKIE_SERVER_LEN => ServerCookie::Given(*server.first_chunk()?),
            8..=32 => ServerCookie::Foreign,
            _ => return None,
        };
        Some(Cookie {
            client: *client,
            server,
        })
    }
}

/// The options that this server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum OptionCode {
    /// Which server answers (RFC 5001).
    Nsid = 3,
    /// Who asks has been seen before (RFC 7873).
    Cookie = 10,
    /// How long an idle TCP connection stays open (RFC 7828).
    Keepalive = 11,
    /// Octets that hide how long a message is (RFC 7830).
    Padding = 12,
    /// Why there is an error (RFC 8914).
    Ede = 15,
    /// From which version of the zone the response is (RFC 9660).
    ZoneVersion = 19,
}

/// Extended error codes (RFC 8914 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Ede {
    /// The zone is not ready to be served.
    NotReady = 14,
    /// The server does not do this for this client.
    Prohibited = 18,
    /// The server has no zone that encloses the name.
    NotAuthoritative = 20,
}

impl Edns {
    /// Parses what follows the name and type of an OPT record and moves `cursor` behind it.
    /// `None` if the record or one of its options is cut short. What stands in the options of
    /// another version is unknown, so they are passed over.
    #[inline]
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Option<Self> {
        let udp_len_max = cursor.take_u16()?;
        let [_ext_rcode, version, flags, _z] = *cursor.take_array()?;
        let len = cursor.take_u16()?;
        let mut options = Cursor::new(cursor.take(usize::from(len))?);
        let mut edns = Edns {
            udp_len_max,
            version,
            dnssec: flags & 0x80 != 0,
            asked: 0,
            cookie: None,
            has_bad_cookie: false,
        };
        while version == 0 && !options.is_empty() {
            let code = options.take_u16()?;
            let len = options.take_u16()?;
            let data = options.take(usize::from(len))?;
            edns.asked |= match code {
                3 => OptionCode::Nsid.bit(),
                // Of several, the first counts (RFC 7873 section 5.2).
                10 if !edns.asks(OptionCode::Cookie) => {
                    edns.cookie = Cookie::parse(data);
                    edns.has_bad_cookie = edns.cookie.is_none();
                    OptionCode::Cookie.bit()
                }
                11 => OptionCode::Keepalive.bit(),
                12 => OptionCode::Padding.bit(),
                // One that is not empty is to be ignored (RFC 9660 section 3.2).
                19 if len == 0 => OptionCode::ZoneVersion.bit(),
                _ => 0,
            };
        }
        Some(edns)
    }

    /// Whether the query has this option.
    #[inline]
    pub fn asks(&self, option: OptionCode) -> bool {
        self.asked & option.bit() != 0
    }

    /// Whether the query has any option that this server knows.
    #[inline]
    pub fn asks_any(&self) -> bool {
        self.asked != 0
    }

    /// The fixed part of the OPT record of a response: version 0, DO copied (RFC 3225
    /// section 3), `udp_len_max` the largest query that this server takes over UDP.
    #[inline]
    pub fn encode(&self, rcode: Rcode, udp_len_max: u16, options_len: u16) -> [u8; 11] {
        let [t0, t1] = Rtype::OPT.0.to_be_bytes();
        let [s0, s1] = udp_len_max.to_be_bytes();
        let [l0, l1] = options_len.to_be_bytes();
        let ext_rcode = (rcode.0 >> 4) as u8;
        let dnssec = if self.dnssec { 0x80 } else { 0 };
        [0, t0, t1, s0, s1, ext_rcode, 0, dnssec, 0, l0, l1]
    }
}

impl OptionCode {
    #[inline]
    fn bit(self) -> u8 {
        match self {
            OptionCode::Nsid => 1,
            OptionCode::Keepalive => 2,
            OptionCode::Ede => 4,
            OptionCode::ZoneVersion => 8,
            OptionCode::Cookie => 16,
            OptionCode::Padding => 32,
        }
    }
}
