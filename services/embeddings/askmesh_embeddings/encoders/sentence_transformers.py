"""Any sentence-transformers model by hub id or folder, on torch: CPU or CUDA."""

from collections.abc import Sequence
from typing import Any

import torch
from askmesh_kit.packed_linear import pack_linear_layers
from sentence_transformers import SentenceTransformer

from askmesh_embeddings.encoders.base import (
    Dtype,
    Encoder,
    EncoderError,
    EncoderInfo,
    EncoderOptions,
    InputType,
    Piece,
    Tokens,
    Vectors,
)
from askmesh_embeddings.encoders.fingerprint import fingerprint
from askmesh_embeddings.encoders.gte import native_gte_config
from askmesh_embeddings.encoders.hardware import CPU_MAX_TOKENS
from askmesh_embeddings.encoders.model_files import ModelFiles, find_model
from askmesh_embeddings.encoders.tokenizing import TextTokenizer, pad, unit
from askmesh_embeddings.encoders.torch_device import choose_device, load_in

DEFAULT_MODEL = "Alibaba-NLP/gte-large-en-v1.5"
GPU_BATCH_TOKENS = 16_384
_PROMPT_NAMES: dict[InputType, tuple[str, ...]] = {"query": ("query",), "document": ("document", "passage", "corpus")}


class SentenceTransformersEncoder(Encoder):
    """The model's own modules (pooling, dense layers) in order; the last normalisation is always ours, in float32."""

    def __init__(self, options: EncoderOptions, *, to_serve: bool = True) -> None:
        """`to_serve=False` keeps the model's own layers, for training and export."""
        self._device = choose_device(options.device)
        torch.set_num_threads(options.threads_per_lane)
        files = find_model(options.model or DEFAULT_MODEL, options.revision, options.code_revision)
        self.modules, dtype = load_in(
            options.dtype, self._device, lambda dtype: _load(files, self._device, dtype), files.name
        )
        if to_serve:
            pack_linear_layers(self.modules)
        self.references = files.folder / "golden.json"
        self._max_tokens = _max_tokens(self.modules, options.max_input_tokens, self._device)
        self.tokenizer_definition = _tokenizer_definition(self.modules)
        self._tokenizer = TextTokenizer(self.tokenizer_definition, self._max_tokens)
        self.pad_id: int = self.modules.tokenizer.pad_token_id or 0
        pooling = "+".join(_describe(module) for module in list(self.modules)[1:]) or "none"
        on_gpu = self._device == "cuda"
        self.info = EncoderInfo(
            model=files.label,
            dimension=int(self.modules.get_embedding_dimension()),
            max_input_tokens=self._max_tokens,
            fingerprint=fingerprint(
                # A folder may be moved: its weights say what it is.
                model="" if files.local else files.name,
                weights=files.weights,
                pooling=f"{pooling} prompts={sorted((self.modules.prompts or {}).items())}",
                normalised=True,
                family="float",
            ),
            dtype=dtype,
            pooling=pooling,
            runtime=f"torch-{self._device}",
            dimensions=options.dimensions,
            batch_tokens=GPU_BATCH_TOKENS if on_gpu else 512,
            lanes=1 if on_gpu else options.lanes,
        )

    def tokenize(self, texts: Sequence[str], input_type: InputType | None, *, truncate: bool) -> list[Tokens]:
        prompt = self.prompt(input_type)
        return self._tokenizer([prompt + text for text in texts] if prompt else texts, truncate=truncate)

    def pieces(self, texts: Sequence[str], input_type: InputType | None, *, special_tokens: bool) -> list[list[Piece]]:
        prompt = self.prompt(input_type)
        return self._tokenizer.pieces([prompt + text for text in texts], special_tokens=special_tokens)

    def encode(self, batch: Sequence[Tokens]) -> Vectors:
        ids, mask = pad(batch, self.pad_id)
        with torch.inference_mode():
            features: dict[str, Any] = {
                "input_ids": torch.from_numpy(ids).to(self._device),
                "attention_mask": torch.from_numpy(mask).to(self._device),
            }
            transformer, *rest = self.modules
            features = transformer(features)
            # Pooling in bfloat16 would round every partial sum.
            features = {name: _to_float32(value) for name, value in features.items()}
            for module in rest:
                features = module(features)
            vectors = features["sentence_embedding"].float().cpu().numpy()
        return unit(vectors)

    def prompt(self, input_type: InputType | None) -> str:
        """What the model puts before a text of that type."""
        prompts: dict[str, str] = self.modules.prompts or {}
        if input_type is None:
            return prompts.get(self.modules.default_prompt_name or "") or ""
        return next((prompts[name] for name in _PROMPT_NAMES[input_type] if prompts.get(name)), "")


def _load(files: ModelFiles, device: str, dtype: Dtype) -> Any:
    """The model, with everything after the transformer in float32."""
    pinned = {"code_revision": files.code_revision} if files.code_revision else {}
    try:
        model = SentenceTransformer(
            str(files.folder),
            device=device,
            trust_remote_code=files.code_revision is not None,
            local_files_only=files.code_revision is None,
            model_kwargs={"use_safetensors": True, "dtype": torch.bfloat16 if dtype == "bf16" else torch.float32}
            | pinned,
            config_kwargs=(native_gte_config(files.config) or {}) | pinned,
        ).eval()
    except (OSError, ValueError, ImportError) as error:
        raise EncoderError(
            f"{files.name} cannot be loaded: {error}",
            "Models whose repository brings its own code are refused unless REVISION and CODE_REVISION pin weights "
            "and code; Alibaba-NLP/gte-*-v1.5 load without it.",
        ) from error
    for module in list(model)[1:]:
        module.float()
    return model


def _tokenizer_definition(model: Any) -> str:
    """The content of tokenizer.json. Raises EncoderError for a tokenizer that has none."""
    if not getattr(model.tokenizer, "is_fast", False):
        raise EncoderError("The model has no fast tokenizer.", "Save one with it: tokenizer.json.")
    definition: str = model.tokenizer.backend_tokenizer.to_str()
    return definition


def _max_tokens(model: Any, wanted: int | None, device: str) -> int:
    longest = getattr(model[0].config, "max_position_embeddings", None) or CPU_MAX_TOKENS
    own = min(model.max_seq_length or longest, longest)
    if wanted is not None:
        return min(wanted, own)
    return min(own, CPU_MAX_TOKENS) if device == "cpu" else own


def _describe(module: Any) -> str:
    """A module's name and what of its configuration moves vectors."""
    name = type(module).__name__.lower()
    mode = getattr(module, "pooling_mode", None)
    return f"{name}:{mode}" if mode else name


def _to_float32(value: Any) -> Any:
    return value.float() if isinstance(value, torch.Tensor) and value.is_floating_point() else value
