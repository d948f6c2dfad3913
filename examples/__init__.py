"""Examples: each is a file that runs, and that the tests run."""
