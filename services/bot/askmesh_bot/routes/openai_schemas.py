"""Wire shapes of OpenAI's chat completions and models API, as far as the bot speaks them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class ContentPart(BaseModel):
    """A part of a message. Only text can be asked."""

    model_config = ConfigDict(extra="allow")
    type: str
    text: str = ""


class ChatMessage(BaseModel):
    """What somebody said."""

    role: str
    content: str | list[ContentPart] | None = None


class StreamOptions(BaseModel):
    """What a stream tells besides the answer."""

    include_usage: bool | None = False


class ChatCompletionRequest(BaseModel):
    """A conversation whose last user message is the question. Parameters not listed here are ignored."""

    model: str | None = Field(None, description="A name from `/v1/models`. Unset: the default collection.")
    messages: list[ChatMessage] = Field(min_length=1, fail_fast=True)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    # What follows is known and refused, by name, unless it asks for nothing.
    n: Any = None
    stop: Any = None
    tools: Any = None
    tool_choice: Any = None
    functions: Any = None
    function_call: Any = None
    response_format: Any = None
    logprobs: Any = None
    modalities: Any = None
    audio: Any = None


class UrlCitation(BaseModel):
    """A link of the answer. `content[start_index:end_index]` is `[n](url)`, counted in Unicode characters."""

    start_index: int
    end_index: int
    title: str
    url: str


class Annotation(BaseModel):
    """A citation of the answer."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class AnswerMessage(BaseModel):
    """The answer, as Markdown."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[Annotation]


class Choice(BaseModel):
    """The one answer."""

    index: int = 0
    message: AnswerMessage
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class Usage(BaseModel):
    """Tokens of the language model."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(BaseModel):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | None = Field(description="null where it is not known.")


class Model(BaseModel):
    """A collection."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="When it was first learned, in Unix seconds; 0 before that.")
    owned_by: str = "askmesh"


class ModelList(BaseModel):
    """The collections, the default one first."""

    object: Literal["list"] = "list"
    data: list[Model]
