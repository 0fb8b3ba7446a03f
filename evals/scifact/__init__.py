"""SciFact (Wadden et al. 2020, in BEIR's form) through the embeddings service: `python -m evals.scifact`."""
