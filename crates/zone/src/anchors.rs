//! Trust anchors: built in for the root, or read from RFC 7958 XML, DS or DNSKEY form.

/// Keys that are trusted to sign a zone.
#[derive(Clone, Debug)]
pub struct Anchors {}
