"""Message components and modals: validated as Discord does, and found again for a click."""

from typing import Any

from .errors import form_error
from .world import Json

ACTION_ROW, BUTTON, TEXT_INPUT, LABEL = 1, 2, 4, 18


def check_components(rows: Any) -> list[Json]:
    """The rows of a message. Raises 50035 for what Discord refuses."""
    rows = rows or []
    if len(rows) > 5 or any(row.get("type") != ACTION_ROW for row in rows):
        raise form_error("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    for row in rows:
        if not 1 <= len(row["components"]) <= 5:
            raise form_error("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
        for button in row["components"]:
            _check_id(button)
            if not button.get("label") and not button.get("emoji"):
                raise form_error("label", "BASE_TYPE_REQUIRED", "This field is required")
            if len(button.get("label") or "") > 80:
                raise form_error("label", "BASE_TYPE_MAX_LENGTH", "Must be 80 or fewer in length.")
    ids = [button["custom_id"] for button in buttons(rows)]
    if len(set(ids)) < len(ids):
        raise form_error("components", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
    return rows


def check_modal(data: Json) -> Json:
    """A modal as a callback of type 9 opens it."""
    _check_id(data)
    if not 1 <= len(data.get("title", "")) <= 45:
        raise form_error("title", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 45 in length.")
    if not 1 <= len(data.get("components", [])) <= 5:
        raise form_error("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    for row in data["components"]:
        if row["type"] == LABEL and not 1 <= len(row["label"]) <= 45:
            raise form_error("label", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 45 in length.")
    return data


def filled(modal: Json, text: str) -> Json:
    """What a client sends when somebody writes `text` into every field of a modal."""
    rows = []
    for row in modal["components"]:
        fields = row["components"] if row["type"] == ACTION_ROW else [row["component"]]
        values = [{"type": TEXT_INPUT, "id": 2, "custom_id": field["custom_id"], "value": text} for field in fields]
        rows.append(
            {"type": row["type"], "id": 1}
            | ({"components": values} if row["type"] == ACTION_ROW else {"component": values[0]})
        )
    return {"custom_id": modal["custom_id"], "components": rows}


def buttons(rows: list[Json]) -> list[Json]:
    return [button for row in rows for button in row["components"]]


def _check_id(thing: Json) -> None:
    if not 1 <= len(thing.get("custom_id", "")) <= 100:
        raise form_error("custom_id", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
