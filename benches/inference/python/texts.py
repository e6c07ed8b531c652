"""texts.py COUNT SOURCE TARGET: writes COUNT evenly spread texts of SOURCE as a JSON array.

SOURCE is a file of one text a line, or a CSV file with a column `text`.
"""

import csv
import json
import sys
from pathlib import Path


def read(source):
    with open(source, encoding="utf-8", newline="") as file:
        if source.suffix == ".csv":
            return [row["text"].replace("\0", "") for row in csv.DictReader(file)]
        return file.read().splitlines()


def main():
    count, source, target = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    texts = read(source)
    count = min(count, len(texts))
    chosen = [texts[i * len(texts) // count] for i in range(count)]
    target.write_text(json.dumps(chosen), encoding="utf-8")


if __name__ == "__main__":
    main()
