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
        _check_options(command)
    return body


def _check_options(thing: Json) -> None:
    options = thing.get("options", [])
    if len(options) > 25:
        raise form_error("options", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    names = [option["name"] for option in options]
    for locale in [None, *_LOCALES]:
        shown = [option.get("name_localizations", {}).get(locale, option["name"]) for option in options]
        if len(set(shown)) < len(names):
            raise form_error("options", "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option names must be unique")
    required = [bool(option.get("required")) for option in options]
    if required != sorted(required, reverse=True):
        raise form_error("options", "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required options come first")
    for option in options:
        _check_localizations(option)
        _check_name(option, slash=True)
        _check_description(option)
        if option.get("autocomplete") and option.get("choices"):
            raise form_error("choices", "AUTOCOMPLETE_CHOICES", "Autocomplete and choices exclude each other")
        check_choices(option.get("choices") or [])
        _check_options(option)


def check_choices(choices: Any) -> list[Json]:
    """Choices of an option, or what is offered while somebody types."""
    if not isinstance(choices, list) or len(choices) > 25:
        raise form_error("choices", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    for choice in choices:
        if not 1 <= len(choice["name"]) <= 100 or not len(str(choice["value"])) <= 100:
            raise form_error("choices", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
    return choices


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
