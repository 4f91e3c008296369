"""One package per family of runs; no family imports another."""
