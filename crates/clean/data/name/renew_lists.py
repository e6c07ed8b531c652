"""Makes names.txt and own_script.txt, the lists of given and family names; README.md says what
they hold and where it comes from.

    pip install names==0.3.0 faker==40.54.0 japanese-personal-name-dataset==0.4.0
    python3 renew_lists.py
"""

import collections
import csv
import importlib
import importlib.util
import math
import pathlib
import re
import sys
import unicodedata

HERE = pathlib.Path(__file__).parent
FOLDED = str.maketrans(
    {"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i"}
)
# How the attributes of given and of family names begin.
STARTS = (("first_name", "first_romanized"), ("last_name", "last_romanized"))
SMALLEST = 1e-6  # share of people at level 1
BITS_PER_LEVEL = 1.75


def fold(name):
    """As gazetteer.rs folds a word before it looks it up."""
    letters = unicodedata.normalize("NFD", name.lower())
    letters = "".join(c for c in letters if not unicodedata.combining(c)).translate(FOLDED)
    return unicodedata.normalize("NFC", "".join(c for c in letters if c.isalpha()))


def folder(package):
    return pathlib.Path(importlib.util.find_spec(package).origin).parent


def census(file):
    """Name → share of the people of the USA, Census of 1990."""
    for line in (folder("names") / file).read_text().splitlines():
        name, percent = line.split()[:2]
        yield name, float(percent) / 100


def elements(value):
    if isinstance(value, dict):
        return value.items()
    return ((name, 1.0) for name in value)


def locale_names(provider, starts):
    """Name → weight of all lists of a provider whose attribute has one of the `starts`."""
    weights = collections.Counter()
    for attribute in sorted(dir(provider)):
        value = getattr(provider, attribute)
        if attribute.startswith(starts) and isinstance(value, (dict, tuple, list, set)):
            if attribute.startswith(("first_name_pairs", "last_name_pairs")):
                continue
            for name, weight in elements(value):
                if isinstance(name, str) and not re.search(r"[\s./']|\bvon\b", name.strip()):
                    weights[name.strip()] += weight
    total = sum(weights.values()) or 1.0
    return {name: weight / total for name, weight in weights.items()}


def locales():
    root = folder("faker") / "providers/person"
    for path in sorted(root.iterdir()):
        if (path / "__init__.py").exists():
            module = importlib.import_module(f"faker.providers.person.{path.name}")
            yield path.name, module.Provider


def japanese():
    """(given, family) in Latin letters and {kanji: people}."""
    root = folder("japanese_personal_name_dataset") / "dataset"
    given, family, kanji = collections.Counter(), collections.Counter(), {}
    for file in ("first_name_man_opti.csv", "first_name_woman_opti.csv"):
        for row in csv.reader((root / file).open(encoding="utf-8")):
            given[row[1]] += 1
    rows = csv.reader((root / "last_name_org.csv").open(encoding="utf-8"))
    for name, people, _, romaji in rows:
        family[romaji] += float(people)
        kanji[name] = float(people)
    shares = [{short(n): w / sum(c.values()) for n, w in c.items()} for c in (given, family)]
    return [*shares, kanji]


def short(romaji):
    """Long vowels as they are mostly written abroad: Sato for satou."""
    return re.sub(r"ou|oo", "o", re.sub(r"uu", "u", romaji))


def level(share):
    if share <= 0:
        return 0
    return max(1, min(9, round(math.log2(share / SMALLEST) / BITS_PER_LEVEL) + 1))


def main():
    shares = [collections.Counter(), collections.Counter()]
    for file in ("dist.male.first", "dist.female.first"):
        for name, share in census(file):
            shares[0][fold(name)] += share * 0.25
    for name, share in census("dist.all.last"):
        shares[1][fold(name)] += share * 0.5
    worlds = [(l, p) for l, p in locales() if l not in ("en", "en_US", "en_TH")]
    han = collections.defaultdict(set)
    for locale, provider in worlds:
        for column, starts in enumerate(STARTS):
            for name, share in locale_names(provider, starts).items():
                script = unicodedata.name(name[0], "")
                if script.startswith(("CJK", "HANGUL")):
                    if column == 1:
                        han[name].add({"zh": "c", "ja": "j", "ko": "k"}[locale[:2]])
                elif not script.startswith(("HIRAGANA", "KATAKANA")):
                    for part in (p for p in name.split("-") if len(fold(p)) > 1):
                        shares[column][fold(part)] += share * 0.5 / len(worlds)
    *romaji, kanji = japanese()
    for column, names in enumerate(romaji):
        for name, share in names.items():
            shares[column][fold(name)] += share * 0.5 / len(worlds)
    for name in kanji:
        han[name].add("j")
    lines = []
    for name in sorted(shares[0].keys() | shares[1].keys(), key=lambda n: n.encode()):
        given, family = shares[0][name], shares[1][name]
        if len(name) < 2 or (given == 0 and family < 4e-6):
            continue
        lines.append(f"{name}\t{level(given)}{level(family)}\n")
    (HERE / "names.txt").write_text("".join(lines), encoding="utf-8")
    sorted_han = sorted(han.items(), key=lambda item: item[0].encode())
    rows = (f"{name}\t{''.join(sorted(scripts))}\n" for name, scripts in sorted_han)
    (HERE / "own_script.txt").write_text("".join(rows), encoding="utf-8")
    print(len(lines), len(han), file=sys.stderr)


main()
