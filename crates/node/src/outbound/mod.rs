//! Serves transfers and takes NOTIFY: what packet workers hand over.
