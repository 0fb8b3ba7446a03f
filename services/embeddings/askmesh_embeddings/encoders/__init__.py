"""Encoders: token ids to unit vectors. Start reading at `base.py`."""
