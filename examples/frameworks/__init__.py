"""The same chat in several frameworks: everybody in the room hears what anybody says."""
