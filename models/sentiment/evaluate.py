"""Figures of a model folder, computed in fp32 from the weights as stored.

    python evaluate.py --data DATA [--model .] [--fit] [--tweets] [--expected]

--fit      fit the temperature on the validation rows of the training data and write crm_ai.json
--tweets   also evaluate on the airline tweets, which are never trained on
--expected write expected.json: logits of samples.py before the temperature
"""
import argparse
import json
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForSequenceClassification

import data
from samples import SAMPLES
from train import masses, predict, softmax

SIDES = ("negative", "neutral", "positive")


def ece(p, y, bins=15):
    """Expected calibration error: equal-width bins on the largest probability."""
    top, hit = p.max(1), p.argmax(1) == y
    place = np.minimum((top * bins).astype(int), bins - 1)
    return float(sum(abs(top[place == b].mean() - hit[place == b].mean()) * (place == b).mean() for b in range(bins) if (place == b).any()))


def f1(guess, y, c):
    """F1 of one class."""
    return float(2 * ((guess == c) & (y == c)).sum() / max(1, (guess == c).sum() + (y == c).sum()))


def macro_f1(guess, y):
    """Mean F1 over the classes of y."""
    return float(np.mean([f1(guess, y, c) for c in sorted(set(y))]))


def area(score, y):
    """Area under the ROC curve."""
    order = np.argsort(np.argsort(score, kind="stable"), kind="stable") + 1
    n = y.sum()
    return float((order[y == 1].sum() - n * (n + 1) / 2) / (n * (len(y) - n)))


def fit_temperature(logits, y):
    """The temperature with the least negative log likelihood."""
    grid = np.arange(.5, 3.001, .01)
    return round(float(min(grid, key=lambda t: -np.log(softmax(logits, t)[np.arange(len(y)), y] + 1e-12).mean())), 2)


def short(**values):
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in values.items()}


def evaluate(run, root, temperature, tweets):
    """All figures by set; `run` maps texts to logits."""
    result = {}
    two, five = data.sst_dev(root)
    y, p = np.array([c for _, c in two]), masses(softmax(run([t for t, _ in two]), temperature))
    result["sst2_dev"] = short(rows=len(y), accuracy=float(((p[:, 2] >= p[:, 0]) == y).mean()))
    y, raw = np.array([c for _, c in five]), run([t for t, _ in five])
    p = softmax(raw, temperature)
    result["sst5_dev"] = short(rows=len(y), accuracy=float((p.argmax(1) == y).mean()), macro_f1=macro_f1(p.argmax(1), y), ece=ece(p, y),
                               ece_without_temperature=ece(softmax(raw), y), masses_ece=ece(masses(p), np.sign(y - 2) + 1))
    food = data.table(f"{root}/modeldata/small_fine_foods_test.csv")
    p = softmax(run([r["review"].replace("<br />", " ") for r in food]), temperature)
    y = np.array([int(r["score"] == "great") for r in food])
    result["food_test"] = short(rows=len(y), area_under_roc=area(p @ np.arange(5), y))
    if tweets:
        rows = data.table(f"{root}/airline_tweets/tweets_80.csv")
        y = np.array([SIDES.index(r["airline_sentiment"]) for r in rows])
        p = masses(softmax(run([r["text"] for r in rows]), temperature))
        g = p.argmax(1)
        result["tweets"] = short(rows=len(y), accuracy=float((g == y).mean()), macro_f1=macro_f1(g, y), ece=ece(p, y),
                                 f1={s: round(f1(g, y, i), 4) for i, s in enumerate(SIDES)},
                                 confusion=[[int(((y == a) & (g == b)).sum()) for b in range(3)] for a in range(3)])
    return result


def check_samples(run, temperature):
    """Labels of the everyday sentences against the expected ones."""
    p = masses(softmax(run([t for t, _ in SAMPLES]), temperature))
    wrong = [(t, want, SIDES[q.argmax()], [round(float(v), 2) for v in q]) for (t, want), q in zip(SAMPLES, p)
             if want and SIDES[q.argmax()] != want]
    return {"right": sum(1 for _, want in SAMPLES if want) - len(wrong), "of": sum(1 for _, want in SAMPLES if want), "wrong": wrong}


def write_expected(run, tokenizer, path, limit):
    """Token ids and logits (before the temperature) of the samples, one a line."""
    rows = []
    for text, logits in zip((t for t, _ in SAMPLES), run([t for t, _ in SAMPLES])):
        rows.append(json.dumps({"text": text, "ids": tokenizer.encode(text).ids[:limit], "logits": [round(float(v), 5) for v in logits]},
                               ensure_ascii=False))
    with open(path, "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(rows) + "\n]\n")


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", default=os.environ.get("CRM_AI_DATA", "data"))
    a.add_argument("--model", default=".")
    a.add_argument("--max-tokens", type=int, default=256)
    for flag in ("--fit", "--tweets", "--expected"):
        a.add_argument(flag, action="store_true")
    a = a.parse_args()
    torch.set_num_threads(2)
    model = AutoModelForSequenceClassification.from_pretrained(a.model, dtype=torch.float32)
    tokenizer = Tokenizer.from_file(f"{a.model}/tokenizer.json")

    def run(texts):
        return predict(model, tokenizer, texts, limit=a.max_tokens)

    settings = f"{a.model}/crm_ai.json"
    if a.fit:
        valid = data.load(a.data)[1]["fine"]
        t = fit_temperature(run([x for x, _ in valid]), np.array([y for _, y in valid]))
        with open(settings, "w", encoding="utf-8") as f:
            f.write(json.dumps({"temperature": t, "max_tokens": a.max_tokens, "precision": "auto"}) + "\n")
    with open(settings, encoding="utf-8") as f:
        temperature = json.load(f)["temperature"]
    print(json.dumps({"temperature": temperature}))
    for name, figures in evaluate(run, a.data, temperature, a.tweets).items():
        print(json.dumps({name: figures}))
    print(json.dumps({"samples": check_samples(run, temperature)}, ensure_ascii=False))
    if a.expected:
        write_expected(run, tokenizer, f"{a.model}/expected.json", a.max_tokens)


if __name__ == "__main__":
    main()
