"""Training rows, held-out rows and augmentation for the sentiment model.

A row is (text, target); a target is a list of (weight, levels) pairs: the loss of a row is
-sum(weight * log(sum of the probabilities of these levels)). So a five-level label is [(1, (4,))]
and a plain positive label, which does not say how positive, is [(1, (3, 4))].
"""
import csv
import hashlib
import json
import os
import re

from templates import sample

NEG, POS = [(1., (0, 1))], [(1., (3, 4))]
NEUTRAL = [(.92, (2,)), (.06, (1,)), (.02, (3,))]
FINE = {0: [(.95, (0,)), (.05, (1,))], 1: [(.04, (0,)), (.92, (1,)), (.04, (2,))], 2: [(.04, (1,)), (.92, (2,)), (.04, (3,))],
        3: [(.04, (2,)), (.92, (3,)), (.04, (4,))], 4: [(.05, (3,)), (.95, (4,))]}

# Intents that report something gone wrong; every other intent of the two sets is a plain question or request.
BANKING_PROBLEM = set("""card_payment_wrong_exchange_rate extra_charge_on_statement pending_cash_withdrawal card_not_working
    contactless_not_working pending_top_up wrong_amount_of_cash_received transfer_not_received_by_recipient top_up_reverted
    balance_not_updated_after_cheque_or_cash_deposit card_payment_not_recognised unable_to_verify_identity compromised_card
    direct_debit_payment_not_recognised declined_cash_withdrawal pending_card_payment declined_transfer Refund_not_showing_up
    declined_card_payment pending_transfer card_swallowed transaction_charged_twice reverted_card_payment? beneficiary_not_allowed
    failed_transfer virtual_card_not_working wrong_exchange_rate_for_cash_withdrawal top_up_failed
    balance_not_updated_after_bank_transfer cash_withdrawal_not_recognised lost_or_stolen_card""".split())
BANKING_SKIP = set("card_arrival terminate_account card_payment_fee_charged transfer_fee_charged cash_withdrawal_charge pin_blocked "
                   "activate_my_card lost_or_stolen_phone request_refund cancel_transfer transfer_timing passcode_forgotten".split())
CLINC_PROBLEM = {"card_declined", "damaged_card", "report_fraud", "account_blocked", "lost_luggage"}
CLINC_SKIP = {"goodbye", "greeting", "no", "yes", "maybe", "report_lost_card", "tell_joke", "fun_fact", "restaurant_reviews",
              "are_you_a_bot", "traffic", "repeat"}
QUESTION = re.compile(r"^\s*(what|where|when|who|which|how|is|are|can|could|do|does|did|will|would|why|may|should|am)\b", re.I)
UPSET = re.compile(r"\b(still|twice|again|wrong|stuck|never|keeps?|days|weeks?|ridiculous|not happy|upset|stolen|stole|lost|gone|missing)\b|!", re.I)

EMOJI = {"neg": list("😡😠😤😒👎😞😢😭🙄😩💔😑") + [":(", ":-(", ":/", ">:(", ":'("],
         "neu": list("🤔🙂📦") + ["..."],
         "pos": list("😊😀😁😍👍👏🎉❤💯🙌😃🙏💕✨") + [":)", ":-)", ":D", ";)", "<3"]}
BRANDS = "acme northline BlueParcel shopwell voltio AirNova TeleOne CityBank quickbite Homely GreenGrid StayInn fixly Orbit".split()
HASHTAGS = {"neg": "#fail #badservice #disappointed #neveragain #frustrated".split(),
            "neu": "#question #help #travel #news".split(),
            "pos": "#love #happy #thankyou #greatservice #best".split()}


def normal(text):
    """A text without case, spaces and signs, to compare rows across spellings."""
    return re.sub(r"[^a-z0-9]+", "", text.lower())


def bucket(text, parts=100):
    """A stable number 0..parts-1 for a text."""
    return int(hashlib.sha256(normal(text).encode()).hexdigest()[:8], 16) % parts


