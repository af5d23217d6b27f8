//! `tick()`: the sentence; `run()`: the loop.
