"""Encoders given by import string, as an operator's own would be. Their speed is under the test's control."""

import hashlib
import os
import threading
import time
from typing import ClassVar

import numpy as np
from askmesh_embeddings.encoders.base import Encoder, EncoderInfo, EncoderOptions


class HashEncoder(Encoder):
    """One token per word; the vector is a hash of the words. Takes `seconds_per_token`."""

    seconds_per_token = 0.0

    def __init__(self, options: EncoderOptions) -> None:
        self.info = EncoderInfo(
            model="own/hash",
            dimension=8,
            max_input_tokens=options.max_input_tokens or 64,
            fingerprint="0" * 16,
            dtype="fp32",
            pooling="none",
            runtime="hash",
            dimensions=options.dimensions,
            lanes=options.lanes,
        )

    def tokenize(self, texts, input_type, *, truncate):
        words = [[f"{input_type}:{word}" if input_type else word for word in text.split()] for text in texts]
        ids = [[int.from_bytes(hashlib.sha256(w.encode()).digest()[:3]) for w in each] or [0] for each in words]
        cut = self.info.max_input_tokens if truncate else None
        return [np.array(each[:cut], dtype=np.int32) for each in ids]

    def encode(self, batch):
        time.sleep(self.seconds_per_token * sum(map(len, batch)))
        rows = [np.random.default_rng(ids.tolist()).standard_normal(8) for ids in batch]
        return np.stack([row / np.linalg.norm(row) for row in rows]).astype(np.float32)


class SlowEncoder(HashEncoder):
    seconds_per_token = 0.02


class GatedEncoder(HashEncoder):
    """Encodes only while the gate is open, and remembers the batches."""

    gate = threading.Event()
    batches: ClassVar[list[int]] = []

    def encode(self, batch):
        assert self.gate.wait(100)
        type(self).batches.append(len(batch))
        return super().encode(batch)


class GatedBulkEncoder(GatedEncoder):
    """Lets single texts pass the closed gate."""

    def encode(self, batch):
        return super().encode(batch) if len(batch) > 1 else HashEncoder.encode(self, batch)


class ConstantEncoder(HashEncoder):
    """A model gone wrong: the same vector for everything."""

    def encode(self, batch):
        return np.tile(np.eye(1, 8, dtype=np.float32), (len(batch), 1))


class BrokenEncoder(HashEncoder):
    """Passes its self-test, then fails."""

    calls = 0

    def encode(self, batch):
        type(self).calls += 1
        if self.calls > 3:
            raise RuntimeError("out of memory")
        return super().encode(batch)


class ForgetfulEncoder(HashEncoder):
    """Gives one vector whatever the batch, once its self-test is over."""

    def encode(self, batch):
        return super().encode(batch)[: 1 if len(batch) > 3 else None]


class SaltedEncoder(HashEncoder):
    """Other vectors for another SALT, as other weights would give."""

    def tokenize(self, texts, input_type, *, truncate):
        salted = [f"{os.environ.get('SALT', '')}{text}" for text in texts]
        return super().tokenize(salted, input_type, truncate=truncate)
