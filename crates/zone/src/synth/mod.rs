//! Makes and signs a test root with the proportions of the real one.
