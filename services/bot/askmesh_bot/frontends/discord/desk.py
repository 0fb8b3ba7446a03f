"""What buttons and `/privacy` do: feedback, the sources of an answer, asking again, forgetting people."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import discord
from askmesh_kit.errors import NotFound
from askmesh_kit.logs import get_logger

from askmesh_bot.answering.base import Passage
from askmesh_bot.conversations.service import Verdict
from askmesh_bot.database.models import AnswerRow
from askmesh_bot.frontends.discord import rendering
from askmesh_bot.frontends.discord.answerer import Answerer, asker_name
from askmesh_bot.frontends.discord.asking import InteractionAsker
from askmesh_bot.frontends.discord.buttons import AnswerVerb, Click, PrivacyVerb, ReasonModal, privacy_buttons
from askmesh_bot.frontends.discord.destinations import NO_MENTIONS
from askmesh_bot.frontends.discord.splitting import messages
from askmesh_bot.frontends.discord.texts import language_of, say

log = get_logger("askmesh.discord.desk")

# Messages that the sources of one answer may take.
_MOST_MESSAGES = 4


class ButtonDesk:
    """Every click is answered in private, and first of all acknowledged: Discord waits three seconds for that."""

    def __init__(self, answerer: Answerer, asker: InteractionAsker) -> None:
        self._answerer, self._asker = answerer, asker
        # Told whoever opts out.
        self.on_opt_out: Callable[[int], Awaitable[None]] | None = None

    async def kindly(self, click: Click, work: Awaitable[None]) -> None:
        try:
            with self._answerer.tracker.handling():
                await work
        except Exception:
            log.exception("click_broke")
            await apologise(click)

    async def answer_clicked(self, click: Click, verb: AnswerVerb, answer_id: str, asker_id: int) -> None:
        if verb == "up":
            await click.response.defer(ephemeral=True, thinking=True)
            await self._rate(click, answer_id, "up", "")
        elif verb == "down":
            # The verdict stands even where no reason is given.
            await click.response.send_modal(ReasonModal(answer_id, language_of(click.locale)))
            await self._keep_verdict(click, answer_id, "down", "")
        elif verb == "sources":
            await click.response.defer(ephemeral=True, thinking=True)
            await self._show_sources(click, answer_id)
        else:
            await self._ask_again(click, answer_id, asker_id)

    async def reason_given(self, click: Click, answer_id: str, reason: str) -> None:
        """What the modal of "not helpful" brought."""
        await click.response.defer(ephemeral=True, thinking=True)
        await self._rate(click, answer_id, "down", reason)

    async def privacy(self, click: Click) -> None:
        """Say what is kept, with the buttons that change it."""
        language = language_of(click.locale)
        out = await self._answerer.journal.opted_out(click.user.id)
        text = say("kept", language, days=f"{self._answerer.conversations.keep_days:g}")
        if out:
            text += "\n\n" + say("opted_out", language)
        buttons = privacy_buttons(out, language)
        await click.response.send_message(text, view=buttons, ephemeral=True, allowed_mentions=NO_MENTIONS)

    async def privacy_clicked(self, click: Click, verb: PrivacyVerb) -> None:
        language, journal = language_of(click.locale), self._answerer.journal
        await click.response.defer(ephemeral=True, thinking=True)
        if verb == "delete":
            await _tell(click, say("deleted", language, count=await self._forget(click.user.id)))
            return
        await journal.opt_out(click.user.id, verb == "out")
        if verb == "out" and self.on_opt_out is not None:
            await self.on_opt_out(click.user.id)
        await _tell(click, say("opted_out" if verb == "out" else "opted_in", language))

    async def _forget(self, user_id: int) -> int:
        journal = self._answerer.journal
        asked = await journal.noted(user_id, "asked")
        deleted = await self._answerer.conversations.forget(asker_name(user_id), asked=asked)
        # Last, so that a failure above leaves the notes by which to try again.
        await journal.forget(user_id)
        self._answerer.published.forget(user_id)
        return deleted

    async def _rate(self, click: Click, answer_id: str, verdict: Verdict, reason: str) -> None:
        kept = await self._keep_verdict(click, answer_id, verdict, reason)
        await _tell(click, say("thanks" if kept else "forgotten", language_of(click.locale)))

    async def _keep_verdict(self, click: Click, answer_id: str, verdict: Verdict, reason: str) -> bool:
        try:
            rater = asker_name(click.user.id)
            await self._answerer.conversations.feedback(answer_id, verdict, reason, rater=rater)
        except NotFound:
            return False
        return True

    async def _show_sources(self, click: Click, answer_id: str) -> None:
        language, row = language_of(click.locale), await self._find(click, answer_id)
        if row is None:
            await _tell(click, say("forgotten", language))
            return
        cited = [(Passage(**citation["passage"]), str(citation["sentence"])) for citation in row.citations]
        shown = cited or [(Passage(**passage), "") for passage in row.passages]
        text = rendering.sources(await self._quotable(row, shown), self._answerer.base_url)
        first, *more = messages(text or say("no_sources", language))
        await _tell(click, first)
        for content in more[: _MOST_MESSAGES - 1]:
            await click.followup.send(content, ephemeral=True, allowed_mentions=NO_MENTIONS, suppress_embeds=True)

    async def _quotable(self, row: AnswerRow, shown: list[tuple[Passage, str]]) -> list[tuple[Passage, str]]:
        """The passages, without the words of those whose document has changed or gone since the question was asked:
        what was taken back is not told again."""
        places = {(passage.source, passage.document) for passage, _ in shown}
        asked_at = row.created_at - timedelta(milliseconds=row.timings_ms.get("total", 0.0))
        same = await self._answerer.published.unchanged(row.collection, places, asked_at)
        return [
            (passage if (passage.source, passage.document) in same else replace(passage, text=""), sentence)
            for passage, sentence in shown
        ]

    async def _ask_again(self, click: Click, answer_id: str, asker_id: int) -> None:
        language = language_of(click.locale)
        row = await self._find(click, answer_id) if click.user.id == asker_id else None
        if row is None:
            text = say("forgotten" if click.user.id == asker_id else "only_asker", language)
            await click.response.send_message(text, ephemeral=True, allowed_mentions=NO_MENTIONS)
            return
        private = bool(click.message and click.message.flags.ephemeral)
        await self._asker.ask(click, row.question, private=private, sources=tuple(row.sources))

    async def _find(self, click: Click, answer_id: str) -> AnswerRow | None:
        """The answer below which the button is, in the conversation that its message is remembered with."""
        place = await self._answerer.journal.place(click.message.id) if click.message else None
        if place is None:
            return None
        try:
            conversation = await self._answerer.conversations.get(
                place.conversation_id, asker=asker_name(place.asker_id)
            )
        except NotFound:
            return None
        return next((row for row in conversation.answers if row.id == answer_id), None)


async def apologise(click: Click) -> None:
    """A kind word where something broke; that Discord refuses it is nobody's loss."""
    text = say("apology", language_of(click.locale))
    try:
        if click.response.is_done():
            await click.followup.send(text, ephemeral=True, allowed_mentions=NO_MENTIONS)
        else:
            await click.response.send_message(text, ephemeral=True, allowed_mentions=NO_MENTIONS)
    except (discord.HTTPException, OSError) as failed:
        log.info("apology_refused", error=str(failed))


async def _tell(click: Click, text: str) -> None:
    await click.edit_original_response(content=text, allowed_mentions=NO_MENTIONS)
