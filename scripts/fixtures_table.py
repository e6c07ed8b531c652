"""fixtures_table.py: a tiny model over columns that another program made, for the model tests.

Writes tests/fixtures/model/table_classifier: features.json, model.onnx (a TreeEnsembleClassifier
with the output `probabilities`, as exporters of other libraries write it) and expected.json:
records with the probabilities that plain Python computes from the rules below. Made with Python
3.11, onnx 1.23.2.
"""

import json
import math
from pathlib import Path

import onnx
from onnx import TensorProto, helper

OUT = Path(__file__).parent.parent / "tests" / "fixtures" / "model" / "table_classifier"
FEATURES = {
    "format": 1,
    "labels": ["stays", "leaves"],
    "columns": [
        {"name": "tenure", "kind": "number"},
        {"name": "contract", "kind": "category", "values": ["monthly", "yearly"]},
        {"name": "since", "kind": "date"},
        {"name": "city", "kind": "rates", "prior": [0.5], "values": {"Bern": [0.25]}},
        {"name": "active", "kind": "boolean"},
        {"name": "note", "kind": "ignored", "reason": "its values are free text"},
    ],
}
# Two trees on tenure (0), contract = monthly (1), month (4) and the city's rate (7). Each node:
# feature, threshold, whether a missing value goes left, left, right; a number is a leaf.
TREES = [
    [(0, 12.0, True, 1, 2), (1, 0.5, False, 3, 4), -1.5, -0.25, 1.25],
    [(4, 6.0, False, 1, 2), (7, 0.375, True, 3, 4), 0.125, -0.5, 0.75],
]


def ensemble():
    columns = {key: [] for key in [
        "treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids",
        "missing_value_tracks_true"]}
    leaves = {key: [] for key in ["treeids", "nodeids", "ids", "weights"]}
    for tree, nodes in enumerate(TREES):
        for number, node in enumerate(nodes):
            split = node if isinstance(node, tuple) else (0, 0.0, False, 0, 0)
            feature, threshold, missing_left, left, right = split
            mode = "BRANCH_LEQ" if isinstance(node, tuple) else "LEAF"
            row = [tree, number, feature, threshold, mode, left, right, int(missing_left)]
            for values, value in zip(columns.values(), row):
                values.append(value)
            if mode == "LEAF":
                for values, value in zip(leaves.values(), [tree, number, 0, node]):
                    values.append(value)
    return helper.make_node(
        "TreeEnsembleClassifier", ["features"], ["class", "probabilities"], domain="ai.onnx.ml",
        classlabels_int64s=[0, 1], post_transform="LOGISTIC",
        **{f"nodes_{key}": value for key, value in columns.items()},
        **{f"class_{key}": value for key, value in leaves.items()})


def tenure_of(record):
    try:
        return float(record.get("tenure"))
    except (TypeError, ValueError):
        return None


def probability(record):
    """The trees written out by hand."""
    tenure, contract = tenure_of(record), record.get("contract")
    first = -1.5
    if tenure is None or tenure <= 12:
        # A missing contract goes right, as monthly ones do; an unknown one is not monthly.
        first = 1.25 if contract in (None, "monthly") else -0.25
    month = int(record["since"][5:7]) if record.get("since") else None
    second = 0.125
    if month is not None and month <= 6:
        rate = {"Bern": 0.25, None: None}.get(record.get("city"), 0.5)
        second = -0.5 if rate is None or rate <= 0.375 else 0.75
    return 1 / (1 + math.exp(-(first + second)))


RECORDS = [
    {"tenure": 3, "contract": "monthly", "since": "2026-03-01", "city": "Bern", "active": True},
    {"tenure": "40", "contract": "yearly", "since": "2025-11-30", "city": "Rome", "active": False},
    {"tenure": 12, "contract": "two years", "since": "2026-06-30", "city": "Rome", "more": [1]},
    {"tenure": 12.5, "contract": "monthly", "since": "2026-07-01"},
    {"tenure": None, "contract": None, "since": None, "city": None, "note": "called twice"},
    {},
]

OUT.mkdir(exist_ok=True)
graph = helper.make_graph(
    [ensemble()], "trees",
    [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 9])],
    [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2])])
operators = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
model = helper.make_model(graph, opset_imports=operators, ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, str(OUT / "model.onnx"))
(OUT / "features.json").write_text(json.dumps(FEATURES, indent=1) + "\n")
rows = [{"record": r, "probabilities": [1 - probability(r), probability(r)]} for r in RECORDS]
(OUT / "expected.json").write_text(json.dumps(rows, indent=1) + "\n")
