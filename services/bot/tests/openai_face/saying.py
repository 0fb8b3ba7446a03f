"""Short forms for what the tests of the OpenAI face say and read."""

from typing import Any

from openai import OpenAI, Stream
from openai.types.chat import ChatCompletion, ChatCompletionChunk

QUESTION = "How do I read a whole text file?"


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def ask(client: OpenAI, *messages: dict[str, Any], **parameters: Any) -> ChatCompletion:
    given = list(messages) or [user(QUESTION)]
    return client.chat.completions.create(model="default", messages=given, **parameters)


def stream(client: OpenAI, *messages: dict[str, Any], **parameters: Any) -> Stream[ChatCompletionChunk]:
    given = list(messages) or [user(QUESTION)]
    return client.chat.completions.create(model="default", messages=given, stream=True, **parameters)


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def annotations_of(chunk: ChatCompletionChunk) -> list[dict[str, Any]]:
    return (chunk.choices[0].delta.model_extra or {}).get("annotations", [])
