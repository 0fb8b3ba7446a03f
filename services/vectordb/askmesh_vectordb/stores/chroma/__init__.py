"""Chroma's server, over its HTTP API."""
