"""The doctor: tries every transport through the network as it is, and says what is in the way."""

from byway.doctor.doctor import diagnose

__all__ = ["diagnose"]
