//! What is written, and how it is given out.
