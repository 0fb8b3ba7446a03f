"""What the messages say: from the assistant's events to Markdown for Discord."""

from collections.abc import Iterable, Mapping, Sequence

from askmesh_bot.answering.base import Done, Failed, Passage, Status
from askmesh_bot.frontends.discord.markdown import link, plain, safe_markdown
from askmesh_bot.frontends.discord.texts import say

_MAX_SOURCES = 8
# Characters shown of a passage.
_QUOTED = 240


def addresses(passages: Iterable[Passage], base_url: str) -> dict[int, str]:
    """The absolute address of each numbered passage."""
    return {passage.number: _absolute(passage.url, base_url) for passage in passages}


def status(event: Status, language: str = "en") -> str:
    """What is being done, in small print. The assistant tells details in English only."""
    return f"-# {plain(event.detail if language == 'en' else say(event.stage, language), 150)}"


def draft(text: str, links: Mapping[int, str]) -> str:
    """The answer as far as it is written."""
    return safe_markdown(text, links)


def answer(done: Done, base_url: str, language: str = "en") -> str:
    """The finished answer with its sources."""
    links = addresses((*done.passages, *(citation.passage for citation in done.citations)), base_url)
    body = safe_markdown(done.answer.strip(), links)
    if done.outcome == "answered":
        cited = {citation.passage.number: citation.passage for citation in done.citations}
        return body + _sources(say("sources", language), [cited[number] for number in sorted(cited)], links)
    intro = body or say("abstained" if done.outcome == "abstained" else "sources_only", language)
    return intro + _sources(say("nearest", language), done.passages, links)


def failure(failed: Failed, language: str = "en") -> str:
    """An apology a reader can act on; the remedy for the operator is in the log."""
    again = " " + say("retry", language) if failed.retryable else ""
    return say("failure", language, detail=safe_markdown(failed.detail, {})) + again


def sources(cited: Sequence[tuple[Passage, str]], base_url: str) -> str:
    """Each passage with what it says and, where there is one, the sentence of the answer that rests on it."""
    links = addresses((passage for passage, _ in cited), base_url)
    blocks = []
    for passage, sentence in cited[:_MAX_SOURCES]:
        quoted = f"\n> {plain(passage.text, _QUOTED)}" if passage.text.strip() else ""
        rests = f"\n-# {plain(sentence, 150)}" if sentence else ""
        blocks.append(f"{_source(passage, links)}{quoted}{rests}")
    return "\n".join(blocks)


def question(text: str) -> str:
    """The question on a line of its own, since Discord does not show what was given to a command."""
    return f"> {plain(text, 300)}\n"


def thread_name(text: str) -> str:
    """A thread's name: the question's first words, at most 100 characters."""
    line = " ".join(text.split())
    return (line if len(line) <= 90 else line[:89].rsplit(" ", 1)[0] + "…") or "Question"


def _sources(title: str, passages: Sequence[Passage], links: Mapping[int, str]) -> str:
    if not passages:
        return ""
    lines = [f"-# {_source(passage, links)}" for passage in passages[:_MAX_SOURCES]]
    return "\n\n" + "\n".join([f"**{title}**", *lines])


def _source(passage: Passage, links: Mapping[int, str]) -> str:
    header = (passage.header or passage.title or passage.document).translate(str.maketrans("[]", "()"))
    return f"{link(str(passage.number), links[passage.number])} {plain(header, 110)}"


def _absolute(url: str, base_url: str) -> str:
    return base_url + url if url.startswith("/") and not url.startswith("//") else url
