"""fixtures_texts.py DATA_FOLDER: draws the real sentences of the model tests and the int8 check.

Writes tests/fixtures/model/texts.txt (banking77's test split and the UCI sentiment sentences) and
crates/infer/src/sample.txt (400 of other origin mixed: banking77, UCI, clinc150). One sentence a
line. Sources and licences: tests/fixtures/model/README.md, crates/infer/src/sample.md.
"""

import csv
import json
import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SEED = 20261123


def one_line(text):
    return " ".join(text.split())


def banking(folder, split):
    with open(folder / "banking77" / f"{split}.csv", encoding="utf-8", newline="") as file:
        return [one_line(row["text"]) for row in csv.DictReader(file)]


def uci(folder):
    sentences = []
    for source in ("amazon_cells", "imdb", "yelp"):
        path = folder / "uci_sentiment_sentences" / f"{source}_labelled.txt"
        for line in path.read_text(encoding="utf-8").split("\n"):
            if "\t" in line:
                sentences.append(one_line(line.rsplit("\t", 1)[0]))
    return sentences


def clinc(folder):
    data = json.loads((folder / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    return [one_line(text) for text, _ in data["test"] + data["oos_test"]]


def main():
    folder = Path(sys.argv[1])
    draw = random.Random(SEED)
    texts = banking(folder, "test") + uci(folder)
    out = ROOT / "tests" / "fixtures" / "model" / "texts.txt"
    out.write_text("\n".join(texts) + "\n", encoding="utf-8")
    sample = draw.sample(banking(folder, "test"), 150) + draw.sample(uci(folder), 150)
    sample += draw.sample(clinc(folder), 100)
    out = ROOT / "crates" / "infer" / "src" / "sample.txt"
    out.write_text("\n".join(sample) + "\n", encoding="utf-8")
    print(len(texts), len(sample))


main()
