"""Raw ONNX Runtime on the very graph that the engine serves; see src/contender.rs for the commands.

A way is "MODE GRAPH BATCH KIND". MODE: `one-session-threads` lets one run use all threads;
`parallel-runs` lets as many Python threads run single-threaded batches at the same time. GRAPH:
`as-built`, or `optimised` by ONNX Runtime once more. KIND: `ready` finds tokens sorted by length
and padded; `text` tokenises and sorts as part of the pass.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import onnxruntime as ort
import tokenizers

import contender

BATCHES = (1, 4, 8, 16, 32, 64)
SWEEP_TEXTS = 256


def whole_model(place):
    """The graph with its weights inside, as bytes."""
    model = onnx.load_model(place / "graph.onnx", load_external_data=False)
    numbers = (place / "weights.bin").read_bytes()
    start, found = 0, {}
    for weight in json.loads((place / "weights.json").read_text()):
        found[weight["name"]] = numbers[start:start + weight["bytes"]]
        start += weight["bytes"]
    for tensor in model.graph.initializer:
        if tensor.name in found:
            del tensor.external_data[:]
            tensor.data_location = onnx.TensorProto.DEFAULT
            tensor.raw_data = found[tensor.name]
    return model.SerializeToString()


def session(model, threads, optimised):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    level = ort.GraphOptimizationLevel
    options.graph_optimization_level = (
        level.ORT_ENABLE_ALL if optimised else level.ORT_DISABLE_ALL
    )
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class Raw:
    def __init__(self, place, model, threads):
        self.texts = contender.texts(place)
        self.tokenizer = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(contender.max_tokens(model))
        graph = whole_model(place)
        self.pool = ThreadPoolExecutor(threads)
        self.sessions = {
            (mode, name): session(graph, count, name == "optimised")
            for mode, count in (("one-session-threads", threads), ("parallel-runs", 1))
            for name in ("as-built", "optimised")
        }
        self.tokens = self.tokenise(self.texts)
        self.sorted = sorted(range(len(self.tokens)), key=lambda i: len(self.tokens[i]))

    def tokenise(self, texts):
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts)]

    @staticmethod
    def feeds(tokens, order, batch):
        """Padded inputs of `batch` texts each."""
        feeds = []
        for start in range(0, len(order), batch):
            rows = [tokens[i] for i in order[start:start + batch]]
            ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
            mask = np.zeros_like(ids)
            for row, (row_ids, row_mask) in zip(rows, zip(ids, mask)):
                row_ids[:len(row)] = row
                row_mask[:len(row)] = 1
            feeds.append({"input_ids": ids, "attention_mask": mask})
        return feeds

    def run(self, mode, graph, feeds):
        """Logits of each batch."""
        run = self.sessions[mode, graph].run
        if mode == "one-session-threads":
            return [run(None, feed)[0] for feed in feeds]
        return list(self.pool.map(lambda feed: run(None, feed)[0], reversed(feeds)))[::-1]

    def sweep(self):
        step = max(1, len(self.sorted) // SWEEP_TEXTS)
        order = self.sorted[::step]
        rates = []
        for mode, graph in self.sessions:
            self.run(mode, graph, self.feeds(self.tokens, order, 32)[::4])
            for batch in BATCHES:
                feeds = self.feeds(self.tokens, order, batch)
                start = time.perf_counter()
                self.run(mode, graph, feeds)
                rate = len(order) / (time.perf_counter() - start)
                rates.append((f"{mode} {graph} {batch}", rate))
        return {"texts": len(order), "rates": rates}

    def one_pass(self, way):
        mode, graph, batch, kind = way.split()
        tokens, order = self.tokens, self.sorted
        feeds = self.feeds(tokens, order, int(batch))
        spent = contender.Spent()
        if kind == "text":
            tokens = self.tokenise(self.texts)
            order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
            feeds = self.feeds(tokens, order, int(batch))
        self.run(mode, graph, feeds)
        return spent.figures()

    def one(self, texts):
        run = self.sessions["one-session-threads", "as-built"].run
        microseconds = []
        for index in texts:
            start = time.perf_counter()
            ids = np.array([self.tokenizer.encode(self.texts[index]).ids], np.int64)
            run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
            microseconds.append((time.perf_counter() - start) * 1e6)
        return {"us": microseconds}

    def labels(self):
        logits = [None] * len(self.texts)
        batches = self.run("parallel-runs", "as-built", self.feeds(self.tokens, self.sorted, 16))
        rows = (row for batch in batches for row in batch)
        for index, row in zip(self.sorted, rows):
            logits[index] = [float(value) for value in row]
        return {"logits": logits}


def main():
    given = contender.arguments(__doc__)
    raw = Raw(given.place, given.model, given.threads)
    versions = f"onnxruntime {ort.__version__}, tokenizers {tokenizers.__version__}, Python "
    contender.serve(versions + sys.version.split()[0], {
        "sweep": lambda command: raw.sweep(),
        "pass": lambda command: raw.one_pass(command["way"]),
        "one": lambda command: raw.one(command["texts"]),
        "labels": lambda command: raw.labels(),
    })


if __name__ == "__main__":
    main()
