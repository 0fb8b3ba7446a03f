"""Learning from use: what was asked in vain, and which answers were right."""
