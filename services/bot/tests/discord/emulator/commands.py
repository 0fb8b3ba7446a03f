"""Validation of application commands, as the bulk overwrite does it."""

import re
from typing import Any

from .errors import form_error
from .world import Json

_NAME = re.compile(r"[-_'\w]{1,32}")


def check_commands(body: Any) -> list[Json]:
    """The commands given. Raises 50035 for bad names, descriptions and counts."""
    if not isinstance(body, list):
        raise form_error("_errors", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
    if sum(command.get("type", 1) == 1 for command in body) > 100:
        raise form_error("_errors", "BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length.")
    for command in body:
        slash = command.get("type", 1) == 1
        _check_name(command, slash=slash)
        if slash:
            _check_description(command)
        _check_localizations(command)
        for option in command.get("options", []):
            _check_localizations(option)
            _check_name(option, slash=True)
            _check_description(option)
    return body


def _check_name(thing: Json, *, slash: bool) -> None:
    name = thing.get("name", "")
    fits = _NAME.fullmatch(name) and name == name.lower() if slash else 1 <= len(name) <= 32
    if not fits:
        raise form_error("name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


_LOCALES = {
    *("id", "da", "de", "en-GB", "en-US", "es-ES", "es-419", "fr", "hr", "it", "lt", "hu", "nl", "no", "pl", "pt-BR"),
    *("ro", "fi", "sv-SE", "vi", "tr", "cs", "el", "bg", "ru", "uk", "hi", "th", "zh-CN", "ja", "zh-TW", "ko"),
}


def _check_localizations(thing: Json) -> None:
    for locale, name in (thing.get("name_localizations") or {}).items():
        _check_locale(locale)
        _check_name({"name": name}, slash=thing.get("type", 1) not in (2, 3) or "description" in thing)
    for locale, description in (thing.get("description_localizations") or {}).items():
        _check_locale(locale)
        _check_description({"description": description})


def _check_locale(locale: str) -> None:
    if locale not in _LOCALES:
        raise form_error("name_localizations", "APPLICATION_COMMAND_INVALID_LOCALE", "Unknown locale")


def _check_description(thing: Json) -> None:
    if not 1 <= len(thing.get("description", "")) <= 100:
        raise form_error("description", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
