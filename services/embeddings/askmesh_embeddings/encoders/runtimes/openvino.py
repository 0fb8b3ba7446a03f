"""OpenVINO: the fastest on CPUs that compute in bfloat16, level with onnxruntime on the others."""

import threading
from typing import Any

import openvino

from askmesh_embeddings.encoders.base import EncoderError, EncoderOptions
from askmesh_embeddings.encoders.runtimes.base import Array, Runtime


class OpenVinoRuntime(Runtime):
    """One stream of `threads_per_lane` threads for each lane; each lane's thread has its own infer request."""

    name = "openvino"

    def __init__(self, graph: str | bytes, options: EncoderOptions) -> None:
        core = openvino.Core()
        has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if options.dtype == "bf16" and not has_bf16:
            raise EncoderError("This CPU does not compute in bfloat16.", "Set DTYPE=auto or DTYPE=fp32.")
        self.dtype = "bf16" if has_bf16 and options.dtype != "fp32" else "fp32"
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if self.dtype == "bf16" else "f32",
            "NUM_STREAMS": str(options.lanes),
            "INFERENCE_NUM_THREADS": str(options.lanes * options.threads_per_lane),
            # Pinned threads would fight with other processes for the same cores.
            "ENABLE_CPU_PINNING": "NO",
        }
        self._model = core.compile_model(core.read_model(graph), "CPU", settings)
        self._local = threading.local()

    def run(self, ids: Array, mask: Array) -> Array:
        request: Any = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._model.create_infer_request()
        outputs = request.infer({"input_ids": ids, "attention_mask": mask}, share_inputs=True)
        # The request's own buffer, which its next call overwrites.
        vectors: Array = outputs[0].copy()
        return vectors
