"""A stand-in for the English turn detector, in the layout of a Hugging Face cache.

Same files, inputs and outputs as the real one (`input_ids` int64 [1, n] in, a probability for each position out), a
few hundred bytes instead of 66 MB. It gives 0.9 where the last token is a full stop and 0.1 elsewhere.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

from providers.turns import english_model

THRESHOLD = 0.3
COMMIT = "0123456789abcdef0123456789abcdef01234567"
UNKNOWN, FULL_STOP = 0, 1
MESSAGE = "<|im_start|>{{ message['role'] }} {{ message['content'] }}<|im_end|>"
TEMPLATE = "{% for message in messages %}" + MESSAGE + "{% endfor %}"


def write_tiny_model(cache: Path) -> Path:
    """Write the model into `cache` (what HF_HUB_CACHE would name); the folder of its snapshot."""
    repo, revision = english_model()
    base = cache / f"models--{repo.replace('/', '--')}"
    snapshot = base / "snapshots" / COMMIT
    (snapshot / "onnx").mkdir(parents=True)
    (base / "refs").mkdir()
    (base / "refs" / revision).write_text(COMMIT)
    for name, content in repository_files().items():
        (snapshot / name).write_bytes(content)
    return snapshot


def repository_files() -> dict[str, bytes]:
    """Content of the repository's files by their path in it."""
    return {
        "onnx/model_q8.onnx": _model(),
        "tokenizer.json": _tokenizer().encode(),
        "tokenizer_config.json": json.dumps(
            {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": TEMPLATE, "unk_token": "[UNK]"}
        ).encode(),
        "config.json": json.dumps({"model_type": "llama"}).encode(),
        "languages.json": json.dumps({"en": {"threshold": THRESHOLD}}).encode(),
    }


def _tokenizer() -> str:
    words = models.WordLevel({"[UNK]": UNKNOWN, ".": FULL_STOP}, unk_token="[UNK]")
    tokenizer = Tokenizer(words)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return str(tokenizer.to_str())


def _model() -> bytes:
    """Gather(probability by token) over input_ids."""
    table = numpy_helper.from_array(np.array([0.1, 0.9], dtype=np.float32), "table")
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["prob"])],
        "stand-in",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "sequence"])],
        [helper.make_tensor_value_info("prob", TensorProto.FLOAT, [1, "sequence"])],
        [table],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
