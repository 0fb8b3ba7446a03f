"""The orchestrator: learns sources, answers questions with checked citations, and talks to people."""
