"""The encoders by name. A user's own is given as an import string, `package.module:Class`."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from askmesh_embeddings.encoders.base import Encoder, EncoderError, EncoderOptions


@dataclass(frozen=True)
class Entry:
    """Where a class lives, and what to install if importing it fails."""

    target: str
    install: str


ENCODERS = {
    "minilm": Entry(
        "askmesh_embeddings.encoders.minilm:MiniLMEncoder",
        "pip install askmesh-embeddings",
    ),
    "onnx": Entry("askmesh_embeddings.encoders.onnx_folder:OnnxEncoder", "pip install onnxruntime"),
    "openvino": Entry("askmesh_embeddings.encoders.onnx_folder:OpenVinoEncoder", "pip install openvino"),
    "sentence-transformers": Entry(
        "askmesh_embeddings.encoders.sentence_transformers:SentenceTransformersEncoder",
        "pip install 'askmesh-embeddings[sentence-transformers]'",
    ),
}


def load_encoder(name: str, options: EncoderOptions) -> Encoder:
    """The encoder called `name`, loaded. Raises EncoderError with the remedy."""
    entry = ENCODERS.get(name)
    if entry is None and ":" not in name:
        raise EncoderError(f"There is no encoder {name!r}.", f"Use one of {', '.join(ENCODERS)}, or module:Class.")
    chosen = load_class(entry or Entry(name, "Install the package that holds it."), name)
    if not is_class_of(chosen, Encoder):
        raise EncoderError(f"{name} is not an Encoder.", "Derive it from askmesh_embeddings.encoders.base.Encoder.")
    encoder: Encoder = chosen(options)
    return encoder


def is_class_of(found: Any, base: type) -> bool:
    """Whether what an import string led to is a class derived from `base`."""
    return isinstance(found, type) and issubclass(found, base)


def load_class(entry: Entry, name: str) -> Any:
    """Import `entry.target`. Raises EncoderError with the install hint."""
    module, _, attribute = entry.target.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise EncoderError(f"{name} cannot be imported ({error}).", entry.install) from error
