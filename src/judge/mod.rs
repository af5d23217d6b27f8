//! Pure: thresholds, ladders, rungs, brakes -> verdicts with orders. Time is an argument.
