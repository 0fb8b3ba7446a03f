"""What can be learned from. Each kind is one adapter; `registry.py` lists them."""
