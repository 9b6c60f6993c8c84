//! Real NSD, Knot and BIND from Debian, configured to serve given zones on loopback.
