"""fixtures_model.py MINILM_FOLDER: what `transformers` and `tokenizers` answer, for model tests.

Writes under tests/fixtures/model/: tiny random checkpoints of each family (config.json,
tokenizer.json, model.safetensors, expected.json with token ids and logits or vectors) and
minilm.json (token ids and vectors of the real MiniLM-L6). Made with Python 3.11, torch 2.15.0,
transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0, numpy 2.4.6 on the CPU; random weights
come from fixed seeds.
"""

import json
import random
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModel,
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
    RobertaModel,
)

OUT = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "model"
LABELS = {0: "negative", 1: "neutral", 2: "positive"}


def hard_texts():
    """Texts that tokenisers disagree on when one of them is not the original."""
    words = (OUT / "texts.txt").read_text(encoding="utf-8").split()
    draw = random.Random(5)
    return [
        "",
        " ",
        "\t\n \r\n",
        "a",
        "This is a great product!",
        "I LOVE it ❤️❤️❤️ 😀😀 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽",
        "这个产品非常好，我很喜欢！客服 service 也 不错。𠀀𪜀",
        "ありがとう、とても良いです。カタカナ ｶﾀｶﾅ 한국어 텍스트",
        "null\x00byte, bell\x07, escape\x1b[31m, soft\u00adhyphen, bom\ufeff, "
        "zero\u200bwidth\u200djoin",
        "\ufffd replacement \u2028 line \u2029 paragraph \x85 next \u00a0 hard \u3000 wide space",
        "Crème brûlée à la façon de Zoë — naïve coöperation, Ångström, ñandú, ß, Ĳssel, İstanbul",
        "e\u0301 a\u0308\u0323 q\u0307\u0323 combining, \u0327 first; Z̸̢̛͔̲̼a̷̡͍l̶̪̈́g̵̠̈o̷̼",
        "שלום עולם, המוצר מצוין! مرحبا بالعالم، المنتج رائع ١٢٣ \u202eoverride\u202c",
        "हिन्दी में लिखा हुआ ग्राहक का संदेश, ไม่มีช่องว่าง, Ελληνικά ΣΊΣΥΦΟΣ, Русский ЁЖ",
        "[CLS] literal [SEP] special [MASK] tokens [PAD] [UNK] in ##text and <s> </s> <mask>",
        "don't can't won't it's $1,234.56 #hashtag @user http://a.b/c?d=e&f=g x@y.zz C++ 3.5%",
        "UPPER lower MiXeD ﬁ ﬂ ﬃ ligatures ½ ² ™ ℃ Ⅷ ＦＵＬＬ ｗｉｄｔｈ",
        "a" * 100 + " " + "b" * 101 + " " + "c" * 5000,
        "pneumonoultramicroscopicsilicovolcanoconiosis antidisestablishmentarianism",
        "!" * 700,
        "word " * 509 + "end",
        "word " * 510 + "end",
        "word " * 511 + "end",
        "很" * 3000,
        "😀" * 3000,
        " " * 20000 + "late" + " " * 20000,
        " ".join(draw.choice(words) for _ in range(10000)),
        "\n".join(draw.choice(words) for _ in range(10000)),
        "".join(chr(c) for c in range(0x20, 0x250)),
        " ".join(chr(c) for c in range(0x2000, 0x2070)),
        "".join(chr(c) for c in range(0x1F300, 0x1F400)),
        "\U000e0041\U000e0042 tags \U0010ffff private \ue000 end",
    ]


def reset(tokenizer, max_tokens):
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def encode(tokenizer, texts):
    rows = []
    for text in texts:
        encoding = tokenizer.encode(text)
        rows.append({"ids": encoding.ids, "truncated": bool(encoding.overflowing)})
    return rows


def word_piece(texts):
    """A tiny tokenizer of BERT's kind."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=special, limit_alphabet=80)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def byte_level(texts):
    """A tiny tokenizer of RoBERTa's kind."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


