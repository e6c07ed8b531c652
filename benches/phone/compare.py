"""Compares `phone::describe` with libphonenumber's Python port on randomly damaged numbers.

    pip install phonenumbers==9.0.43
    cargo build --release -p crm_ai_clean --example describe_phones
    python benches/phone/compare.py target/release/examples/describe_phones [seed] [count]

Prints each difference with its cause, where it is one that docs/cleaning.md explains, and exits
with 1 for any other. Answers that `describe` mended (see `problem`) are compared only in that the
port must not have called the field valid.
"""

import csv
import gzip
import json
import pathlib
import random
import re
import subprocess
import sys

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

ORACLE = pathlib.Path(__file__).parents[2] / "tests/fixtures/clean/phone_truth.csv.gz"
MENDED = {"several_numbers", "trailing_decimal", "scientific_notation"}
KINDS = {v: k.lower() for k, v in vars(PhoneNumberType).items() if isinstance(v, int)}
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
EXTENSIONS = [" ext. 12", " x5", " extension 1234", "#77", ";ext=9", " доб. 5", ",,123#", " 内線12",
              " int 3", " anexo 4", "~5", " ｅｘｔ１２", ";12", ", 12"]
PREFIXES = ["00", "011", "+", "++", "＋", "0", "1", "Tel: ", "tel:", "(", "8~10", "00 ", "*", "#"]
CONTEXTS = [";phone-context=+1", ";phone-context=example.com", ";phone-context=+44;x=y", ";isub=12",
            ";phone-context=", ";phone-context=+"]
SIGNS = " -./()~*#xX[]\u2010\u3000\u00a0\u2060\u200bAbz0９+;="


def damaged(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) + 1)
    more = ["0", "00", ".0", "-", "x", "/", " / " + text, "; " + text, "\n" + text, " or " + text]
    ways = [
        lambda: text.translate(FULL_WIDTH),
        lambda: text.translate(ARABIC),
        lambda: text + rng.choice(EXTENSIONS),
        lambda: rng.choice(PREFIXES) + text,
        lambda: text + rng.choice(more),
        lambda: text[:at] + rng.choice(SIGNS) + text[at:],
        lambda: text[:at] + text[at + 1:],
        lambda: "".join(
            str(rng.randrange(10)) if c.isdigit() and rng.random() < 0.1 else c for c in text
        ),
        lambda: text.replace(" ", rng.choice(["-", ".", "  ", "\u00a0", "/", ""])),
        lambda: "tel:" + text.replace(" ", "") + rng.choice(CONTEXTS),
        lambda: text[::-1],
        lambda: text[:at],
        lambda: "".join(rng.choices("0123456789+-() .xABCDEFGHIJ", k=rng.randrange(1, 24))),
    ]
    return rng.choice(ways)()


def fields(rng: random.Random, count: int) -> list[tuple[str, str]]:
    with gzip.open(ORACLE, "rt") as file:
        rows = list(csv.DictReader(file))
    regions = sorted(phonenumbers.SUPPORTED_REGIONS)
    made = []
    for _ in range(count):
        row = rng.choice(rows)
        text = row[rng.choice(["raw", "national", "international", "e164"])] or row["raw"]
        for _ in range(rng.choice([0, 1, 1, 2, 3])):
            text = damaged(text, rng)
        region = rng.choice([row["default_region"], "US", "", "GB", rng.choice(regions)])
        made.append((text, region))
    return made


def port_says(text: str, region: str) -> dict | None:
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return None
    form = lambda name: phonenumbers.format_number(number, getattr(PhoneNumberFormat, name))
    return {
        "e164": form("E164"), "international": form("INTERNATIONAL"), "national": form("NATIONAL"),
        "rfc3966": form("RFC3966"), "country_code": number.country_code,
        "region": phonenumbers.region_code_for_number(number),
        "kind": KINDS[phonenumbers.number_type(number)], "extension": number.extension or None,
        "is_possible": phonenumbers.is_possible_number(number),
        "is_valid": phonenumbers.is_valid_number(number),
    }


def cause(text: str) -> str | None:
    if re.search(r"\n.*[\\/] *x|[\\/] *x.*[\\/] *x", text):
        return "where a second number starts"
    return None


def main() -> int:
    binary, seed, count = (sys.argv[1:] + ["1", "60000"][len(sys.argv) - 2:])[:3]
    asked = fields(random.Random(int(seed)), int(count))
    lines = "".join(json.dumps(field) + "\n" for field in asked)
    done = subprocess.run([binary], input=lines, capture_output=True, text=True, check=True)
    output = done.stdout
    unexplained = explained = mended = 0
    for field, line in zip(asked, output.splitlines(), strict=True):
        ours, port = json.loads(line), port_says(*field)
        if ours.pop("problem") in MENDED:
            mended += 1
            differs = port is not None and port["is_valid"]
        else:
            differs = ours["e164"] is not None if port is None else ours != port
        if differs:
            why = cause(field[0])
            explained += why is not None
            unexplained += why is None
            print(field, why or f"port {port} ours {ours}")
    print(f"{len(asked)} fields, {mended} mended, {explained} differ as explained, "
          f"{unexplained} differ otherwise")
    return 1 if unexplained else 0


sys.exit(main())
