"""What `byway demo` shows."""