def randomise(model, seed):
    """Weights large enough that the answers differ by far more than the tolerance."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            noise = torch.randn(tensor.shape, generator=generator)
            if "LayerNorm.weight" in name or "layer_norm.weight" in name:
                tensor.copy_(1 + 0.3 * noise)
            else:
                tensor.copy_(noise * (0.5 if tensor.dim() == 1 else 1.5 / tensor.shape[-1] ** 0.5))
    return model.eval()


def answers(model, rows, pooling):
    out = []
    with torch.inference_mode():
        for row in rows:
            ids = torch.tensor([row["ids"]])
            result = model(input_ids=ids, attention_mask=torch.ones_like(ids))
            if pooling is None:
                out.append(result.logits[0].tolist())
                continue
            hidden = result.last_hidden_state[0]
            vector = hidden.mean(0) if pooling == "mean" else hidden[0]
            out.append(torch.nn.functional.normalize(vector, dim=0).tolist())
    return out


def write(name, model, tokenizer, texts, max_tokens, pooling, dtype=torch.float32, extra=None):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    # The stored weights are rounded, so the reference must run on the rounded ones.
    model = model.to(dtype)
    tensors = {key: value.contiguous() for key, value in model.state_dict().items()
               if not key.endswith("position_ids")}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    model = model.float()
    config = model.config.to_dict()
    config["architectures"] = [type(model).__name__]
    text = json.dumps(config, indent=1, sort_keys=True, default=str)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")
    for file, content in (extra or {}).items():
        path = folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content) + "\n", encoding="utf-8")
    # As many published tokenizers do, this one brings settings that must not be obeyed.
    tokenizer.enable_truncation(7)
    tokenizer.enable_padding(length=9, pad_id=1)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    rows = encode(reset(tokenizer, max_tokens), texts)
    expected = [
        {"text": text, "answer": answer, **row}
        for text, row, answer in zip(texts, rows, answers(model, rows, pooling))
    ]
    (folder / "expected.json").write_text(json.dumps(expected) + "\n", encoding="utf-8")
    print(name, sum(p.numel() for p in model.parameters()))


def tiny():
    lines = (OUT / "texts.txt").read_text(encoding="utf-8").split("\n")
    texts = lines[:60:4] + ["", " ", "Great! 👍 很好 crème", "x " * 40]
    bert = dict(vocab_size=300, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                intermediate_size=64, max_position_embeddings=40, id2label=LABELS)
    pieces = lambda: word_piece(lines)
    write("bert_classifier", randomise(BertForSequenceClassification(BertConfig(**bert)), 1),
          pieces(), texts, 40, None)
    write("bert_classifier_bf16", randomise(BertForSequenceClassification(BertConfig(
        **bert | dict(hidden_act="gelu_new", layer_norm_eps=1e-5, num_hidden_layers=1))), 2),
          pieces(), texts, 24, None, torch.bfloat16, {"crm_ai.json": {"max_tokens": 24}})
    encoder = BertConfig(**bert | dict(hidden_size=48, num_attention_heads=3, num_hidden_layers=3))
    write("bert_encoder", randomise(BertModel(encoder, add_pooling_layer=False), 3),
          pieces(), texts, 40, "mean", torch.float16)
    write("bert_encoder_cls", randomise(BertModel(BertConfig(**bert)), 4), pieces(), texts, 40,
          "cls", torch.float32, {"1_Pooling/config.json": {"pooling_mode_cls_token": True}})
    write("distilbert_classifier", randomise(DistilBertForSequenceClassification(DistilBertConfig(
        vocab_size=300, dim=32, n_layers=2, n_heads=2, hidden_dim=64, max_position_embeddings=40,
        id2label=LABELS)), 5), pieces(), texts, 40, None)
    roberta = RobertaConfig(
        vocab_size=400, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=66, type_vocab_size=1, pad_token_id=1,
        bos_token_id=0, eos_token_id=2, layer_norm_eps=1e-5, hidden_act="relu", id2label=LABELS)
    write("roberta_classifier", randomise(RobertaForSequenceClassification(roberta), 6),
          byte_level(lines), texts, 64, None)
    write("roberta_encoder", randomise(RobertaModel(roberta, add_pooling_layer=False), 7),
          byte_level(lines), texts, 64, "mean")


def minilm(folder):
    tokenizer = reset(Tokenizer.from_file(str(folder / "tokenizer.json")), 512)
    model = AutoModel.from_pretrained(folder).eval().float()
    lines = (OUT / "texts.txt").read_text(encoding="utf-8").split("\n")
    hard = hard_texts()
    texts = lines[: 6000 : 200] + [text for text in hard if len(text) < 600]
    rows = encode(tokenizer, texts)
    vectors = [[round(x, 7) for x in row] for row in answers(model, rows, "mean")]
    document = {
        "tokens": [{"text": text, **row} for text, row in zip(hard, encode(tokenizer, hard))],
        "vectors": [{"text": text, "answer": row} for text, row in zip(texts, vectors)],
    }
    (OUT / "minilm.json").write_text(json.dumps(document) + "\n", encoding="utf-8")


torch.manual_seed(0)
tiny()
minilm(Path(sys.argv[1]))
