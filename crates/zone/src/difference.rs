//! What changed from one version of a zone to another, and how to get there.
