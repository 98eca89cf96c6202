"""Benchmarks: a file for each kind of figure, one JSON line a figure. See docs/performance.md."""
