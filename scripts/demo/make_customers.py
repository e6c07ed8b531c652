"""Makes customers.csv, the demo's customers: `make_customers.py DATA > customers.csv`.

DATA is a folder with the data sets that README.md names. Persons and notes are taken as they are.
Phones are made up, from ranges that regulators keep free for fiction, and then written as people
and programs write them; some notes get what exports from web forms add. The same seed gives the
same file.
"""

import csv
import html
import random
import re
import sys
from pathlib import Path

ROWS = 300
AREA = {"nsw": "2", "act": "2", "vic": "3", "tas": "3", "qld": "7"}
JUNK = ["n/a", "none", "-", "ask his wife", "12345", "0000000000", "unknown", "see e-mail", "??"]
REMARKS = [" (home)", " after 5pm", " ext 12", " x304", " ext. 7", " (wk)", " - leave message"]
LABELS = ["ph: ", "Mob ", "tel.", "Phone "]


def australian(rng, state):
    """A number that is nobody's, in one of the forms that Australians write."""
    if rng.random() < 0.5:
        rest = f"49157{rng.randrange(10000):04}"
        a, b, c = rest[:3], rest[3:6], rest[6:]
        return rng.choice(
            [f"0{a} {b} {c}", f"0{rest}", f"+61 {a} {b} {c}", f"0{a}-{b}-{c}", f"+61(0){a}{b}{c}",
             f"61{rest}", f"0011 61 {a} {b} {c}", f"0{a}.{b}.{c}"]
        )
    area, line = AREA.get(state, "8"), f"{rng.randrange(10000):04}"
    return rng.choice(
        [f"(0{area}) 5550 {line}", f"0{area}5550{line}", f"+61 {area} 5550 {line}",
         f"0{area} 5550-{line}", f"({area}) 5550 {line}", f"+61-{area}-5550-{line}",
         f"0{area} 5550 CARE", f"0{area}/5550{line}"]
    )


def american(rng):
    """A number in the range of films and books."""
    area, line = rng.choice(["212", "312", "415", "650"]), f"01{rng.randrange(100):02}"
    return rng.choice(
        [f"+1 ({area}) 555-{line}", f"+1{area}555{line}", f"1-{area}-555-{line}",
         f"({area}) 555-{line}", f"+1.{area}.555.{line}"]
    )


def phone(rng, state):
    """A phone as it stands in a customer table that nobody has cleaned."""
    chance = rng.random()
    if chance < 0.03:
        return ""
    if chance < 0.11:
        return rng.choice(JUNK)
    text = american(rng) if chance < 0.22 else australian(rng, state)
    spoil = rng.random()
    if spoil < 0.10:
        text += rng.choice(REMARKS)
    elif spoil < 0.18:
        text = rng.choice(LABELS) + text
    elif spoil < 0.26:
        text = f"  {text.replace(' ', '  ')} "
    elif spoil < 0.31:
        text = text.replace(" ", "\u00a0")
    elif spoil < 0.36:
        text = text.translate({ord(d): ord(d) + 0xFEE0 for d in "0123456789"})
    elif spoil < 0.41:
        text = text[:-3]
    return text


def note(rng, text):
    """A note as it is, or as a web form and an export have left it."""
    chance = rng.random()
    if chance < 0.07:
        return f"<p>{html.escape(text)}</p>"
    if chance < 0.12:
        return text.replace("'", "\u2019").encode().decode("cp1252", "replace")
    if chance < 0.16:
        return text.replace(" ", "  ", 2) + "<br/>\r\n"
    if chance < 0.19:
        return "\ufeff" + text.replace(" ", "\u200b ", 1)
    return text


def persons(data, rng):
    """FEBRL's persons, those with a name alone."""
    with open(data / "febrl/dataset1.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file, skipinitialspace=True)]
    rows = [row for row in rows if row["given_name"].strip() and row["surname"].strip()]
    return rng.sample(rows, ROWS)


def notes(data, rng):
    """Half questions to a bank, half sentences from reviews of products and restaurants."""
    with open(data / "banking77/test.csv", newline="") as file:
        questions = [row["text"].strip() for row in csv.DictReader(file)]
    reviews = []
    for name in ("amazon_cells", "yelp"):
        file = data / f"uci_sentiment_sentences/{name}_labelled.txt"
        lines = file.read_text(encoding="utf-8").split("\n")
        reviews += [line.rpartition("\t")[0].strip() for line in lines if line]
    long_enough = [text for text in reviews if 30 <= len(text) <= 160]
    short_enough = [re.sub(r"\s+", " ", text) for text in questions if len(text) <= 160]
    chosen = rng.sample(short_enough, ROWS // 2) + rng.sample(long_enough, ROWS - ROWS // 2)
    rng.shuffle(chosen)
    return chosen


def main():
    data, rng = Path(sys.argv[1]), random.Random(42)
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["customer_id", "name", "suburb", "state", "phone", "note"])
    for number, (person, text) in enumerate(zip(persons(data, rng), notes(data, rng)), start=1001):
        name = f"{person['given_name'].strip()} {person['surname'].strip()}"
        state = person["state"].strip()
        row = [number, name, person["suburb"].strip(), state, phone(rng, state), note(rng, text)]
        table.writerow(row)


if __name__ == "__main__":
    main()
