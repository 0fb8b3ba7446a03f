"""What runs an ONNX graph. An adapter per library; all take the same graph."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from askmesh_embeddings.encoders.base import Dtype, EncoderError, EncoderOptions
from askmesh_embeddings.encoders.registry import Entry, load_class

Array = np.ndarray[Any, Any]


class Runtime(ABC):
    """A loaded graph. The constructor takes the graph (a path or its bytes) and the options."""

    name: str
    dtype: Dtype

    @abstractmethod
    def run(self, ids: Array, mask: Array) -> Array:
        """The graph's first output for int64 [batch, length] inputs. Thread-safe, one call per lane at a time."""


# In order of preference: docs/decisions/0010 has the measurements.
RUNTIMES = {
    "openvino": Entry("askmesh_embeddings.encoders.runtimes.openvino:OpenVinoRuntime", "pip install openvino"),
    "onnxruntime": Entry("askmesh_embeddings.encoders.runtimes.onnxruntime:OnnxRuntime", "pip install onnxruntime"),
}


def load_runtime(graph: str | bytes, options: EncoderOptions) -> Runtime:
    """The runtime asked for; `auto` takes the first that is installed. Raises EncoderError."""
    names = list(RUNTIMES) if options.runtime == "auto" else [options.runtime]
    missing = None
    for name in names:
        if name not in RUNTIMES:
            raise EncoderError(f"There is no runtime {name!r}.", f"Use auto, {' or '.join(RUNTIMES)}.")
        try:
            chosen = load_class(RUNTIMES[name], name)
        except EncoderError as error:
            missing = error
            continue
        runtime: Runtime = chosen(graph, options)
        return runtime
    raise missing or EncoderError("No runtime is installed.", RUNTIMES["onnxruntime"].install)
