"""Qdrant, as a server or, in small, in this process."""
