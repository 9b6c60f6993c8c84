//! One transfer from a primary: messages in, records or differences out (RFC 5936, RFC 1995).
