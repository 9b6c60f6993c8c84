//! One transfer from a primary.
