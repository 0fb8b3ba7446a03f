"""The web chat and the reader that citations open."""
