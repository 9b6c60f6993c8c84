//! One transfer to a secondary: a zone or its differences in, messages out (RFC 5936, RFC 1995).
