"""The orchestrator: learns sources, answers questions with checked citations, and talks to people."""

__version__ = "0.1.0"
