"""Learning: from sources to records in the vector database, embedding only what changed."""
