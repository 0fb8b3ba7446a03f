"""What writes text: an interface (`base.py`), its registry and its adapters."""
