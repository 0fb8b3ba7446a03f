"""Conversations among people as something to learn from. `base.py` says what a thread is, `document.py` makes one learnable."""
