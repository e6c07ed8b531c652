"""Trains the sentiment model: a large teacher learns the rows, and small students from both.

    python distil.py WORK TEACHER BASE

WORK holds rows.jsonl, one row a line: source, text, label. TEACHER is all-mpnet-base-v2's folder,
BASE all-MiniLM-L6-v2's. Each stage of a cycle leaves its result in WORK and is skipped where it is
there: teacher-N.safetensors, the fine-tuned teacher; targets-N.npy, its probabilities for all rows;
student-N.safetensors, a student fine-tuned on them; metrics.csv, the losses on the way. At last
model.safetensors: a mean of the students with a share of the base.

A student that learns a teacher's probabilities beside the labels: Hinton et al. 2015, "Distilling
the Knowledge in a Neural Network".
"""
import csv
import json
import os
import random
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import nn
from transformers import BertConfig, BertModel, MPNetConfig, MPNetModel

from alter import altered_rows, neighbours

HERE = Path(__file__).parent
SEED = 6
MAX_TOKENS = 64
DROPOUT = 0.1
WEIGHT_DECAY = 0.01
BATCH = 64
# Share of the teacher's probabilities in what the student learns of the sources in TAUGHT; the rest
# are the labels, but for altered rows, which have none. Of the other sources it learns the labels
# alone, which rows.sql made or drew.
TEACHER_SHARE = 0.7
TAUGHT = {"phrases", "sentences", "reviews", "food", "joined"}
# By cycle: each one's teacher goes on from the last one's, on other rows as far as there are any,
# with a new warm-up (Loshchilov and Hutter 2017, "SGDR"). Its student begins from the base and
# passes so many times over its rows, from the second cycle on with altered ones. The model is
# a mean of both students' weights (Wortsman et al. 2022, "Model soups").
STUDENT_PASSES = {1: 2, 2: 3}
SECOND_SHARE = 0.75
# Share of the base in the model: it was learnt from more than these rows (Wortsman et al. 2022,
# "Robust fine-tuning of zero-shot models").
BASE_SHARE = 0.1

# In the order of config.json's id2label. A label that is not one of them stands for several.
LEVELS = ["negative", "neutral", "positive", "very negative", "very positive"]
SETS = {
    "any negative": ["very negative", "negative"],
    "any positive": ["positive", "very positive"],
    "not very positive": ["very negative", "negative", "neutral", "positive"],
    "any": LEVELS,
}
# Of each source the share that the teacher learns in a cycle, for it takes ten times as long; of
# the sources not named, all.
TEACHER_ROWS = {
    "phrases": 0.24, "reviews": 0.5, "food": 0.6,
    "service": 0.4, "bank": 0.45, "clinc": 0.4, "joined": 0.5,
}


class PoolDropout(nn.Module):
    """Dropout whose masks are cut out of one large mask: drawing them took a seventh of a step."""

    SIZE = 1 << 25
    mask = None
    # What transformers' attention asks for; it is given no dropout.
    p = 0.0

    def forward(self, values):
        if not self.training:
            return values
        if PoolDropout.mask is None:
            kept = torch.rand(self.SIZE) > DROPOUT
            PoolDropout.mask = (kept / (1 - DROPOUT)).to(torch.bfloat16)
        start = random.randrange(self.SIZE - values.numel())
        cut = PoolDropout.mask[start:start + values.numel()]
        return values * cut.view_as(values).to(values.dtype)


def with_pool_dropout(module):
    """Puts PoolDropout in place of every dropout."""
    for name, child in module.named_children():
        if isinstance(child, nn.Dropout):
            setattr(module, name, PoolDropout())
        else:
            with_pool_dropout(child)
    return module


def configuration(kind, folder):
    """A folder's config.json, without dropout in attention."""
    config = kind.from_json_file(folder / "config.json")
    config.attention_probs_dropout_prob = 0.0
    config._attn_implementation = "eager"
    return config


def head(config):
    """A new linear layer from hidden states to the levels."""
    layer = nn.Linear(config.hidden_size, len(LEVELS))
    nn.init.normal_(layer.weight, std=0.02)
    nn.init.zeros_(layer.bias)
    return layer


class Teacher(nn.Module):
    """MPNet, its tokens' mean, and a linear layer."""

    END, PAD = 2, 1

    def __init__(self, folder):
        super().__init__()
        config = configuration(MPNetConfig, folder)
        self.encoder = MPNetModel(config, add_pooling_layer=False)
        self.encoder.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
        # A quarter of the weights; fixed, they cost no optimiser's step.
        self.encoder.embeddings.requires_grad_(False)
        self.dropout = nn.Dropout(DROPOUT)
        self.classifier = head(config)
        self.tokenizer = tokenizer(folder)

    def forward(self, ids, mask):
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        mask = mask[..., None].to(states.dtype)
        pooled = (states * mask).sum(1) / mask.sum(1)
        return self.classifier(self.dropout(pooled)).float()


