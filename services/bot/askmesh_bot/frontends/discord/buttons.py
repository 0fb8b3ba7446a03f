"""Buttons that work after a restart: everything a click needs to know stands in the button's own id."""

import re
from collections.abc import Awaitable
from typing import Any, Literal, Protocol, Self, cast

import discord

from askmesh_bot.frontends.discord.texts import say

AnswerVerb = Literal["up", "down", "sources", "again"]
PrivacyVerb = Literal["delete", "out", "in"]
Click = discord.Interaction[Any]

_ANSWER = r"askmesh:(?P<verb>up|down|sources|again):(?P<answer>\w{1,40}):(?P<asker>\d{1,20})"
_PRIVACY = r"askmesh:privacy:(?P<verb>delete|out|in)"
_REASON = re.compile(r"askmesh:reason:(?P<answer>\w{1,40})")
_ANSWER_BUTTONS: tuple[tuple[AnswerVerb, str, str], ...] = (
    ("up", "helpful", "👍"),
    ("down", "not_helpful", "👎"),
    ("sources", "sources", "📖"),
    ("again", "again", "🔁"),
)


class Desk(Protocol):
    """What happens on a click. The client that was clicked through has one as `desk`."""

    async def answer_clicked(self, click: Click, verb: AnswerVerb, answer_id: str, asker_id: int) -> None: ...

    async def privacy_clicked(self, click: Click, verb: PrivacyVerb) -> None: ...

    async def kindly(self, click: Click, work: Awaitable[None]) -> None:
        """Do `work`; whatever it raises becomes an apology."""


class AnswerButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=_ANSWER):
    """One of the buttons below an answer."""

    def __init__(self, item: discord.ui.Button[Any], verb: AnswerVerb, answer_id: str, asker_id: int) -> None:
        super().__init__(item)
        self._verb, self._answer_id, self._asker_id = verb, answer_id, asker_id

    @classmethod
    async def from_custom_id(cls, click: Click, item: discord.ui.Item[Any], match: re.Match[str], /) -> Self:
        button = cast("discord.ui.Button[Any]", item)
        return cls(button, cast("AnswerVerb", match["verb"]), match["answer"], int(match["asker"]))

    async def callback(self, click: Click) -> None:
        desk = _desk(click)
        await desk.kindly(click, desk.answer_clicked(click, self._verb, self._answer_id, self._asker_id))


class PrivacyButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=_PRIVACY):
    """A button of `/privacy`; it concerns whoever clicks it."""

    def __init__(self, item: discord.ui.Button[Any], verb: PrivacyVerb) -> None:
        super().__init__(item)
        self._verb = verb

    @classmethod
    async def from_custom_id(cls, click: Click, item: discord.ui.Item[Any], match: re.Match[str], /) -> Self:
        return cls(cast("discord.ui.Button[Any]", item), cast("PrivacyVerb", match["verb"]))

    async def callback(self, click: Click) -> None:
        desk = _desk(click)
        await desk.kindly(click, desk.privacy_clicked(click, self._verb))


def answer_buttons(answer_id: str, asker_id: int, language: str) -> discord.ui.View:
    """The buttons below an answer."""
    view = discord.ui.View(timeout=None)
    for verb, text, emoji in _ANSWER_BUTTONS:
        custom_id = f"askmesh:{verb}:{answer_id}:{asker_id}"
        button = discord.ui.Button[Any](label=say(text, language), emoji=emoji, custom_id=custom_id)
        view.add_item(AnswerButton(button, verb, answer_id, asker_id))
    return _stateless(view)


def privacy_buttons(opted_out: bool, language: str) -> discord.ui.View:
    """Delete, and the other of opting out and in."""
    view = discord.ui.View(timeout=None)
    delete = discord.ui.Button[Any](
        label=say("delete_mine", language), style=discord.ButtonStyle.danger, custom_id="askmesh:privacy:delete"
    )
    view.add_item(PrivacyButton(delete, "delete"))
    verb: PrivacyVerb = "in" if opted_out else "out"
    choice = discord.ui.Button[Any](label=say(f"opt_{verb}", language), custom_id=f"askmesh:privacy:{verb}")
    view.add_item(PrivacyButton(choice, verb))
    return _stateless(view)


class ReasonModal(discord.ui.Modal):
    """Asks why an answer did not help. What is sent comes back by its id; see `reason_given`."""

    def __init__(self, answer_id: str, language: str) -> None:
        super().__init__(title=say("reason_title", language), custom_id=f"askmesh:reason:{answer_id}")
        field = discord.ui.TextInput[Any](
            custom_id="reason", style=discord.TextStyle.paragraph, required=False, max_length=1000
        )
        self.add_item(discord.ui.Label(text=say("reason_label", language), component=field))
        self.stop()  # Kept nowhere in this process, so that one sent before a restart is no different.


def reason_given(click: Click) -> tuple[str, str] | None:
    """The answer's id and the reason, where `click` is a `ReasonModal` that was sent."""
    data: Any = click.data or {}
    match = _REASON.fullmatch(str(data.get("custom_id", "")))
    if click.type is not discord.InteractionType.modal_submit or match is None:
        return None
    rows = data.get("components") or []
    fields = [field for row in rows for field in (row.get("components") or [row.get("component") or {}])]
    return match["answer"], next((str(field.get("value") or "") for field in fields), "")


def _stateless(view: discord.ui.View) -> discord.ui.View:
    # A finished view is sent like any other, but discord.py does not keep it: clicks are matched by their ids.
    view.stop()
    return view


def _desk(click: Click) -> Desk:
    return cast("Desk", click.client.desk)
