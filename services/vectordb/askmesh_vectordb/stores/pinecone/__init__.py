"""Pinecone, or anything that speaks its API, behind the official SDK."""