class Student(nn.Module):
    """BERT with its pooler and a linear layer, named as BertForSequenceClassification."""

    END, PAD = 102, 0

    def __init__(self, folder):
        super().__init__()
        config = configuration(BertConfig, HERE)
        self.bert = BertModel(config)
        self.dropout = nn.Dropout(DROPOUT)
        self.classifier = head(config)
        self.tokenizer = tokenizer(HERE)
        self.begin_from(folder)

    @torch.no_grad()
    def begin_from(self, folder):
        """Takes the base's weights; an emoji begins from the words that describe it."""
        own = self.bert.state_dict()
        for name, tensor in load_file(folder / "model.safetensors").items():
            if name in own:
                own[name][:len(tensor)].copy_(tensor)
        words = own["embeddings.word_embeddings.weight"]
        base = tokenizer(folder)
        for line in (HERE / "emoji.tsv").read_text(encoding="utf-8").splitlines():
            emoji, description = line.split("\t")
            ids = base.encode(description, add_special_tokens=False).ids
            words[self.tokenizer.token_to_id(emoji)] = words[ids].mean(0)

    def forward(self, ids, mask):
        pooled = self.bert(input_ids=ids, attention_mask=mask).pooler_output
        return self.classifier(self.dropout(pooled)).float()


def tokenizer(folder):
    """A folder's tokenizer, which neither pads nor cuts."""
    loaded = Tokenizer.from_file(str(folder / "tokenizer.json"))
    loaded.no_padding()
    loaded.no_truncation()
    return loaded


def encode(model, texts):
    """Each text's token ids, MAX_TOKENS at most."""
    encoded = (entry.ids for entry in model.tokenizer.encode_batch(texts))
    return [
        ids if len(ids) <= MAX_TOKENS else [*ids[:MAX_TOKENS - 1], model.END] for ids in encoded
    ]


def padded(model, ids):
    """Ids and mask of a batch, as tensors of rows × tokens."""
    width = (max(map(len, ids)) + 3) // 4 * 4
    tokens = torch.full((len(ids), width), model.PAD, dtype=torch.long)
    mask = torch.zeros(len(ids), width, dtype=torch.long)
    for row, entry in enumerate(ids):
        tokens[row, :len(entry)] = torch.tensor(entry)
        mask[row, :len(entry)] = 1
    return tokens, mask


def mixed_batches(ids, size, draw):
    """Positions in batches in random order, those of about one length together."""
    order = draw.permutation(len(ids))
    batches = []
    for start in range(0, len(order), size * 64):
        part = sorted(order[start:start + size * 64], key=lambda at: len(ids[at]))
        batches += [part[first:first + size] for first in range(0, len(part), size)]
    draw.shuffle(batches)
    return batches


def logits(model, ids):
    """Logits of a batch, computed in bf16 where that pays."""
    tokens, mask = padded(model, ids)
    with torch.autocast("cpu", torch.bfloat16):
        return model(tokens, mask)


def rows_of(file):
    """The rows to learn, but sentences of two sides, which mostly come with their level too."""
    rows = (json.loads(line) for line in file.open(encoding="utf-8"))
    return [row for row in rows if row["source"] != "plain"]


def rows_of_teacher(cycle, rows):
    """The part of the rows that the teacher learns in a cycle."""
    places = np.random.default_rng(SEED).random(len(rows))
    shares = [TEACHER_ROWS.get(row["source"], 1.0) for row in rows]
    return [
        row for row, place, share in zip(rows, places, shares)
        if (place + (cycle - 1) * share) % 1 < share
    ]


def rows_of_student(cycle, rows, base):
    """The rows but phrases of one or two words, which teach little; with altered ones later on."""
    rows = [row for row in rows if row["source"] != "phrases" or len(row["text"].split()) > 2]
    if cycle == 1:
        return rows
    vectors = load_file(base / "model.safetensors")["embeddings.word_embeddings.weight"]
    near = neighbours(vectors, tokenizer(base).get_vocab())
    return rows + list(altered_rows((row for row in rows if row["source"] in TAUGHT), near, SEED))


def allowed(rows):
    """For each row which levels its label stands for, rows × levels of 0 and 1."""
    table = torch.zeros(len(rows), len(LEVELS))
    for at, row in enumerate(rows):
        for level in SETS.get(row["label"], [row["label"]]):
            table[at, LEVELS.index(level)] = 1
    return table


def loss_of(scores, levels, targets):
    """-log of the summed probability of the label's levels, mixed with the cross-entropy to the
    teacher's probabilities where there are any; the mean over the rows."""
    logs = scores.log_softmax(-1)
    loss = -torch.logsumexp(logs.masked_fill(levels == 0, -1e4), -1)
    if targets is not None:
        # A row of another source has no probabilities: they sum to 0.
        share = TEACHER_SHARE * targets.sum(-1)
        loss = (1 - share) * loss - TEACHER_SHARE * (targets * logs).sum(-1)
    return loss.mean()


