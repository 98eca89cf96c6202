"""Benchmarks: one file per figure, each printing one JSON line per figure. See docs/performance.md."""
