"""The demonstration: a real text through real servers, over every transport."""
