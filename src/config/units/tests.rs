//! Each value that is printed parses to itself.
