//! What a server says about itself when asked.

/// Who answers: NSID (RFC 5001) and the CHAOS names (RFC 4892). `None` is not told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// `id.server.` and `hostname.bind.` CH TXT, and the NSID option; at most 255 octets.
    pub name: Option<Vec<u8>>,
    /// `version.server.` and `version.bind.` CH TXT; at most 255 octets.
    pub version: Option<Vec<u8>>,
}
