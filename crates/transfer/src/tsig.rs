//! Signs and checks messages by shared secrets (RFC 8945).
