"""Rerankers: a query and documents to relevance scores. Start reading at `base.py`."""
