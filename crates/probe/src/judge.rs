//! What a response must be for a zone whose records are known (RSSAC047 section 5.3).
