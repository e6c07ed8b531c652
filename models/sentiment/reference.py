"""Stores a trained folder as it is shipped, and what transformers answers with it.

    python reference.py FOLDER

Writes FOLDER/model.safetensors anew with 16-bit weights, and FOLDER/expected.json: token ids and
logits (fp32, before the temperature) of samples.tsv, for the tests of the engine.
"""
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer


def halve(path):
    """The weights in half the bytes; the engine computes in fp32 from them."""
    weights = {name: tensor.to(torch.float16) for name, tensor in load_file(path).items()}
    save_file(weights, path, metadata={"format": "pt"})


def expected(folder):
    """A row for each sample, as JSON."""
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    limit = json.loads((folder / "crm_ai.json").read_text(encoding="utf-8"))["max_tokens"]
    samples = Path(__file__).with_name("samples.tsv").read_text(encoding="utf-8")
    for text in (line.split("\t")[0] for line in samples.splitlines()):
        tokens = tokenizer(text, truncation=True, max_length=limit, return_tensors="pt")
        with torch.inference_mode():
            logits = model(**tokens).logits[0].tolist()
        row = {
            "text": text,
            "ids": tokens["input_ids"][0].tolist(),
            "logits": [round(logit, 5) for logit in logits],
        }
        yield json.dumps(row, ensure_ascii=False)


def main():
    folder = Path(sys.argv[1])
    halve(folder / "model.safetensors")
    rows = ",\n".join(expected(folder))
    (folder / "expected.json").write_text(f"[\n{rows}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
