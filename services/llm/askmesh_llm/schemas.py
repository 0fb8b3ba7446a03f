"""The wire shapes of OpenAI's chat, completions and models API, and of vLLM's tokenize and detokenize."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

# Lists end at their first wrong item: a message about each of a million would hold up everybody for seconds.
_FIRST_ERROR = Field(fail_fast=True)

FinishReasonName = Literal["stop", "length", "content_filter"]


class ContentPart(BaseModel):
    """One part of a message. Only text parts are supported; others are refused by their type."""

    model_config = ConfigDict(extra="allow")
    type: str
    text: str = ""


class ChatMessage(BaseModel):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | Annotated[list[ContentPart], _FIRST_ERROR] | None = None
    name: str | None = None


class StreamOptions(BaseModel):
    include_usage: bool | None = None


class SamplingRequest(BaseModel):
    """What chat and text completions share. Fields typed Any are known but not supported by every engine."""

    model: str | None = Field(None, description="A name from `/v1/models`. Unset: the model served here.")
    max_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stop: str | Annotated[list[str], Field(max_length=16, fail_fast=True)] | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    user: str | None = Field(None, description="Requests take turns between users of one key.")
    n: int | None = Field(None, ge=1)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    logit_bias: Any = None


class ChatCompletionRequest(SamplingRequest):
    messages: list[ChatMessage] = Field(min_length=1, fail_fast=True)
    max_completion_tokens: int | None = Field(None, ge=1)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20, description="Likeliest tokens at each place; needs logprobs.")
    response_format: Any = None
    tools: Any = None
    tool_choice: Any = None
    functions: Any = None
    function_call: Any = None
    modalities: Any = None
    audio: Any = None
    prediction: Any = None


class CompletionRequest(SamplingRequest):
    prompt: str | list[Any] = Field(description="Text, or a list of exactly one text.")
    logprobs: int | None = Field(None, ge=0, le=20, description="Likeliest tokens at each place.")
    best_of: int | None = Field(None, ge=1)
    echo: bool | None = None
    suffix: str | None = None


class ErrorFields(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """OpenAI's error object."""

    error: ErrorFields


_REASONS = {
    400: "The request is wrong",
    401: "A key is needed, or not known",
    403: "The key may not do this",
    404: "No such model",
    413: "The body, or a text in it, is too large",
    415: "The body is not JSON",
    429: "The queue is full",
    502: "The upstream failed",
    503: "Not ready, or stopping",
    504: "Not finished in time",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": reason} for status, reason in _REASONS.items()
}


class UsageBody(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class AnswerMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class LikelyToken(BaseModel):
    token: str
    logprob: float
    bytes: list[int] | None = Field(description="Its UTF-8; null where the token is only a part of a character.")


class TokenLogprobBody(LikelyToken):
    top_logprobs: list[LikelyToken]


class ChatLogprobs(BaseModel):
    content: list[TokenLogprobBody]
    refusal: None = None


class TextLogprobs(BaseModel):
    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]


class ChatChoice(BaseModel):
    index: int = 0
    message: AnswerMessage
    finish_reason: FinishReasonName
    logprobs: ChatLogprobs | None = None


class ChatCompletion(BaseModel):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: UsageBody


class CompletionChoice(BaseModel):
    index: int = 0
    text: str
    finish_reason: FinishReasonName
    logprobs: TextLogprobs | None = None


class Completion(BaseModel):
    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: UsageBody


class ModelCard(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    max_model_len: int | None = Field(description="Prompt and completion together, in tokens. null: not known.")
    engine: str


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelCard]


class TokenizeRequest(BaseModel):
    """Give `prompt` (raw text) or `messages` (counted with the model's chat template)."""

    model: str | None = None
    prompt: str | None = None
    messages: Annotated[list[ChatMessage], _FIRST_ERROR] | None = None


class TokenizeResponse(BaseModel):
    count: int
    max_model_len: int | None
    tokens: list[int] = Field(description="Empty for engines without token ids.")


class DetokenizeRequest(BaseModel):
    model: str | None = None
    tokens: list[Annotated[int, Field(ge=0, lt=2**31)]] = Field(max_length=1_000_000, fail_fast=True)


class DetokenizeResponse(BaseModel):
    prompt: str
