"""Trains probablepeople on four fifths of the labelled names and measures it, nameparser and
crm_ai_clean on the rest. See run.sh.

    compare.py LABELLED TAGGED FOLD: TAGGED holds the rows of FOLD with crm_ai_clean's labels and
    parts, as examples/tag_names writes them.

Folds are those of examples/train_names. probablepeople is trained as its own trainer (parserator)
does: its own tokens and features, CRFsuite's L-BFGS with c1 = 0.1 and c2 = 0.01, on people and
organisations together. Beside the labels of the data, people are measured in nameparser's fields.
"""

import collections
import hashlib
import pathlib
import re
import sys
import tempfile

import nameparser
import probablepeople
import pycrfsuite

FIELDS = {
    "PrefixMarital": "title",
    "PrefixOther": "title",
    "GivenName": "first",
    "FirstInitial": "first",
    "MiddleName": "middle",
    "MiddleInitial": "middle",
    "Surname": "last",
    "LastInitial": "last",
    "SuffixGenerational": "suffix",
    "SuffixOther": "suffix",
    "Nickname": "nickname",
}


ORDER = ("title", "first", "middle", "last", "suffix", "nickname")

# Words that crm_ai_clean spells in the short way.
SPELLINGS = {
    "mister": "mr", "doctor": "dr", "professor": "prof", "reverend": "rev", "senator": "sen",
    "representative": "rep", "junior": "jr", "senior": "sr", "esquire": "esq", "captain": "capt",
    "honorable": "hon", "colonel": "col", "general": "gen", "sergeant": "sgt", "governor": "gov",
    "2nd": "ii", "3rd": "iii", "4th": "iv", "lieutenant": "lt", "major": "maj",
}


def rows(path):
    """Pairs (text, [(piece, label)])."""
    for line in path.read_text(encoding="utf-8").splitlines():
        text, labels = line.split("\t")
        yield text, list(zip(text.split(" "), labels.split(" "), strict=True))


def fold(text):
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big") % 5


def aligned(text, pieces, tokens):
    """Labels of `tokens`, which are found in `text`, from those of the pieces."""
    starts, at = [], 0
    for piece, label in pieces:
        at = text.index(piece, at)
        starts.append((at, label))
        at += len(piece)
    labels, at = [], 0
    for token in tokens:
        at = text.index(token, at)
        labels.append([label for start, label in starts if start <= at + len(token) - 1][-1])
        at += len(token)
    return labels


def retrain(train):
    params = {"c1": 0.1, "c2": 0.01, "feature.minfreq": 0}
    trainer = pycrfsuite.Trainer(verbose=False, params=params)
    for text, pieces in train:
        tokens = probablepeople.tokenize(text)
        if tokens:
            trainer.append(probablepeople.tokens2features(tokens), aligned(text, pieces, tokens))
    path = pathlib.Path(tempfile.mkdtemp()) / "model.crfsuite"
    trainer.train(str(path))
    tagger = pycrfsuite.Tagger()
    tagger.open(str(path))
    return tagger


class Score:
    def __init__(self):
        self.tokens = self.right = self.names = self.whole = 0

    def add(self, found, wanted):
        hits = sum(a == b for a, b in zip(found, wanted))
        self.tokens += len(wanted)
        self.right += hits
        self.names += 1
        self.whole += hits == len(wanted) == len(found)

    def __str__(self):
        return (
            f"tokens {self.right}/{self.tokens} = {self.right / self.tokens:.4f}"
            f"   names {self.whole}/{self.names} = {self.whole / self.names:.4f}"
        )


def by_fields(fields, tokens):
    """The field of each token, found by its text; spellings that a system standardises count."""
    places = collections.defaultdict(list)
    for field, words in fields.items():
        for word in re.split(r"[\s,]+", words):
            places[bare(word)].append(field)
    return [places[bare(token)].pop(0) if places[bare(token)] else None for token in tokens]


def bare(token):
    word = re.sub(r"\W", "", token).lower()
    return SPELLINGS.get(word, word)


def main():
    path, tagged, left_out = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    labelled = list(rows(path))
    tagger = retrain([row for row in labelled if fold(row[0]) not in {0, left_out}])
    ours = collections.defaultdict(list)
    for line in open(tagged, encoding="utf-8"):
        text, wanted, found, *parts = line.rstrip("\n").split("\t")
        ours[text].append((wanted.split(), found.split(), parts))
    scores = collections.defaultdict(Score)
    for text, pieces in labelled:
        if fold(text) != left_out:
            continue
        tokens = probablepeople.tokenize(text)
        wanted = aligned(text, pieces, tokens)
        theirs = tagger.tag(probablepeople.tokens2features(tokens)) if tokens else []
        own_wanted, own, parts = ours[text].pop(0)
        is_person = all(label in FIELDS or label == "And" for label in wanted)
        group = "people" if is_person else "organisations"
        length = ", one word" if len(wanted) == 1 else ", several words"
        for key in ("all", group, group + length):
            scores[key, "probablepeople, retrained"].add(theirs, wanted)
            scores[key, "crm_ai_clean"].add(own, own_wanted)
        if is_person and "And" not in wanted:
            fields = [FIELDS[label] for label in wanted]
            for key in ("people's fields", "people's fields" + length):
                name = nameparser.HumanName(text)
                theirs_by_rules = {field: getattr(name, field) for field in ORDER}
                scores[key, "nameparser"].add(by_fields(theirs_by_rules, tokens), fields)
                scores[key, "crm_ai_clean, describe"].add(
                    by_fields(dict(zip(ORDER, parts)), tokens), fields
                )
                scores[key, "probablepeople, retrained"].add(
                    [FIELDS.get(label) for label in theirs], fields
                )
                scores[key, "crm_ai_clean"].add(
                    [FIELDS.get(label) for label in own], [FIELDS[label] for label in own_wanted]
                )
    for (group, system), score in sorted(scores.items()):
        print(f"{group:32} {system:28} {score}")


main()
