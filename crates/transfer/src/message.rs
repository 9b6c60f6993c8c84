//! The messages that secondaries and primaries exchange: SOA queries, NOTIFY, requests for transfers.
