//! One transfer to a secondary.
