//! When to ask which primary, and what for (RFC 1035 section 3.3.13, RFC 1982, RFC 1996).
