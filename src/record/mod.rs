//! One Event type -> log line, counters.
