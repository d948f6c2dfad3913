"""The former name of `byway.runtime`."""

from byway.runtime import LATE, Attachment, LiveSession

__all__ = ["LATE", "Attachment", "LiveSession"]