def fit(stage, model, rows, targets, epochs, learning_rate, warm_up, metrics):
    """AdamW with linear warm-up and decay, gradient norm at most 1."""
    with_pool_dropout(model).train()
    ids = encode(model, [row["text"] for row in rows])
    levels = allowed(rows)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [weight for weight in weights if weight.ndim == 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=learning_rate, fused=True)
    total = -(-len(rows) // BATCH) * epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1, (step + 1) / warm_up) * (total - step) / total
    )
    draw = np.random.default_rng(SEED)
    step, losses = 0, []
    for _ in range(epochs):
        for batch in mixed_batches(ids, BATCH, draw):
            scores = logits(model, [ids[at] for at in batch])
            loss = loss_of(scores, levels[batch], None if targets is None else targets[batch])
            loss.backward()
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimiser.step()
            optimiser.zero_grad()
            schedule.step()
            step += 1
            losses.append(loss.item())
            if step % 50 == 0:
                rate = schedule.get_last_lr()[0]
                metrics.writerow([stage, step, total, f"{np.mean(losses):.5f}", f"{rate:.3g}"])
                print(f"{stage}: step {step} of {total}, loss {np.mean(losses):.4f}", flush=True)
                losses.clear()
    model.eval()


@torch.inference_mode()
def probabilities(model, rows):
    """A teacher's probabilities of the levels, rows × levels; zeros for sources not in TAUGHT."""
    model.eval()
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            # Outside training autocast would convert them anew for each batch.
            layer.to(torch.bfloat16)
    ids = encode(model, [row["text"] for row in rows])
    chosen = (at for at, row in enumerate(rows) if row["source"] in TAUGHT)
    order = sorted(chosen, key=lambda at: len(ids[at]))
    answer = np.zeros((len(ids), len(LEVELS)), dtype=np.float16)
    for start in range(0, len(order), BATCH):
        batch = order[start:start + BATCH]
        answer[batch] = logits(model, [ids[at] for at in batch]).softmax(-1).numpy()
        if start % (BATCH * 200) == 0:
            print(f"targets: {start} of {len(order)} rows", flush=True)
    return answer


def keep(write, file):
    """Writes a stage's result; a file of that name is a whole one, also after an interruption."""
    part = file.with_name(f"part-{file.name}")
    write(part)
    part.replace(file)


def teacher_of(cycle, work, folder, rows, metrics):
    """The teacher after a cycle, which goes on from the last cycle's."""
    teacher = Teacher(folder)
    file, last = (work / f"teacher-{number}.safetensors" for number in (cycle, cycle - 1))
    if file.exists():
        teacher.load_state_dict(load_file(file))
        return teacher
    if cycle > 1:
        teacher.load_state_dict(load_file(last))
    fit(f"teacher-{cycle}", teacher, rows_of_teacher(cycle, rows), None, 1, 4e-5, 70, metrics)
    keep(lambda part: save_file(teacher.state_dict(), part), file)
    return teacher


def teach(cycle, work, teacher_folder, base, every_row, metrics):
    """Leaves a cycle's student in WORK."""
    targets_file = work / f"targets-{cycle}.npy"
    student_file = work / f"student-{cycle}.safetensors"
    if student_file.exists():
        return
    rows = rows_of_student(cycle, every_row, base)
    if not targets_file.exists():
        teacher = teacher_of(cycle, work, teacher_folder, every_row, metrics)
        targets = probabilities(teacher, rows)
        keep(lambda part: np.save(part, targets), targets_file)
    targets = torch.from_numpy(np.load(targets_file)).float()
    student = Student(base)
    passes = STUDENT_PASSES[cycle]
    fit(f"student-{cycle}", student, rows, targets, passes, 1.2e-4, 200, metrics)
    keep(lambda part: save_file(student.state_dict(), part), student_file)


def mixed(students, base):
    """A mean of two students' weights with BASE_SHARE of the base's, where the base has them."""
    first, second = students
    weights = {name: tensor.lerp(second[name], SECOND_SHARE) for name, tensor in first.items()}
    for name, tensor in base.items():
        own = weights.get(f"bert.{name}")
        if own is not None:
            own[:len(tensor)].lerp_(tensor, BASE_SHARE)
    return weights


def main():
    work, teacher_folder, base = map(Path, sys.argv[1:])
    torch.manual_seed(SEED)
    random.seed(SEED)
    rows = rows_of(work / "rows.jsonl")
    with (work / "metrics.csv").open("a", 1, encoding="utf-8", newline="") as file:
        metrics = csv.writer(file)
        if file.tell() == 0:
            metrics.writerow(["stage", "step", "of", "loss", "learning_rate"])
        for cycle in STUDENT_PASSES:
            teach(cycle, work, teacher_folder, base, rows, metrics)
    students = [load_file(work / f"student-{cycle}.safetensors") for cycle in STUDENT_PASSES]
    model = mixed(students, load_file(base / "model.safetensors"))
    save_file(model, work / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()
