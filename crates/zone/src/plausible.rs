//! Whether a version can be the next of a zone: how much may change in a step.
