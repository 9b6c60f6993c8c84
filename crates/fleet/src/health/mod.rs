//! How well a node is, from evidence that it has itself.
