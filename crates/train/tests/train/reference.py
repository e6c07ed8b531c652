"""Gradients and loss curves as PyTorch computes them, for parity.rs.

    python crates/train/tests/train/reference.py > crates/train/tests/train/expected.json

Needs torch and transformers (models/sentiment/requirements.txt). Gradients are in double precision,
the loss curves in 32 bits with the optimiser, schedule and clipping of Hugging Face's Trainer, one
with class weights and label smoothing; nothing is dropped out. Where rows have one class and count
once, the loss is checked to be that of torch.nn.CrossEntropyLoss. Of each gradient only its length and some numbers are kept.
"""
import json
import pathlib

import torch
from transformers import AutoModel, AutoModelForSequenceClassification, get_linear_schedule_with_warmup

FIXTURES = pathlib.Path(__file__).parents[4] / "tests/fixtures/model"
# Every batch of the curve holds every word: rows of the word table that a batch does not name rest.
STEPS, WARMUP, WORDS = 50, 10, 13


def batch(seed, texts, classes, vocabulary, first=1):
    """Rows of ids of different lengths, classes and weights, by a small generator that Rust has too."""
    state = [seed]

    def below(bound):
        state[0] = (state[0] * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state[0] >> 33) % bound

    rows = []
    for _ in range(texts):
        ids = [first + below(vocabulary - first) for _ in range(3 + below(10))]
        rows.append({"ids": ids, "classes": [below(classes)], "weight": 1.0 + below(2)})
    return rows


class Mean(torch.nn.Module):
    """An encoder, the mean of its tokens, and a linear head."""

    def __init__(self, encoder, classes):
        super().__init__()
        self.encoder, self.head = encoder, torch.nn.Linear(encoder.config.hidden_size, classes)
        with torch.no_grad():
            count = self.head.weight.numel()
            self.head.weight.copy_(torch.sin(torch.arange(count, dtype=torch.float64)).view_as(self.head.weight) * .05)
            self.head.bias.zero_()

    def forward(self, input_ids, attention_mask):
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        share = attention_mask / attention_mask.sum(1, keepdim=True)
        return self.head((hidden * share.to(hidden.dtype).unsqueeze(-1)).sum(1))


def tensors(rows, padding):
    size = max(len(row["ids"]) for row in rows)
    ids = torch.tensor([row["ids"] + [padding] * (size - len(row["ids"])) for row in rows])
    mask = torch.tensor([[1] * len(row["ids"]) + [0] * (size - len(row["ids"])) for row in rows])
    return ids, mask


def class_weights(classes, weighted):
    """Weights that all differ, or all 1."""
    return [1. + .75 * c if weighted else 1. for c in range(classes)]


def loss_of(model, rows, padding, smoothing, weights):
    ids, mask = tensors(rows, padding)
    logits = model(input_ids=ids, attention_mask=mask)
    logits = logits if torch.is_tensor(logits) else logits.logits
    log_p = logits.log_softmax(-1)
    weights = torch.tensor(weights, dtype=logits.dtype)
    of_rows = [row["weight"] * weights[row["classes"]].mean() for row in rows]
    loss = 0
    for row, own, of in zip(rows, of_rows, log_p):
        mass = torch.logsumexp(of[row["classes"]], 0)
        spread = row["weight"] * (weights * of).mean()
        loss = loss - ((1 - smoothing) * own * mass + smoothing * spread) / sum(of_rows)
    if all(len(row["classes"]) == 1 and row["weight"] == 1 for row in rows):
        theirs = torch.nn.CrossEntropyLoss(weight=weights, label_smoothing=smoothing)
        theirs = theirs(logits, torch.tensor([row["classes"][0] for row in rows]))
        torch.testing.assert_close(loss, theirs)
    return loss, logits


def sample(values):
    flat = values.flatten()
    picks = [int(i * (len(flat) - 1) / 7) for i in range(8)]
    return {"norm": float(flat.norm()), "at": picks, "values": [float(flat[i]) for i in picks]}


def gradients(name, classes, smoothing, two_classes, padding, mean=False, weighted=False, once=False):
    torch.manual_seed(0)
    kind = AutoModel if mean else AutoModelForSequenceClassification
    model = kind.from_pretrained(FIXTURES / name, attn_implementation="eager", dtype=torch.float64).eval()
    if mean:
        model = Mean(model, classes).double()
    vocabulary = (model.encoder if mean else model).config.vocab_size
    rows = batch(7, 6, classes, vocabulary, padding + 1)
    if two_classes:
        for row in rows[:3]:
            row["classes"] = sorted({row["classes"][0], (row["classes"][0] + 1) % classes})
    for row in rows if once else []:
        row["weight"] = 1.
    weights = class_weights(classes, weighted)
    loss, logits = loss_of(model, rows, padding, smoothing, weights)
    loss.backward()
    found = {n: sample(p.grad) for n, p in model.named_parameters() if p.grad is not None}
    return {"name": name, "classes": classes, "smoothing": smoothing, "mean": mean, "rows": rows, "weights": weights,
            "loss": float(loss.detach()), "logits": logits.detach().flatten().tolist(), "gradients": found}


def curve(name, classes, smoothing, weighted):
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_pretrained(FIXTURES / name, dtype=torch.float32).eval()
    plain = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    others = [p for n, p in model.named_parameters() if not (n.endswith("bias") or "LayerNorm" in n)]
    groups = [{"params": others, "weight_decay": .01}, {"params": plain, "weight_decay": 0.}]
    optimiser = torch.optim.AdamW(groups, lr=5e-4)
    schedule = get_linear_schedule_with_warmup(optimiser, WARMUP, STEPS)
    losses = []
    for step in range(STEPS):
        rows = batch(100 + step % 5, 8, classes, WORDS)
        for row in rows if weighted else []:
            row["weight"] = 1.
        loss, _ = loss_of(model, rows, 0, smoothing, class_weights(classes, weighted))
        losses.append(float(loss.detach()))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
    return {"name": name, "classes": classes, "smoothing": smoothing, "weights": class_weights(classes, weighted),
            "once": weighted, "losses": losses}


def classes_of(name):
    return len(json.loads((FIXTURES / name / "config.json").read_text())["id2label"])


print(json.dumps({
    "gradients": [
        gradients("bert_classifier", classes_of("bert_classifier"), 0., False, 0),
        gradients("bert_classifier", classes_of("bert_classifier"), .1, True, 0),
        gradients("distilbert_classifier", classes_of("distilbert_classifier"), 0., False, 0),
        gradients("roberta_classifier", classes_of("roberta_classifier"), 0., False, 1),
        gradients("bert_encoder", 4, 0., True, 0, mean=True),
        gradients("bert_classifier", classes_of("bert_classifier"), .1, False, 0, weighted=True, once=True),
        gradients("distilbert_classifier", classes_of("distilbert_classifier"), .2, True, 0, weighted=True),
    ],
    "curves": [curve("bert_classifier", classes_of("bert_classifier"), 0., False),
               curve("bert_classifier", classes_of("bert_classifier"), .1, True)],
}))
