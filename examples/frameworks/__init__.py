"""The same chat in several frameworks: all visitors receive what one of them says."""
