"""From OpenAI's request parameters to an engine's prompt and sampling parameters, refusing what can't be honoured."""

from collections.abc import Mapping, Sequence
from typing import Any

from askmesh_kit.errors import InvalidRequest, NotFound, TooLarge

from askmesh_llm.engines.base import EngineInfo, Message, Prompt, Role, SamplingParams, UnsupportedParameter
from askmesh_llm.schemas import ChatCompletionRequest, ChatMessage, CompletionRequest, ContentPart, SamplingRequest

# Known parameters, with the values that ask for nothing. Any other value needs an engine that supports the parameter.
_HARMLESS: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "echo": (False,),
    "suffix": ("",),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "response_format": ({"type": "text"},),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
}
# Below these, in 32-bit floats, logits overflow and a nucleus holds no token at all. Both mean: the likeliest token.
_COLDEST, _TIGHTEST = 1e-5, 1e-9
_ROLES: Mapping[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


class ModelNotFound(NotFound):
    code = "model_not_found"


def check_served(name: str, served: Sequence[str]) -> None:
    """Raises ModelNotFound unless `name` is served here."""
    if name not in served:
        raise ModelNotFound(
            f"The model {name!r} is not served here.", fix=f"Served here: {', '.join(served)}.", param="model"
        )


def sampling(body: SamplingRequest, info: EngineInfo) -> SamplingParams:
    """The engine's parameters. Raises UnsupportedParameter with the name of what the engine does not have."""
    logprobs = _logprobs(body)
    if logprobs is not None and "logprobs" not in info.supports:
        raise _unsupported("logprobs")
    limit = body.max_tokens
    if isinstance(body, ChatCompletionRequest):
        limit = body.max_completion_tokens or limit
    stop = [body.stop] if isinstance(body.stop, str) else body.stop or []
    return SamplingParams(
        model=body.model if body.model and body.model in info.others else "",
        max_tokens=limit,
        temperature=_temperature(body.temperature),
        top_p=1.0 if body.top_p is None else max(body.top_p, _TIGHTEST),
        seed=body.seed,
        stop=tuple(stop),
        logprobs=logprobs,
        extra=_extra(body, info),
    )


def _temperature(asked: float | None) -> float:
    if asked is None:
        return 1.0
    return 0.0 if asked < _COLDEST else asked


def _logprobs(body: SamplingRequest) -> int | None:
    """How many likely tokens to tell beside each written one; None: nothing is asked."""
    if isinstance(body, CompletionRequest):
        return body.logprobs
    if not isinstance(body, ChatCompletionRequest):
        return None
    if body.top_logprobs and not body.logprobs:
        raise InvalidRequest("top_logprobs needs logprobs to be true.", param="top_logprobs")
    return (body.top_logprobs or 0) if body.logprobs else None


def _unsupported(name: str) -> UnsupportedParameter:
    return UnsupportedParameter(
        f"The parameter {name} is not supported by this engine.", fix="Leave it out.", param=name
    )


def _extra(body: SamplingRequest, info: EngineInfo) -> dict[str, Any]:
    extra = {}
    for name, harmless in _HARMLESS.items():
        value = getattr(body, name, None)
        if value is None or value in harmless:
            continue
        if name not in info.supports:
            raise _unsupported(name)
        extra[name] = value
    return extra


def conversation(messages: Sequence[ChatMessage], longest: int) -> list[Message]:
    """The messages as the engine takes them. Raises InvalidRequest for roles and parts it can't read."""
    if len(messages) > longest:
        raise InvalidRequest(f"There are {len(messages)} messages; at most {longest} are taken.", param="messages")
    turns = [_message(index, message) for index, message in enumerate(messages)]
    if not any(turn.content.strip() for turn in turns):
        raise InvalidRequest("Every message is empty.", param="messages")
    return turns


def _message(index: int, message: ChatMessage) -> Message:
    if message.role not in _ROLES:
        raise UnsupportedParameter(
            f"messages[{index}] has the role {message.role}: tools are not supported.", param=f"messages[{index}].role"
        )
    content = message.content
    if content is None:
        content = ""
    elif not isinstance(content, str):
        content = "".join(_part_text(index, part) for part in content)
    return Message(_ROLES[message.role], content)


def _part_text(index: int, part: ContentPart) -> str:
    if part.type != "text":
        raise UnsupportedParameter(
            f"messages[{index}] has a part of type {part.type}: only text is supported.",
            param=f"messages[{index}].content",
        )
    return part.text


def check_size(prompt: Prompt, longest: int) -> None:
    """Raises TooLarge for a text that would keep a tokeniser busy for seconds, whatever the model's context."""
    size = len(prompt) if isinstance(prompt, str) else sum(len(message.content) for message in prompt)
    if size > longest:
        raise TooLarge(
            f"There are {size} characters to count; at most {longest} are taken.",
            fix="Count the text in parts, or raise ASKMESH_LLM_MAX_TOKENIZE_CHARS on the service.",
        )


def raw_prompt(body: CompletionRequest) -> str:
    """The text to continue. Raises for several prompts and for token ids."""
    prompts = [body.prompt] if isinstance(body.prompt, str) else body.prompt
    if len(prompts) != 1 or not isinstance(prompts[0], str):
        raise UnsupportedParameter(
            "prompt must be one text: several prompts and token ids are not supported.", param="prompt"
        )
    if not prompts[0]:
        raise InvalidRequest("The prompt is empty.", param="prompt")
    return prompts[0]
