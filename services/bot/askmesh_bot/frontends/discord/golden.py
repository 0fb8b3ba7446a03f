"""Where accepted answers go."""

from typing import Protocol


class Golden(Protocol):
    """Keeps accepted answers with the documents they cite: questions by which answers are measured."""

    async def add(self, answer_id: str, *, added_by: str) -> object:
        """Again is no error. Raises ServiceError for an answer that can't be kept, as one that is forgotten."""

    async def remove(self, answer_id: str) -> None:
        """Raises NotFound where it is not kept."""
