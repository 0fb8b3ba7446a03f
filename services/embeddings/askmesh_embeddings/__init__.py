"""Text to vectors over OpenAI's and TEI's embeddings APIs, with micro-batching."""

__version__ = "0.1.0"
