"""Parsers: from one file's text to its sections, with exact line ranges. None of them reads a file or runs code."""
