"""What `benchmarks.first_echo` measures byway beside, and the processes that it takes."""
