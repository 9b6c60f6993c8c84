//! Who is told of a new serial, and how often (RFC 1996).
