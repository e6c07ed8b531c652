"""More texts for a teacher to judge: rows with some words replaced by related ones.

As in Jiao et al. 2020, "TinyBERT: Distilling BERT for Natural Language Understanding", where
a word's candidates come from GloVe and BERT; here they are its neighbours among the base's word
embeddings. A neighbour may turn the meaning ("worse" for "better"): the label is given up.
"""
import re

import numpy as np
from torch.nn.functional import normalize

# Of the words that have neighbours, the share that is replaced.
SHARE = 0.3
# A neighbour's least cosine similarity, and the most neighbours of a word.
LEAST_SIMILARITY = 0.35
MOST_NEIGHBOURS = 8
# The most frequent words ("the", "was", "not") carry the sentence. A vocabulary of BERT's gives
# whole words in the order of their frequency.
KEPT_WORDS = 160
# Words of a row that is worth altering.
LEAST_WORDS = 5

WORD = re.compile(r"(?<![\w@#/.'])[A-Za-z]{3,}(?![\w@/'])")


def neighbours(vectors, vocabulary):
    """For each whole word of a vocabulary (word to row of vectors, vocabulary × hidden) the words
    nearest to it; words without any are left out."""
    words = [word for word in vocabulary if word.isascii() and word.isalpha() and len(word) > 2]
    words = sorted(words, key=vocabulary.get)[KEPT_WORDS:]
    rows = vectors[[vocabulary[word] for word in words]].float()
    rows = normalize(rows - rows.mean(0), dim=1)
    found = {}
    for start in range(0, len(words), 1024):
        # The nearest of all is the word itself.
        best = (rows[start:start + 1024] @ rows.T).topk(MOST_NEIGHBOURS + 1)
        for at, (similarities, others) in enumerate(zip(best.values, best.indices)):
            chosen = others[similarities >= LEAST_SIMILARITY].tolist()[1:]
            if chosen:
                found[words[start + at]] = [words[other] for other in chosen]
    return found


def altered(text, near, draw):
    """The text with some of its words replaced by neighbours."""
    def another(match):
        choices = near.get(match[0].lower())
        if choices is None or draw.random() >= SHARE:
            return match[0]
        return choices[draw.integers(len(choices))]

    return WORD.sub(another, text)


def altered_rows(rows, near, seed):
    """An altered row for each that is long enough and had a word replaced; the label "any"."""
    draw = np.random.default_rng(seed)
    for row in rows:
        if len(row["text"].split()) >= LEAST_WORDS:
            text = altered(row["text"], near, draw)
            if text != row["text"]:
                yield {"source": row["source"], "text": text, "label": "any"}
