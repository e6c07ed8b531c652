"""Labels the held-out fifth by usaddress, retrained on the other four, and by a model of ours.

Run by run.sh. Words: share of words with the label of the data. Rows: share of addresses of which
every word has it. Parts: the same where only the part that a label belongs to must be right, since
the data calls a floor now OccupancyType, now SubaddressType.
"""

import hashlib
import pathlib
import subprocess
import sys
import tempfile

import pycrfsuite
import usaddress

# The settings of parserator, with which usaddress's own weights are trained.
SETTINGS = {"c1": 0.1, "c2": 0.01, "feature.minfreq": 0}

DATA = pathlib.Path(__file__).parents[2] / "crates/clean/data/address/labelled.tsv"


def read():
    trained, held_out = [], []
    for line in DATA.read_text().splitlines():
        cells = line.split("\t")
        labels, words = cells[0::2], [word.replace(r"\n", "\n") for word in cells[1::2]]
        text = " ".join(word.strip() for word in words)
        fifth = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big") % 5
        (held_out if fifth == 0 else trained).append((words, labels))
    return trained, held_out


def usaddress_labels(trained, held_out):
    trainer = pycrfsuite.Trainer(verbose=False, params=SETTINGS)
    for words, labels in trained:
        trainer.append(pycrfsuite.ItemSequence(usaddress.tokens2features(words)), labels)
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "usaddress.crfsuite")
        trainer.train(path)
        tagger = pycrfsuite.Tagger()
        tagger.open(path)
        return [tagger.tag(usaddress.tokens2features(words)) for words, _ in held_out]


def our_labels(program, model, held_out):
    lines = ["\t".join(word.replace("\n", r"\n") for word in words) for words, _ in held_out]
    answer = subprocess.run(
        [program, model], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True
    )
    return [line.split("\t") for line in answer.stdout.splitlines()]


def part(label):
    if label in ("CornerOf", "IntersectionSeparator") or label.startswith("StreetName"):
        return "street"
    for start, name in [
        ("AddressNumber", "number"), ("Occupancy", "unit"), ("Subaddress", "unit"),
        ("USPSBox", "box"), ("Zip", "postcode"),
    ]:
        if label.startswith(start):
            return name
    return label if label in ("PlaceName", "StateName", "CountryName") else "other"


def report(name, held_out, answers):
    words = sum(len(labels) for _, labels in held_out)
    pairs = [(labels, answer) for (_, labels), answer in zip(held_out, answers, strict=True)]
    right = sum(a == b for labels, answer in pairs for a, b in zip(labels, answer, strict=True))
    rows = sum(labels == answer for labels, answer in pairs)
    parts = sum([part(a) for a in labels] == [part(b) for b in answer] for labels, answer in pairs)
    count = len(held_out)
    figures = {"words": right / words, "rows": rows / count, "parts": parts / count}
    print(f"{name:24} " + "  ".join(f"{what} {share:.4f}" for what, share in figures.items()))


trained, held_out = read()
print(f"{len(trained)} addresses trained on, {len(held_out)} held out")
report("usaddress, retrained", held_out, usaddress_labels(trained, held_out))
report("crm_ai_clean", held_out, our_labels(sys.argv[1], sys.argv[2], held_out))
