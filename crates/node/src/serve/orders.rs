//! What an operator orders a running node to do with a zone that it fetches.
