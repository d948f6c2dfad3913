"""The client: a channel that finds a transport which gets through."""

from byway.client.connect import connect

__all__ = ["connect"]
