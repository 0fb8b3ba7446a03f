"""An operator's own engine that cannot start at first."""

import threading

from askmesh_llm.engines.extractive.engine import ExtractiveEngine, create


class Late(ExtractiveEngine):
    comes = threading.Event()

    async def start(self) -> None:
        if not self.comes.is_set():
            raise ConnectionError("not yet")


def late(settings):
    engine = create(settings)
    engine.__class__ = Late
    return engine
