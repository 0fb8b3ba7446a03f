"""Log-probabilities in the two shapes that OpenAI's clients know."""

from collections.abc import Sequence

from askmesh_llm.engines.base import TokenLogprob
from askmesh_llm.schemas import ChatLogprobs, LikelyToken, TextLogprobs, TokenLogprobBody


def of_chat(entries: Sequence[TokenLogprob]) -> ChatLogprobs:
    """The shape of chat completions."""
    return ChatLogprobs(
        content=[
            TokenLogprobBody(
                token=entry.token,
                logprob=entry.logprob,
                bytes=_utf8(entry.token),
                top_logprobs=[
                    LikelyToken(token=token, logprob=value, bytes=_utf8(token)) for token, value in entry.top
                ],
            )
            for entry in entries
        ]
    )


def of_text(entries: Sequence[TokenLogprob], offset: int = 0) -> TextLogprobs:
    """The shape of text completions; `offset` is where the first token begins, in characters of the answer."""
    offsets = []
    for entry in entries:
        offsets.append(offset)
        offset += len(entry.token)
    return TextLogprobs(
        tokens=[entry.token for entry in entries],
        token_logprobs=[entry.logprob for entry in entries],
        top_logprobs=[dict(entry.top) for entry in entries],
        text_offset=offsets,
    )


def _utf8(token: str) -> list[int] | None:
    return None if "�" in token else list(token.encode())
