"""The vector database beside its alternatives."""
