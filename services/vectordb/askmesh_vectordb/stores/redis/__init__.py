"""Redis 8 with vector sets."""
