//! The records of a zone as one run of octets, to be kept and sent.