def lines(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read().split("\n")


def tabbed(path):
    """Lines `text TAB label`."""
    return [(a, int(b)) for a, b in (l.rsplit("\t", 1) for l in lines(path) if "\t" in l)]


def fine(path):
    """Lines `label text`."""
    return [(l[2:], int(l[0])) for l in lines(path) if l.strip()]


def table(path):
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def sst_dev(root):
    """SST-2 dev (text, 0/1) and SST-5 dev (text, 0..4)."""
    return tabbed(f"{root}/sst/sst2_dev.tsv"), fine(f"{root}/sst/stsa.fine.dev")


def spans(words, least=3):
    """All runs of at least `least` words, normalised."""
    words = [normal(w) for w in words]
    return {"".join(words[i:j]) for i in range(len(words)) for j in range(i + least, len(words) + 1)}


def load_sst(root, held):
    """SST phrases and sentences without dev texts; 4 of 100 sentences (with their phrases) are for validation."""
    sentences = [(t, y) for t, y in fine(f"{root}/sst/stsa.fine.train") if normal(t) not in held]
    valid = [(t, y) for t, y in sentences if bucket(t) < 4]
    sentences = [(t, y) for t, y in sentences if bucket(t) >= 4]
    out = set().union(*(spans(t.split()) for t, _ in valid))
    phrases, short = [], 0
    for t, y in tabbed(f"{root}/sst/sst5_train_phrases.tsv"):
        n, size = normal(t), len(re.findall(r"\w+", t))
        if not n or n in held or n in out:
            continue
        if size < 4 and y == 2:
            short += 1
            if short % 12:
                continue
        phrases.append((t, FINE[y]))
    plain = [(t, NEG if y == 0 else POS) for t, y in tabbed(f"{root}/sst/sst2_train_sentences.tsv")
             if normal(t) not in held and normal(t) not in out]
    return phrases, [(t, FINE[y]) for t, y in sentences], plain, valid


def load_reviews(root):
    """Product, film and restaurant sentences with a positive/negative label; 8 of 100 are for validation."""
    rows = []
    for name in ("amazon_cells", "imdb", "yelp"):
        rows += tabbed(f"{root}/uci_sentiment_sentences/{name}_labelled.txt")
    rows += [(l[2:], int(l[0])) for l in lines(f"{root}/customer_reviews/custrev.all") if l[:2] in ("0 ", "1 ")]
    train = [(t, POS if y else NEG) for t, y in rows if bucket(t) >= 8]
    return train, [(t, 2 * y) for t, y in rows if bucket(t) < 8]


def load_food(root):
    """Food reviews: 'great' is five stars, so positive; 'other' is one to four stars, so only not very positive."""
    rows = []
    for r in table(f"{root}/modeldata/small_fine_foods_train.csv"):
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", r["review"])).strip()
        rows.append((text[:420], [(.25, (3,)), (.75, (4,))] if r["score"] == "great" else [(.5, (0, 1, 2, 3)), (.5, (0, 1, 2))]))
    return rows


def problem_target(text):
    """A reported problem: negative when stated or urgent, between neutral and negative when asked politely."""
    if UPSET.search(text):
        return [(.08, (0,)), (.78, (1,)), (.14, (2,))]
    if QUESTION.match(text) or text.strip().endswith("?"):
        return [(.45, (0, 1)), (.55, (2,))]
    return [(.04, (0,)), (.71, (1,)), (.25, (2,))]


def intent_rows(texts, problem, skip):
    """Rows and validation rows (2 of 100) from (text, intent) pairs."""
    train, valid = [], []
    for text, intent in texts:
        text = text.strip()
        if intent == "thank_you":
            target, label = [(.15, (2,)), (.7, (3,)), (.15, (4,))], 2
        elif intent in skip or (intent not in problem and UPSET.search(text)):
            continue
        elif intent in problem:
            target, label = problem_target(text), 0 if UPSET.search(text) else None
        else:
            target, label = NEUTRAL, 1
        if bucket(text) >= 2:
            train.append((text, target))
        elif label is not None:
            valid.append((text, label))
    return train, valid


def load_intents(root):
    """Customer messages labelled by intent."""
    bank = [(r["text"], r["category"]) for name in ("train", "test") for r in table(f"{root}/banking77/{name}.csv")]
    with open(f"{root}/clinc150/data_full.json", encoding="utf-8") as f:
        clinc = [tuple(p) for part in json.load(f).values() for p in part]
    a, va = intent_rows(bank, BANKING_PROBLEM, BANKING_SKIP)
    b, vb = intent_rows(clinc, CLINC_PROBLEM, CLINC_SKIP)
    return a, b, va + vb


def load(root):
    """Training sources by name, and validation sets: 'fine' (0..4) and 'mass' (0 negative, 1 neutral, 2 positive)."""
    held = {normal(t) for rows in sst_dev(root) for t, _ in rows}
    phrases, sentences, plain, valid_sst = load_sst(root, held)
    reviews, valid_reviews = load_reviews(root)
    bank, clinc, valid_intents = load_intents(root)
    sources = {"phrases": phrases, "sentences": sentences, "plain": plain, "reviews": reviews, "food": load_food(root),
               "bank": bank, "clinc": clinc}
    sources = {k: [r for r in v if normal(r[0]) not in held] for k, v in sources.items()}
    return sources, {"fine": valid_sst, "reviews": valid_reviews, "intents": valid_intents}


def side_of(target):
    """neg, neu or pos when one side holds at least 0.9 of a target, else None."""
    mass = {"neg": 0., "neu": 0., "pos": 0.}
    for w, levels in target:
        sides = {"neg" if l < 2 else "neu" if l == 2 else "pos" for l in levels}
        if len(sides) == 1:
            mass[sides.pop()] += w
    best = max(mass, key=mass.get)
    return best if mass[best] >= .9 else None


def detokenise(text):
    """Undo treebank spacing: "did n't , it 's" becomes "didn't, it's"."""
    text = re.sub(r" (n['’]t|['’](s|re|ve|ll|d|m))\b", r"\1", text)
    text = re.sub(r"`` ?| ?''", '"', text).replace("-lrb- ", "(").replace(" -rrb-", ")")
    return re.sub(r" ([.,;:!?)])", r"\1", text)


def typo(rng, text):
    """Swap, drop or double one letter inside a longer word."""
    words = text.split(" ")
    longer = [i for i, w in enumerate(words) if len(w) > 4 and w.isalpha()]
    if not longer:
        return text
    i = rng.choice(longer)
    w, k = words[i], rng.randrange(1, len(words[i]) - 2)
    words[i] = rng.choice([w[:k] + w[k + 1] + w[k] + w[k + 2:], w[:k] + w[k + 1:], w[:k] + w[k] + w[k:]])
    return " ".join(words)


def augment(rng, text, target, rate):
    """Write a row the way customers write; `rate` scales how often."""
    side = side_of(target)
    if rng.random() < min(.5, rate + .1):
        text = detokenise(text)
    if rng.random() < .15 * rate:
        text = re.sub(r"[.,;:'\"]", "", text)
    if rng.random() < .12 * rate:
        text = typo(rng, text)
    if side and rng.random() < .12 * rate:
        text += " " + rng.choice(EMOJI[side]) * rng.choice((1, 1, 1, 2, 3))
    if side and rng.random() < .05 * rate:
        text += " " + rng.choice(HASHTAGS[side])
    if rng.random() < .3 * rate:
        text = "@" + rng.choice(BRANDS) + rng.choice(("", "", "Support", "_help", "care")) + " " + text
    elif rng.random() < .06 * rate:
        text = rng.choice(("Hi, ", "Hello, ", "Hi team, ", "hey ", "Dear team, ")) + text
    if rng.random() < .04 * rate:
        text += " https://t.co/" + "".join(rng.choices("abcdefgh23456XYZ", k=8))
    if side == "neg" and rng.random() < .05 * rate:
        text += rng.choice(("!!", "!!!", " Please help.", "?!"))
    return text


def service_row(rng):
    """A template sentence, written the way customers write."""
    text, target = sample(rng, rng.choice(BRANDS))
    return augment(rng, text, target, 1.), target


def checksums(root):
    """sha256 of every training and development file."""
    names = ("sst/sst5_train_phrases.tsv sst/stsa.fine.train sst/sst2_train_sentences.tsv sst/sst2_dev.tsv sst/stsa.fine.dev "
             "customer_reviews/custrev.all uci_sentiment_sentences/amazon_cells_labelled.txt uci_sentiment_sentences/imdb_labelled.txt "
             "uci_sentiment_sentences/yelp_labelled.txt modeldata/small_fine_foods_train.csv modeldata/small_fine_foods_test.csv "
             "banking77/train.csv banking77/test.csv clinc150/data_full.json airline_tweets/tweets_80.csv").split()
    result = {}
    for name in names:
        with open(os.path.join(root, name), "rb") as f:
            result[name] = hashlib.sha256(f.read()).hexdigest()
    return result
