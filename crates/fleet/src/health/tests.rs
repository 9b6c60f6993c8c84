//! Health over time.
