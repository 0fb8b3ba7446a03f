"""A BERT sentence encoder as an ONNX graph, written straight from safetensors: no torch, standard operators only.

The graph is BERT (Devlin et al. 2018, arXiv:1810.04805) with mean pooling over the mask and L2 normalisation, as
sentence-transformers composes them. Inputs: `input_ids` and `attention_mask`, int64 [batch, length].
Output: `embedding`, float32 [batch, hidden].
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

# Bumped whenever the same weights would give another graph: it is part of the cache key.
GRAPH_VERSION = 1
OPSET = 20  # the first with Gelu; LayerNormalization came with 17
IR_VERSION = 9

Array = NDArray[Any]


@dataclass(frozen=True)
class BertShape:
    """The numbers of a BERT's config.json that the graph depends on."""

    layers: int
    heads: int
    hidden: int
    epsilon: float

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "BertShape":
        """Raises ValueError for anything but a plain BERT with the exact GELU and absolute positions."""
        wanted = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
        for name, value in wanted.items():
            if config.get(name, value) != value:
                raise ValueError(f"the graph builder knows {name}={value}, not {config[name]}")
        return cls(
            config["num_hidden_layers"],
            config["num_attention_heads"],
            config["hidden_size"],
            config["layer_norm_eps"],
        )


def build_bert(weights: Mapping[str, Array], shape: BertShape) -> ModelProto:
    """The whole model. `weights` has Hugging Face's names for BertModel, float32."""
    graph = _Graph(weights, shape)
    hidden = graph.embed()
    bias = graph.attention_bias()
    for layer in range(shape.layers):
        hidden = graph.layer(layer, hidden, bias)
    graph.pool(hidden)
    return graph.model()


class _Graph:
    """Collects nodes and constants. Each method adds a part and returns the name of its output."""

    def __init__(self, weights: Mapping[str, Array], shape: BertShape) -> None:
        self._weights, self._shape = weights, shape
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, TensorProto] = {}

    def embed(self) -> str:
        """Word, position and (always the first) segment embeddings. The last two are one table: [positions, hidden]."""
        table = self._weights["embeddings.position_embeddings.weight"]
        table = table + self._weights["embeddings.token_type_embeddings.weight"][0]
        length = self._op("Shape", ["input_ids"], start=1)
        positions = self._op("Slice", [self._const("positions", table), self._ints([0]), length, self._ints([0])])
        words = self._op("Gather", [self._weight("embeddings.word_embeddings.weight"), "input_ids"])
        return self._normed(self._op("Add", [words, positions]), "embeddings.LayerNorm")

    def attention_bias(self) -> str:
        """0 where there is a token, -10,000 where there is padding: [batch, 1, 1, length]. Finite, so bfloat16-safe."""
        mask = self._op("Cast", ["attention_mask"], to=TensorProto.FLOAT)
        absent = self._op("Sub", [self._const("one", np.array(1, np.float32)), mask])
        bias = self._op("Mul", [absent, self._const("masked", np.array(-10_000, np.float32))])
        return self._op("Unsqueeze", [bias, self._ints([1, 2])])

    def layer(self, number: int, hidden: str, bias: str) -> str:
        name = f"encoder.layer.{number}"
        attended = self._dense(self._attention(name, hidden, bias), f"{name}.attention.output.dense")
        hidden = self._normed(self._op("Add", [attended, hidden]), f"{name}.attention.output.LayerNorm")
        wide = self._op("Gelu", [self._dense(hidden, f"{name}.intermediate.dense")], approximate="none")
        narrow = self._dense(wide, f"{name}.output.dense")
        return self._normed(self._op("Add", [narrow, hidden]), f"{name}.output.LayerNorm")

    def pool(self, hidden: str) -> None:
        """The mean of the token vectors under the mask, at unit length, as `embedding`."""
        mask = self._op("Cast", ["attention_mask"], to=TensorProto.FLOAT)
        total = self._op("MatMul", [self._op("Unsqueeze", [mask, self._ints([1])]), hidden])
        count = self._op("ReduceSum", [mask, self._ints([1])], keepdims=1)
        mean = self._op("Div", [self._op("Squeeze", [total, self._ints([1])]), count])
        length = self._op("ReduceL2", [mean, self._ints([1])], keepdims=1)
        self._nodes.append(helper.make_node("Div", [mean, length], ["embedding"]))

    def model(self) -> ModelProto:
        tokens = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in INPUTS]
        vectors = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", self._shape.hidden])
        graph = helper.make_graph(self._nodes, "bert", tokens, [vectors], list(self._constants.values()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)

    def _attention(self, name: str, hidden: str, bias: str) -> str:
        """Scaled dot-product attention over all heads: [batch, length, hidden] in and out."""
        shape = self._shape
        size = shape.hidden // shape.heads
        query, key, value = (
            self._op(
                "Reshape",
                [self._dense(hidden, f"{name}.attention.self.{part}"), self._ints([0, 0, shape.heads, size])],
            )
            for part in ("query", "key", "value")
        )
        query = self._op("Transpose", [query], perm=[0, 2, 1, 3])
        key = self._op("Transpose", [key], perm=[0, 2, 3, 1])
        value = self._op("Transpose", [value], perm=[0, 2, 1, 3])
        scale = self._const("scale", np.array(size**-0.5, np.float32))
        scores = self._op("Add", [self._op("Mul", [self._op("MatMul", [query, key]), scale]), bias])
        mixed = self._op("MatMul", [self._op("Softmax", [scores], axis=-1), value])
        heads_last = self._op("Transpose", [mixed], perm=[0, 2, 1, 3])
        return self._op("Reshape", [heads_last, self._ints([0, 0, shape.hidden])])

    def _dense(self, hidden: str, name: str) -> str:
        # Stored [out, in] as in torch; MatMul wants [in, out].
        weight = self._const(f"{name}.weight", np.ascontiguousarray(self._weights[f"{name}.weight"].T))
        return self._op("Add", [self._op("MatMul", [hidden, weight]), self._weight(f"{name}.bias")])

    def _normed(self, hidden: str, name: str) -> str:
        inputs = [hidden, self._weight(f"{name}.weight"), self._weight(f"{name}.bias")]
        return self._op("LayerNormalization", inputs, axis=-1, epsilon=self._shape.epsilon)

    def _op(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        output = f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def _weight(self, name: str) -> str:
        return self._const(name, self._weights[name])

    def _ints(self, values: Sequence[int]) -> str:
        return self._const("ints_" + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def _const(self, name: str, value: Array) -> str:
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.asarray(value), name)
        return name


INPUTS = ("input_ids", "attention_mask")
