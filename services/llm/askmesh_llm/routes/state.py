"""What the lifespan hands to the routes."""

from typing import Annotated, TypedDict, cast

from askmesh_kit.auth import Caller, require
from fastapi import Depends, Request

from askmesh_llm.engines.base import Engine
from askmesh_llm.serving import requests
from askmesh_llm.serving.generation import Generator
from askmesh_llm.settings import Settings


class State(TypedDict):
    """Made in `app.py`, read through the dependencies below."""

    engine: Engine
    generator: Generator


def get_engine(request: Request) -> Engine:
    return cast(Engine, request.state.engine)


def get_generator(request: Request) -> Generator:
    return cast(Generator, request.state.generator)


def get_settings(request: Request) -> Settings:
    return cast(Settings, request.app.state.settings)


TheEngine = Annotated[Engine, Depends(get_engine)]
TheGenerator = Annotated[Generator, Depends(get_generator)]
TheSettings = Annotated[Settings, Depends(get_settings)]
Reader = Annotated[Caller, Depends(require("read"))]


def served_names(engine: Engine, settings: Settings) -> list[str]:
    """The names a request may give as `model`, the model's own first."""
    aliases = (name.strip() for name in settings.model_aliases.split(","))
    names = [engine.info.model, *(name for name in aliases if name), *engine.info.others]
    return list(dict.fromkeys(names))


def check_model(name: str, engine: Engine, settings: Settings) -> str:
    """The served name that `name` stands for: the model's own may be given by its last part, or as the settings spell it.

    Raises ModelNotFound where it is none.
    """
    served = served_names(engine, settings)
    if name and name in {settings.model, served[0].rpartition("/")[2]}:
        return served[0]
    requests.check_served(name, served)
    return name
