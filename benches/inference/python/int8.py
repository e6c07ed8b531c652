"""ONNX Runtime in int8 as its users get it; see src/contender.rs for the commands.

The network of `transformers` is exported to ONNX in fp32, its weights are made int8 by
`onnxruntime.quantization.quantize_dynamic` with its defaults, and ONNX Runtime optimises what it
loads. Ways: `one` (a run for each text), `batch` (batches of 32 in the table's order), `sorted`
(the same after sorting by length, which saves padding).
"""

import logging
import warnings

import onnxruntime as ort
import torch
import transformers
from onnxruntime.quantization import QuantType, quantize_dynamic

import contender

BATCH = 32


class Logits(torch.nn.Module):
    """The network with the inputs and the output that are exported."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, input_ids, attention_mask):
        return self.network(input_ids=input_ids, attention_mask=attention_mask).logits


def export(model, target):
    # Plain attention: the graph's optimiser knows its pattern.
    network = transformers.AutoModelForSequenceClassification.from_pretrained(
        model, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    # One length would be taken for a constant, and so would one text.
    ids = torch.ones((2, 8), dtype=torch.long)
    both = {0: "texts", 1: "tokens"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about constants, which are none here
        torch.onnx.export(
            Logits(network), (ids, ids), str(target), dynamo=False,
            input_names=["input_ids", "attention_mask"], output_names=["logits"],
            dynamic_axes={"input_ids": both, "attention_mask": both, "logits": {0: "texts"}},
        )


def quantised(place, model):
    """Path of the int8 graph, made by the first who asks."""
    target = place / "int8.onnx"
    if not target.exists():
        export(model, place / "exported.onnx")
        quantize_dynamic(place / "exported.onnx", target, weight_type=QuantType.QInt8)
    return target


class Int8:
    def __init__(self, place, model, threads):
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        logging.disable(logging.WARNING)  # advice on preparing graphs of images
        self.texts = contender.texts(place)
        self.sorted = sorted(range(len(self.texts)), key=lambda i: len(self.texts[i]))
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(model)
        self.max_tokens = contender.max_tokens(model)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = ort.InferenceSession(
            str(quantised(place, model)), options, providers=["CPUExecutionProvider"]
        )
        self.run(range(min(BATCH, len(self.texts))), BATCH)

    def run(self, order, batch):
        """Logits of each text, by the texts' places in `order`."""
        logits = []
        for start in range(0, len(order), batch):
            texts = [self.texts[i] for i in order[start:start + batch]]
            tokens = self.tokenizer(
                texts, padding=True, truncation=True, max_length=self.max_tokens,
                return_tensors="np",
            )
            feed = {name: tokens[name] for name in ("input_ids", "attention_mask")}
            logits.extend(self.session.run(None, feed)[0])
        return logits

    def one_pass(self, way):
        order = self.sorted if way == "sorted" else range(len(self.texts))
        spent = contender.Spent()
        self.run(order, 1 if way == "one" else BATCH)
        return spent.figures()

    def labels(self):
        rows = self.run(range(len(self.texts)), BATCH)
        return {"logits": [[float(value) for value in row] for row in rows]}


def main():
    given = contender.arguments(__doc__)
    int8 = Int8(given.place, given.model, given.threads)
    versions = f"onnxruntime {ort.__version__} in int8, exported by torch {torch.__version__}"
    contender.serve(versions, {
        "pass": lambda command: int8.one_pass(command["way"]),
        "labels": lambda command: int8.labels(),
    })


if __name__ == "__main__":
    main()
