"""WebSocket sessions that go on over HTTP where WebSockets are blocked."""
