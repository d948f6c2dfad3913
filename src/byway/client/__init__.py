"""The client: find a transport that gets through, and keep the session on it."""
