"""Engines by name. Each is imported only when chosen, so the service starts without what it does not use."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from askmesh_llm.engines.base import Engine
from askmesh_llm.settings import Settings


@dataclass(frozen=True, slots=True)
class Entry:
    """Where an engine's factory is (`module:function`), and what to install when its import fails."""

    factory: str
    install: str = ""


ENGINES: dict[str, Entry] = {
    "extractive": Entry("askmesh_llm.engines.extractive.engine:create"),
    "transformers": Entry("askmesh_llm.engines.transformers.engine:create", "pip install 'askmesh-llm[transformers]'"),
    "int4": Entry("askmesh_llm.engines.int4.engine:create", "pip install 'askmesh-llm[int4]'"),
    "openai": Entry("askmesh_llm.engines.openai.engine:create"),
}


def create_engine(settings: Settings) -> Engine:
    """The engine that the settings name: one of ENGINES, or `module:function` of your own taking the settings.

    Raises SystemExit with the remedy when there is no such engine or a package it needs is missing.
    """
    name = settings.engine
    entry = ENGINES.get(name) or Entry(name)
    module_name, _, attribute = entry.factory.partition(":")
    if not attribute:
        raise SystemExit(f"unknown engine {name!r}: use {', '.join(ENGINES)} or an import string module:function")
    try:
        factory: Callable[[Settings], Engine] = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        hint = f"; install it with: {entry.install}" if entry.install else ""
        raise SystemExit(f"the engine {name!r} can't be loaded: {error}{hint}") from error
    return factory(settings)
