"""The files of a model, from a folder or the hub, and what is refused about them before anything is loaded.

Weights must be safetensors in every module: a pickle can run code as it is read. Code from a model's repository runs
only where the operator has pinned the commits of both the weights and the code.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from askmesh_embeddings.encoders.base import EncoderError
from askmesh_embeddings.encoders.fingerprint import hash_files

_COMMIT = re.compile(r"[0-9a-f]{40}")
# Never fetched: pickles, other frameworks' weights, and graphs that another exporter made.
_UNWANTED = ["*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack", "*.ot", "*.onnx*", "openvino*", "*.gguf"]
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


@dataclass(frozen=True)
class ModelFiles:
    """A model's folder and what identifies its weights: the hub's commit, or a hash of the folder's weights."""

    name: str
    folder: Path
    weights: str
    local: bool
    # The commit of the repository's own code that may run; None: none may.
    code_revision: str | None

    @property
    def label(self) -> str:
        """What callers know the model by."""
        return self.folder.name if self.local else self.name

    @property
    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = _read_json(self.folder / "config.json", default={})
        return config


def find_model(name: str, revision: str | None, code_revision: str | None) -> ModelFiles:
    """The files of `name`, fetched from the hub where it is no folder. Raises EncoderError, also for unsafe files."""
    _check_pins(revision, code_revision)
    local = Path(name).is_dir()
    folder = Path(name) if local else _fetch(name, revision, code_revision)
    if local and code_revision:
        raise EncoderError(f"{name} is a folder: its code has no commit to pin.", "Unset CODE_REVISION.")
    refuse_pickles(folder)
    if not code_revision:
        refuse_foreign_modules(folder)
    weights = hash_files(*sorted(folder.rglob("*.safetensors"))) if local else folder.name
    return ModelFiles(name, folder, weights, local, code_revision)


def refuse_pickles(folder: Path) -> None:
    """Raises EncoderError if a module of the model has weights, but not as safetensors."""
    for module in {folder, *(path.parent for path in folder.rglob("*") if path.suffix in _PICKLES)}:
        names = [path.name for path in module.iterdir()]
        pickles = [name for name in names if name.endswith(_PICKLES) and name != "training_args.bin"]
        if pickles and not any(name.endswith(".safetensors") for name in names):
            place = f"{folder.name}/{module.relative_to(folder)}".removesuffix("/.")
            raise EncoderError(
                f"{place} has its weights as a pickle ({pickles[0]}), which can run code when read, not as safetensors.",
                "Use a revision with model.safetensors, or convert it where you trust it.",
            )


def refuse_foreign_modules(folder: Path) -> None:
    """Raises EncoderError if the model is put together from classes other than sentence-transformers' own."""
    for module in _read_json(folder / "modules.json", default=[]):
        kind = str(module.get("type"))
        if not kind.startswith("sentence_transformers."):
            raise EncoderError(
                f"{folder.name} cannot be loaded: its module {kind} is not one of sentence-transformers' own.",
                "Pin the weights with REVISION and the code with CODE_REVISION, each a commit, if you trust that code.",
            )


def _check_pins(revision: str | None, code_revision: str | None) -> None:
    if code_revision is None:
        return
    if not all(_COMMIT.fullmatch(pin or "") for pin in (revision, code_revision)):
        raise EncoderError(
            "Code from a model's repository runs only where weights and code are both pinned.",
            "Set REVISION and CODE_REVISION to full commits (40 hex digits), or unset CODE_REVISION.",
        )


def _fetch(name: str, revision: str | None, code_revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    unwanted: Iterable[str] = _UNWANTED if code_revision else [*_UNWANTED, "*.py"]
    try:
        return Path(snapshot_download(name, revision=revision, ignore_patterns=list(unwanted)))
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"{name} cannot be loaded: {error}", "Check MODEL and REVISION and that the hub can be reached."
        ) from error


def _read_json(path: Path, *, default: Any) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default
    except ValueError as error:
        raise EncoderError(f"{path.name} of the model is not JSON.", "Fetch the model again.") from error
