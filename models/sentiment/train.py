"""Fine-tune a BERT encoder to five sentiment levels and write the model folder.

    python train.py --data DATA --base BASE --out OUT --minutes 60 [--init MODEL]

DATA (or CRM_AI_DATA) is the data folder, BASE the folder of all-MiniLM-L6-v2. The learning rate follows the
wall clock, so the run ends when planned on a machine of any speed. --init continues from the weights of an
earlier run. The state is saved every few minutes in OUT/state.pt and taken up again by --resume.
"""
import argparse
import itertools
import json
import os
import random
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForSequenceClassification

import data

LABELS = ["very negative", "negative", "neutral", "positive", "very positive"]
MIX = {"phrases": 760, "sentences": 180, "plain": 80, "reviews": 200, "food": 40, "bank": 130, "clinc": 80, "service": 190}
RATE = {"phrases": .1, "sentences": .2, "plain": .1, "reviews": .8, "food": .4, "bank": .8, "clinc": .8}
EMOJI = {  # an emoji takes a place of the vocabulary that BERT left unused and starts from these words
    "😡": "angry", "😠": "angry", "🤬": "furious angry", "😤": "frustrated angry", "👿": "angry evil", "😒": "annoyed", "🙄": "annoyed",
    "👎": "bad", "😞": "disappointed", "😟": "worried", "😕": "confused", "😔": "sad", "😢": "sad crying", "😭": "crying", "😩": "tired awful",
    "😫": "tired awful", "😣": "pain", "😖": "awful", "😑": "annoyed bored", "😐": "neutral", "😬": "awkward", "😱": "horror shock", "😨": "fear",
    "😷": "sick", "🤢": "disgusting", "🤮": "disgusting awful", "💩": "shit", "💔": "broken heart", "🤦": "stupid", "🤷": "unknown", "😴": "sleep boring",
    "🤡": "joke stupid", "🙃": "irony", "😳": "shock", "😮": "surprise", "🤔": "question", "👀": "look", "🙂": "okay", "😏": "irony", "😂": "laughing",
    "🤣": "laughing", "😅": "relief", "😆": "laughing fun", "😉": "nice", "😊": "happy", "😀": "happy", "😃": "happy", "😄": "happy", "😁": "happy",
    "😎": "cool", "😍": "love", "🥰": "love", "😘": "love", "🤩": "amazing", "🥳": "celebrate", "😋": "delicious", "😇": "nice", "🤗": "happy", "😌": "relief",
    "👍": "good", "👌": "perfect", "👏": "bravo great", "🙌": "great celebrate", "🙏": "thank please", "💪": "strong", "💯": "perfect", "🎉": "celebrate",
    "✨": "wonderful", "⭐": "star great", "🌟": "star great", "❤": "love", "♥": "love", "💕": "love", "💖": "love", "💙": "love", "💜": "love", "💚": "love",
    "🔥": "fire great", "🏆": "winner", "✈": "plane", "📦": "package", "📞": "phone", "❌": "wrong", "✅": "correct", "⚠": "warning", "🚫": "no",
    "🏻": "skin", "🏼": "skin", "🏽": "skin", "🏾": "skin", "🏿": "skin"}


def make_tokenizer(base, out):
    """Write OUT/tokenizer.json: the base one without truncation and padding, with emoji; returns emoji ids and their words."""
    with open(f"{base}/tokenizer.json", encoding="utf-8") as f:
        spec = json.load(f)
    spec["truncation"] = spec["padding"] = None
    vocab = spec["model"]["vocab"]
    free = [f"[unused{i}]" for i in range(100, 990)]
    new = {}
    for emoji, words in EMOJI.items():
        for piece in (emoji, "##" + emoji):
            if piece not in vocab:
                name = free.pop(0)
                new[piece] = vocab[name]
                vocab[piece] = vocab.pop(name)
    spec["model"]["vocab"] = dict(sorted(vocab.items(), key=lambda kv: kv[1]))
    with open(f"{out}/tokenizer.json", "w", encoding="utf-8") as f:
        json.dump(spec, f, ensure_ascii=False, separators=(",", ":"))
    return {i: [vocab[w] for w in EMOJI[p.removeprefix("##")].split() if w in vocab] for p, i in new.items()}


