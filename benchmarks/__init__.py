"""Benchmarks: ratios from one interleaved run, never a lone absolute time."""
