//! Keeps proven zones on disk: versions, differences, verdicts.