class PoolDropout(torch.nn.Module):
    """Dropout whose masks are windows of one large random mask: drawing fresh masks costs too much on a CPU."""
    pool, on = None, True

    def __init__(self, rate):
        super().__init__()
        self.rate = rate
        if PoolDropout.pool is None:
            PoolDropout.pool = (torch.rand(1 << 23) >= rate).float() / (1 - rate)

    def forward(self, x):
        if not self.training or not PoolDropout.on:
            return x
        at = random.randrange(self.pool.numel() - x.numel())
        return x * self.pool[at:at + x.numel()].view_as(x)


def replace_dropout(module):
    """Put PoolDropout in the place of every active Dropout."""
    for name, child in module.named_children():
        if isinstance(child, torch.nn.Dropout) and child.p > 0:
            setattr(module, name, PoolDropout(child.p))
        else:
            replace_dropout(child)


def make_model(base, emoji):
    """The base encoder with five levels; emoji start from the words that describe them."""
    config = AutoConfig.from_pretrained(base, num_labels=5, id2label=dict(enumerate(LABELS)),
                                        label2id={l: i for i, l in enumerate(LABELS)}, attention_probs_dropout_prob=0.0)
    model = AutoModelForSequenceClassification.from_pretrained(base, config=config, dtype=torch.float32)
    table = model.bert.embeddings.word_embeddings
    with torch.no_grad():
        for i, words in emoji.items():
            table.weight[i] = table.weight[words].mean(0)
    table.sparse = True
    replace_dropout(model)
    return model


def optimizers(model, lr):
    """AdamW with smaller steps for lower layers, and a sparse Adam for the word table."""
    groups, words = [], None
    for name, p in model.named_parameters():
        if "word_embeddings" in name:
            words = p
            continue
        depth = int(name.split("layer.")[1].split(".")[0]) if "layer." in name else (-1 if "embeddings" in name else 6)
        decay = 0. if name.endswith("bias") or "LayerNorm" in name else .01
        groups.append({"params": [p], "lr": lr * .9 ** (5 - min(depth, 5)), "weight_decay": decay})
    return torch.optim.AdamW(groups, lr=lr, fused=True), torch.optim.SparseAdam([words], lr=lr * .5)


