"""Test vectors: cases that the Python and the JavaScript client have to answer alike."""
