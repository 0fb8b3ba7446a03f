"""Linear layers on a CPU, with their weights laid out for the product once instead of at every call.

torch lays the weights out anew for each product. For few rows, a query or a step of decoding, that takes nearly half of
the time: 6.6 ms for bf16 weights of 16,384 x 3,072 and 8 rows on two cores of a Zen 4, against 3.7 ms here, which is what
reading the weights from memory takes. Needs torch, which the services that use it bring.
"""

import ctypes
import mmap
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor, nn

# The layout is chosen for this many rows; it serves one row and a whole prompt as well as layouts of their own do.
_ROWS = 8
_MADV_DONTNEED = 4
# torch and oneDNN below it each keep 1,024 compiled kernels, one for every number of rows at every shape of weights:
# hundreds of MB after a while. Compiling anew costs nothing that could be measured.
_KERNELS_KEPT = "16"
_CACHES = ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY")
_MAPS = Path("/proc/self/maps")  # Linux only


class PackedLinear(nn.Module):
    """What `linear` computes. Its weights are a copy in oneDNN's own layout: not to be trained, saved or moved."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        # Some models look at their layers' weights, for the number format.
        self.weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), _ROWS)
        self.bias = None if linear.bias is None else linear.bias.detach()

    def forward(self, rows: Tensor) -> Tensor:
        """Rows of shape [..., inputs] to [..., outputs]."""
        product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self.weight, self.bias, "none", [], "")
        return product


def pack_linear_layers(model: nn.Module) -> None:
    """Replace the linear layers of a model on the CPU, in fp32 or bf16, one after the other.

    What is replaced leaves memory at once, so that the model is never held twice. Weights that several modules share are
    left alone, as is what oneDNN cannot compute on this processor; where torch comes without oneDNN, that is all.
    """
    for name in _CACHES:  # read at torch's first product
        os.environ.setdefault(name, _KERNELS_KEPT)
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return
    dtypes = {torch.float32, torch.bfloat16} if torch.ops.mkldnn._is_mkldnn_bf16_supported() else {torch.float32}
    places = [
        (parent, name, child)
        for parent in model.modules()
        # These read their layers' weights by themselves.
        if not isinstance(parent, nn.TransformerEncoderLayer | nn.MultiheadAttention)
        for name, child in parent._modules.items()
        if child is not None
    ]
    uses = Counter(weight.data_ptr() for _, _, child in places for weight in child.parameters(recurse=False))
    while places:
        # Taken from the list: a layer that it still named would stay in memory.
        parent, name, child = places.pop()
        if type(child) is not nn.Linear or uses[child.weight.data_ptr()] > 1:
            continue
        if child.weight.device.type == "cpu" and child.weight.dtype in dtypes:
            setattr(parent, name, PackedLinear(child))
            _forget(child.weight.data)


def _forget(weight: Tensor) -> None:
    """Give the pages of a weight back to the system where they are of a checkpoint that is mapped into memory: they would
    stay for as long as any other tensor of the file does. Nothing may read the weight after that."""
    first = -(-weight.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
    end = (weight.data_ptr() + weight.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
    if any(low <= first < end <= high for low, high in _mapped_files()):
        ctypes.CDLL(None).madvise(ctypes.c_void_p(first), ctypes.c_size_t(end - first), _MADV_DONTNEED)


def _mapped_files() -> Iterator[tuple[int, int]]:
    """First and end addresses of the files mapped into this process's memory; none where the system does not tell."""
    with suppress(OSError):
        for line in _MAPS.read_text().splitlines():
            addresses, _, _, _, inode, *_ = line.split()
            if inode != "0":
                low, _, high = addresses.partition("-")
                yield int(low, 16), int(high, 16)
