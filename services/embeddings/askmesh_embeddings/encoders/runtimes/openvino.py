"""OpenVINO: the fastest on CPUs that compute in bfloat16, level with onnxruntime on the others."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import openvino

from askmesh_embeddings.encoders.base import EncoderError, EncoderOptions
from askmesh_embeddings.encoders.runtimes.base import Array, Runtime

# Kernels are compiled for each shape of input and kept with their own copy of the weights, about 1 MB each and some nine
# to a shape: by default thousands of them, gigabytes after an hour of mixed traffic. Compiling costs a few milliseconds:
# keeping more than this earned 50 clients no more answers a second, and memory crept for as long as shapes were new.
_KERNELS_KEPT = 16

# Short inputs are padded to a multiple of this, so that queries of all lengths share a few shapes.
_LENGTH_STEP, _LONGEST_STEPPED = 8, 64


class OpenVinoRuntime(Runtime):
    """A compiled copy of the graph for each call that runs at the same time (about 30 MB each for MiniLM).

    A copy with a single stream computes in its caller's thread, so the caller's scheduling priority counts; one copy
    with several streams would compute in threads of its own, where a query waits behind bulk work.
    """

    name = "openvino"

    def __init__(self, graph: str | bytes, options: EncoderOptions) -> None:
        # oneDNN, underneath, keeps as many again.
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(_KERNELS_KEPT))
        self._core = openvino.Core()
        has_bf16 = "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if options.dtype == "bf16" and not has_bf16:
            raise EncoderError("This CPU does not compute in bfloat16.", "Set DTYPE=auto or DTYPE=fp32.")
        self.dtype = "bf16" if has_bf16 and options.dtype != "fp32" else "fp32"
        self._settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if self.dtype == "bf16" else "f32",
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": str(options.threads_per_lane),
            # Pinned threads would fight with other processes for the same cores.
            "ENABLE_CPU_PINNING": "NO",
            "CPU_RUNTIME_CACHE_CAPACITY": str(_KERNELS_KEPT),
        }
        self._model = self._core.read_model(graph)
        self._lock = threading.Lock()
        # Those for queries are ready from the start, those for bulk work are compiled when it first comes.
        self._idle = [self._compile() for _ in range(options.lanes)]

    def run(self, ids: Array, mask: Array) -> Array:
        ids, mask = _fewer_shapes(ids), _fewer_shapes(mask)
        with self._request() as request:
            outputs = request.infer({"input_ids": ids, "attention_mask": mask}, share_inputs=True)
            # A copy, for the buffer is the request's own and its next call overwrites it.
            vectors: Array = outputs[0].copy()
        return vectors

    @contextmanager
    def _request(self) -> Iterator[Any]:
        with self._lock:
            request = self._idle.pop() if self._idle else None
        request = request or self._compile()
        try:
            yield request
        finally:
            with self._lock:
                self._idle.append(request)

    def _compile(self) -> Any:
        return self._core.compile_model(self._model, "CPU", self._settings).create_infer_request()


def _fewer_shapes(rows: Array) -> Array:
    """Zeros added on the right, which as a mask say that there is nothing to read."""
    length = rows.shape[1]
    return np.pad(rows, ((0, 0), (0, -length % _LENGTH_STEP))) if length <= _LONGEST_STEPPED else rows
