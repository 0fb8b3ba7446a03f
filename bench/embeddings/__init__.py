"""The embeddings service against its alternatives, side by side in one run: `python -m bench.embeddings`."""
