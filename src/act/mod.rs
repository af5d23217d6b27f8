//! Vetoes, then delivery.
