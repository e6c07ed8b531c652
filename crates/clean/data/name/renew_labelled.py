"""Makes labelled.tsv from probablepeople's labelled names; README.md says what it holds.

    python3 renew_labelled.py FOLDER: with person_labeled.xml and company_labeled.xml
"""

import pathlib
import sys
import xml.etree.ElementTree

rows = {}
for file in ("person_labeled.xml", "company_labeled.xml"):
    for name in xml.etree.ElementTree.parse(pathlib.Path(sys.argv[1]) / file).getroot():
        pieces = [(word, e.tag) for e in name for word in (e.text or "").split()]
        if pieces:
            words, labels = zip(*pieces)
            rows[" ".join(words) + "\t" + " ".join(labels)] = None
path = pathlib.Path(__file__).parent / "labelled.tsv"
path.write_text("".join(row + "\n" for row in rows), encoding="utf-8")
