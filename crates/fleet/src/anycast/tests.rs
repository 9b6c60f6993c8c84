//! The decider of one node over time.
