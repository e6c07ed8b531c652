"""fixtures_onnx.py: tiny models with an ONNX file of their own, for the model tests.

Writes tests/fixtures/model/onnx_classifier and onnx_encoder (model.onnx, tokenizer.json,
expected.json with what numpy computes). Made with Python 3.11, onnx 1.23.2, numpy 2.4.6,
tokenizers 0.23.3; weights come from a fixed seed. Run after fixtures_model.py.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer

OUT = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "model"
WIDTH = 12


def model(words, types, head):
    """Words and types summed; with a head also their masked mean times the head."""
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "t"])
              for name in ("input_ids", "token_type_ids", "attention_mask")]
    tensors = {"words": words, "types": types}
    nodes = [
        helper.make_node("Gather", ["words", "input_ids"], ["word"]),
        helper.make_node("Gather", ["types", "token_type_ids"], ["type"]),
        helper.make_node("Add", ["word", "type"], ["last_hidden_state"]),
    ]
    name, shape = "last_hidden_state", ["b", "t", WIDTH]
    if head is not None:
        tensors |= {"head": head, "axis": np.array([-1]), "tokens": np.array([1])}
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "axis"], ["mask3"]),
            helper.make_node("Mul", ["last_hidden_state", "mask3"], ["masked"]),
            helper.make_node("ReduceSum", ["masked", "tokens"], ["sum"], keepdims=0),
            helper.make_node("ReduceSum", ["mask3", "tokens"], ["count"], keepdims=0),
            helper.make_node("Div", ["sum", "count"], ["mean"]),
            helper.make_node("MatMul", ["mean", "head"], ["logits"]),
        ]
        name, shape = "logits", ["b", head.shape[1]]
    output = helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    initialisers = [numpy_helper.from_array(value, key) for key, value in tensors.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, [output], initialisers)
    built = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(built)
    return built


def write(name, head, files):
    draw = np.random.default_rng(9)
    words = draw.standard_normal((300, WIDTH)).astype(np.float32)
    types = draw.standard_normal((2, WIDTH)).astype(np.float32)
    folder = OUT / name
    folder.mkdir(exist_ok=True)
    onnx.save(model(words, types, head), str(folder / "model.onnx"))
    source = OUT / "bert_classifier" / "tokenizer.json"
    (folder / "tokenizer.json").write_bytes(source.read_bytes())
    for file, content in files.items():
        (folder / file).write_text(json.dumps(content) + "\n", encoding="utf-8")
    tokenizer = Tokenizer.from_file(str(source))
    tokenizer.no_padding()
    tokenizer.enable_truncation(16)
    rows = []
    for text in ["Great!", "", "The card that I ordered two weeks ago has still not come " * 2]:
        encoding = tokenizer.encode(text)
        mean = (words[encoding.ids] + types[0]).mean(0)
        answer = mean @ head if head is not None else mean / np.linalg.norm(mean)
        rows.append({"text": text, "ids": encoding.ids, "answer": answer.tolist(),
                     "truncated": bool(encoding.overflowing)})
    (folder / "expected.json").write_text(json.dumps(rows) + "\n", encoding="utf-8")


limit = {"crm_ai.json": {"max_tokens": 16}}
head = np.random.default_rng(10).standard_normal((WIDTH, 2)).astype(np.float32)
write("onnx_classifier", head, limit | {"config.json": {"id2label": {"0": "no", "1": "yes"}}})
write("onnx_encoder", None, limit)