class Stream:
    """Endless batches: pools drawn by MIX, sorted by length, cut into batches of at most `tokens` tokens."""

    def __init__(self, sources, tokenizer, seed, mix, tokens=768, longest=64):
        self.sources, self.tokenizer, self.mix, self.tokens, self.longest = sources, tokenizer, mix, tokens, longest
        self.rng, self.order = random.Random(seed), {k: [] for k in sources}

    def draw(self, name):
        """The next row of a source; each pass over a source is in a new order."""
        if name == "service":
            return data.service_row(self.rng)
        if not self.order[name]:
            self.order[name] = self.rng.sample(range(len(self.sources[name])), len(self.sources[name]))
        text, target = self.sources[name][self.order[name].pop()]
        return data.augment(self.rng, text, target, RATE[name]), target

    def pool(self):
        rows = [self.draw(k) for k, n in self.mix.items() for _ in range(n)]
        for _ in range(len(rows) // 60):  # longer messages: two rows with the same target
            by = self.rng.choice(rows)
            if data.side_of(by[1]):
                same = [r for r in self.rng.sample(rows, 40) if data.side_of(r[1]) == data.side_of(by[1])]
                rows.append((" ".join(r[0] for r in [by] + same[:3]), by[1] if len(same) < 1 else
                             {"neg": data.NEG, "neu": data.NEUTRAL, "pos": data.POS}[data.side_of(by[1])]))
        ids = [e.ids for e in self.tokenizer.encode_batch([t for t, _ in rows])]
        ids = [i if len(i) <= limit else i[:limit - 1] + i[-1:] for i in ids
               for limit in [128 if self.rng.random() < .1 else self.longest]]
        return sorted(zip(ids, (t for _, t in rows)), key=lambda r: len(r[0]) + self.rng.random())

    def __iter__(self):
        while True:
            batches, now = [], []
            for row in self.pool():
                if now and (len(now) == 48 or (len(now) + 1) * len(row[0]) > self.tokens):
                    batches.append(now)
                    now = []
                now.append(row)
            self.rng.shuffle(batches)
            yield from batches


def tensors(rows):
    """Padded ids, mask, target weights [row, part] and target levels [row, part, level] as log masks."""
    size, parts = max(len(i) for i, _ in rows), max(len(t) for _, t in rows)
    ids = torch.zeros(len(rows), size, dtype=torch.long)
    mask = torch.zeros(len(rows), size, dtype=torch.long)
    weight, levels = torch.zeros(len(rows), parts), torch.full((len(rows), parts, 5), -1e4)
    for r, (row, target) in enumerate(rows):
        ids[r, :len(row)], mask[r, :len(row)] = torch.tensor(row), 1
        for k, (w, chosen) in enumerate(target):
            weight[r, k] = w
            levels[r, k, list(chosen)] = 0.
    return ids, mask, weight, levels


def loss_of(logits, weight, levels):
    """Cross entropy over masses of levels."""
    return -(weight * torch.logsumexp(logits.log_softmax(-1).unsqueeze(1) + levels, -1)).sum(1).mean()


def predict(model, tokenizer, texts, limit=128, batch=32):
    """Logits of texts, in their order."""
    model.eval()
    ids = [i if len(i) <= limit else i[:limit - 1] + i[-1:] for i in (e.ids for e in tokenizer.encode_batch(list(texts)))]
    out, order = np.zeros((len(ids), 5), np.float32), sorted(range(len(ids)), key=lambda i: len(ids[i]))
    with torch.inference_mode():
        for k in range(0, len(order), batch):
            part = order[k:k + batch]
            a, m, _, _ = tensors([(ids[i], [(1., (0,))]) for i in part])
            out[part] = model(input_ids=a, attention_mask=m).logits.float().numpy()
    return out


def masses(p):
    """Probabilities of negative, neutral, positive."""
    return np.stack([p[:, 0] + p[:, 1], p[:, 2], p[:, 3] + p[:, 4]], 1)


def softmax(x, temperature=1.):
    e = np.exp((x - x.max(1, keepdims=True)) / temperature)
    return e / e.sum(1, keepdims=True)


def validate(model, tokenizer, valid):
    """Accuracy on the validation rows, which are never trained on."""
    result = {}
    for name, rows in valid.items():
        y, p = np.array([c for _, c in rows]), softmax(predict(model, tokenizer, [t for t, _ in rows]))
        q = masses(p)
        guess = p.argmax(1) if name == "fine" else 2 * (q[:, 2] >= q[:, 0]) if name == "reviews" else q.argmax(1)
        result[name] = round(float((guess == y).mean()), 4)
    return result


def export(model, weights, out):
    """Write the folder: fp16 weights, config, tokenizer settings."""
    save_file({k: v.to(torch.float16).contiguous() for k, v in weights.items() if not k.endswith("position_ids")},
              f"{out}/model.safetensors", metadata={"format": "pt"})
    config = model.config.to_dict()
    keep = ("architectures model_type vocab_size hidden_size num_hidden_layers num_attention_heads intermediate_size hidden_act "
            "max_position_embeddings type_vocab_size layer_norm_eps initializer_range hidden_dropout_prob "
            "attention_probs_dropout_prob pad_token_id id2label label2id").split()
    slim = {k: config[k] for k in keep if k in config} | {"architectures": ["BertForSequenceClassification"], "dtype": "float32"}
    with open(f"{out}/config.json", "w", encoding="utf-8") as f:
        json.dump(slim, f, indent=2)
        f.write("\n")
    with open(f"{out}/tokenizer_config.json", "w", encoding="utf-8") as f:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, "pad_token": "[PAD]", "unk_token": "[UNK]",
                   "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]",
                   "model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}, f, indent=2)
        f.write("\n")


class Average:
    """Exponential moving average of all weights, moved every 10 steps."""

    def __init__(self, model):
        self.weights, self.n = {k: v.detach().clone() for k, v in model.state_dict().items()}, 0

    def move(self, model):
        self.n += 1
        rate = max(.03, 1 / (self.n + 1))
        for k, v in model.state_dict().items():
            if v.is_floating_point():
                self.weights[k].lerp_(v.detach(), rate)


def note(path, **values):
    """Print a record and add it to the log."""
    line = json.dumps(values)
    print(line, flush=True)
    with open(path, "a", encoding="utf-8") as f:
        f.write(line + "\n")


def checked(model, average, tokenizer, valid):
    """Validation figures of the averaged weights."""
    own = {k: v.detach().clone() for k, v in model.state_dict().items()}
    model.load_state_dict(average.weights)
    result = validate(model, tokenizer, valid)
    model.load_state_dict(own)
    model.train()
    return result


def changed(mix, text):
    """A mix with changes such as reviews=300,food=0."""
    return mix | {k: int(v) for k, v in (p.split("=") for p in text.split(",") if p)}


def arguments():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", default=os.environ.get("CRM_AI_DATA", "data"))
    a.add_argument("--base", required=True)
    a.add_argument("--out", required=True)
    a.add_argument("--init")
    a.add_argument("--minutes", type=float, default=60)
    a.add_argument("--lr", type=float, default=8e-5)
    a.add_argument("--end", type=float, default=.02, help="last learning rate as a part of the first")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--mix", default="", help="changes to MIX, such as reviews=300,food=0")
    a.add_argument("--late", type=float, default=1e9, help="from this minute on: no dropout, and the mix of --late-mix")
    a.add_argument("--late-mix", default="")
    a.add_argument("--tokens", type=int, default=768, help="most tokens in a batch, padding included")
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--every", type=float, default=7, help="minutes between checks")
    a.add_argument("--resume", action="store_true")
    return a.parse_args()


def main():
    a = arguments()
    os.makedirs(a.out, exist_ok=True)
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    random.seed(a.seed)
    log, state = f"{a.out}/training.log", f"{a.out}/state.pt"
    mix = changed(MIX, a.mix)
    model = make_model(a.base, make_tokenizer(a.base, a.out))
    if a.init:
        model.load_state_dict({k: v.float() for k, v in load_file(f"{a.init}/model.safetensors").items()})
    tokenizer = Tokenizer.from_file(f"{a.out}/tokenizer.json")
    sources, valid = data.load(a.data)
    average, (dense, sparse) = Average(model), optimizers(model, a.lr)
    first = [g["lr"] for o in (dense, sparse) for g in o.param_groups]
    step = seen = tokens = spent = 0
    if a.resume:
        s = torch.load(state, weights_only=False)
        model.load_state_dict(s["model"]), dense.load_state_dict(s["dense"]), sparse.load_state_dict(s["sparse"])
        average.weights, average.n, (step, seen, tokens, spent) = s["average"], s["n"], s["at"]
    note(log, seed=a.seed, minutes=a.minutes, lr=a.lr, tokens=a.tokens, continued=bool(a.init), resumed=a.resume, threads=a.threads, mix=mix,
         rows={k: len(v) for k, v in sources.items()}, valid={k: len(v) for k, v in valid.items()})
    model.train()
    start, checks, losses = time.time() - spent, int(spent / 60 / a.every), []
    stream = Stream(sources, tokenizer, a.seed, mix, a.tokens)
    for rows in itertools.islice(stream, step, None):  # a resumed run goes on with the rows not seen yet
        minute = (time.time() - start) / 60
        part = minute / a.minutes
        if part >= 1:
            break
        if minute >= a.late and PoolDropout.on:
            PoolDropout.on, stream.mix = False, changed(mix, a.late_mix)
            note(log, late=True, minute=round(minute, 1), mix=stream.mix)
        scale = min((step + 1) / 150, a.end + (1 - a.end) * (1 - part))
        for group, lr in zip([g for o in (dense, sparse) for g in o.param_groups], first):
            group["lr"] = lr * scale
        ids, mask, weight, levels = tensors(rows)
        loss = loss_of(model(input_ids=ids, attention_mask=mask).logits, weight, levels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None and not p.grad.is_sparse], 1.)
        dense.step(), sparse.step()
        dense.zero_grad(set_to_none=True), sparse.zero_grad(set_to_none=True)
        step, seen, tokens = step + 1, seen + len(rows), tokens + int(mask.sum())
        losses.append(loss.item())
        if step % 10 == 0:
            average.move(model)
        if step % 100 == 0:
            print(step, seen, tokens, round(float(np.mean(losses[-100:])), 4), round(time.time() - start), flush=True)
        if (time.time() - start) / 60 >= a.every * (checks + 1):
            checks += 1
            note(log, minute=round((time.time() - start) / 60, 1), step=step, rows=seen, tokens=tokens,
                 loss=round(float(np.mean(losses[-300:])), 4), **checked(model, average, tokenizer, valid))
            torch.save({"model": model.state_dict(), "dense": dense.state_dict(), "sparse": sparse.state_dict(), "n": average.n,
                        "average": average.weights, "at": (step, seen, tokens, time.time() - start)}, state)
            export(model, average.weights, a.out)
    export(model, average.weights, a.out)
    note(log, end=True, minute=round((time.time() - start) / 60, 1), step=step, rows=seen, tokens=tokens,
         loss=round(float(np.mean(losses[-300:])), 4), **checked(model, average, tokenizer, valid))


if __name__ == "__main__":
    main()
