"""An operator's own engine that cannot start at first."""

from askmesh_llm.engines.extractive.engine import ExtractiveEngine, create


class Late(ExtractiveEngine):
    attempts = 0

    async def start(self) -> None:
        self.attempts += 1
        if self.attempts < 4:
            raise ConnectionError("not yet")


def late(settings):
    engine = create(settings)
    engine.__class__ = Late
    return engine
