"""A model folder made by `askmesh-llm build-int4`, loaded, and its generation loop."""

import hashlib
import importlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoTokenizer

from askmesh_llm.engines.golden import SelfTestFailed
from askmesh_llm.engines.int4.sampling import Sampler
from askmesh_llm.settings import Settings

# Untyped, and not there for those who check the types of the rest.
og: Any = importlib.import_module("onnxruntime_genai")

# Prompt tokens computed in one go; between two goes a request can be stopped.
_PREFILL = 256


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model ready to run. `stops` are the token ids that end an answer."""

    model: Any
    tokenizer: Any
    context: int
    stops: tuple[int, ...]
    fingerprint: str


def load(settings: Settings) -> Loaded:
    """Read the folder into memory. Blocks. Raises OSError or ValueError when it is not such a folder."""
    folder = Path(settings.model)
    described = folder / "genai_config.json"
    if not settings.model or not described.is_file():
        raise ValueError(f"{settings.model!r} is no folder made by `askmesh-llm build-int4`; set ASKMESH_LLM_MODEL")
    about = json.loads(described.read_text())["model"]
    og.disable_telemetry_events()
    config = og.Config(str(folder))
    if settings.threads:
        options = {"model": {"decoder": {"session_options": {"intra_op_num_threads": settings.threads}}}}
        config.overlay(json.dumps(options))
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    ends = about["eos_token_id"]
    own = int(about["context_length"])
    loaded = Loaded(
        og.Model(config),
        tokenizer,
        min(own, settings.max_model_len or own),
        tuple(ends) if isinstance(ends, list) else (ends,),
        _fingerprint(folder, tokenizer),
    )
    _self_test(loaded)
    return loaded


def _fingerprint(folder: Path, tokenizer: Any) -> str:
    """Names a model by its settings, vocabulary, template and weights (64 samples of each file); 16 hex digits."""
    digest = hashlib.sha256(f"{len(tokenizer)} {tokenizer.chat_template}".encode())
    digest.update((folder / "genai_config.json").read_bytes())
    for path in sorted(folder.glob("*.onnx*")):
        size = path.stat().st_size
        digest.update(f"{path.name} {size}".encode())
        with path.open("rb") as file:
            for part in range(64):
                file.seek(size * part // 64)
                digest.update(file.read(1024))
    return digest.hexdigest()[:16]


def run(
    loaded: Loaded,
    ids: Sequence[int],
    limit: int,
    sampler: Sampler,
    stopped: threading.Event,
    deliver: Callable[[int], None],
) -> None:
    """Write up to `limit` tokens, an ending one included, until `stopped`. Blocks; belongs in a thread."""
    generator = _generator(loaded, len(ids) + limit)
    for begin in range(0, len(ids), _PREFILL):
        if stopped.is_set():
            return
        generator.append_tokens(np.asarray(ids[begin : begin + _PREFILL], dtype=np.int32))
    for written in range(1, limit + 1):
        token = sampler.choose(_last_logits(generator))
        deliver(token)
        if token in loaded.stops or written == limit or stopped.is_set():
            return
        generator.append_tokens(np.asarray([token], dtype=np.int32))


def _generator(loaded: Loaded, length: int) -> Any:
    params = og.GeneratorParams(loaded.model)
    params.set_search_options(max_length=length, do_sample=False)
    return og.Generator(loaded.model, params)


def _last_logits(generator: Any) -> Any:
    return np.asarray(generator.get_logits(), dtype=np.float32)[0, -1]


def _self_test(loaded: Loaded) -> None:
    """One pass: a damaged folder shows as numbers that are not finite. Raises ArithmeticError."""
    ids = loaded.tokenizer("The quick brown fox", add_special_tokens=False)["input_ids"] or [0]
    generator = _generator(loaded, len(ids) + 1)
    generator.append_tokens(np.asarray(ids, dtype=np.int32))
    if not np.isfinite(_last_logits(generator)).all():
        raise SelfTestFailed("the model's logits are not finite")
