"""What several processes cost: the parts of `benchmarks.relay`."""
