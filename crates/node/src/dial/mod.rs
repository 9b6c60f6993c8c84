//! Asks primaries: SOA queries and transfers, over UDP, TCP and TLS (RFC 9103).
