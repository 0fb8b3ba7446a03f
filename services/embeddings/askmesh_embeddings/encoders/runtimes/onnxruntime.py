"""onnxruntime: runs everywhere, in float32."""

import onnxruntime

from askmesh_embeddings.encoders.base import EncoderError, EncoderOptions
from askmesh_embeddings.encoders.runtimes.base import Array, Runtime


class OnnxRuntime(Runtime):
    """One session for all lanes: each call computes in its caller's thread when `threads_per_lane` is 1."""

    name = "onnxruntime"

    def __init__(self, graph: str | bytes, options: EncoderOptions) -> None:
        if options.dtype == "bf16":
            raise EncoderError("onnxruntime's CPU provider computes in float32.", "Set DTYPE=auto or RUNTIME=openvino.")
        self.dtype = "fp32"
        session_options = onnxruntime.SessionOptions()
        session_options.intra_op_num_threads = options.threads_per_lane
        session_options.inter_op_num_threads = 1
        # Spinning threads burn the cores that other services on a small machine need.
        session_options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # The arena keeps the largest batch's memory for ever and saves no measurable time at our batch sizes.
        session_options.enable_cpu_mem_arena = False
        self._session = onnxruntime.InferenceSession(graph, session_options, providers=["CPUExecutionProvider"])

    def run(self, ids: Array, mask: Array) -> Array:
        vectors: Array = self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        return vectors
