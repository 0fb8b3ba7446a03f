"""What the services' commands share. Loads nothing, so that `--help` is quick."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def settings_explained(prefix: str) -> Iterator[None]:
    """A wrong setting ends the process with a line that names its variable, instead of a traceback.

    `prefix` is what the variables of the service's own `Settings` begin with.
    """
    try:
        yield
    except ValueError as error:
        from pydantic import ValidationError
        from pydantic_settings import SettingsError

        if isinstance(error, SettingsError):
            raise SystemExit(str(error)) from None
        if isinstance(error, ValidationError) and (begin := _beginning(error.title, prefix)) is not None:
            # Of a list, each wrong item is an error of its own; the variable is one.
            wrong = {"".join(map(str, each["loc"][:1])): each["msg"] for each in error.errors()}
            raise SystemExit("\n".join(f"{begin}{name.upper()}: {why}" for name, why in wrong.items())) from None
        raise


def _beginning(title: str, prefix: str) -> str | None:
    """What the variables of the settings class of that name begin with, or None for what is no settings class."""
    if title == "Settings":
        return prefix
    from pydantic_settings import BaseSettings

    classes = [BaseSettings]
    for each in classes:
        if each.__name__ == title:
            return str(each.model_config.get("env_prefix", ""))
        classes += each.__subclasses__()
    return None
