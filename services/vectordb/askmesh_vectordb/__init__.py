"""A vector database API that speaks Pinecone's control and data plane over swappable stores."""

__version__ = "0.1.0"
