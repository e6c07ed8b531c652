"""Reads FEBRL's persons (dataset1.csv, originals) in three forms and prints how many names come
back in the parts that they were made from, and which problems are told.

    cargo build --release -p crm_ai_clean --example describe_names
    people.py FEBRL_DATASET1 DESCRIBE_NAMES
"""

import collections
import csv
import json
import subprocess
import sys

FORMS = {
    "given family": lambda given, family: f"{given} {family}",
    "FAMILY, GIVEN": lambda given, family: f"{family}, {given}".upper(),
    "Mr Given X. Family": lambda given, family: f"Mr {given.title()} X. {family.title()}",
}

with open(sys.argv[1], encoding="utf-8") as file:
    people = [
        (row[" given_name"].strip(), row[" surname"].strip())
        for row in csv.DictReader(file)
        if row["rec_id"].endswith("-org")
    ]
people = [(given, family) for given, family in people if given and family]
for form, make in FORMS.items():
    text = "".join(make(*person) + "\n" for person in people)
    lines = subprocess.run([sys.argv[2]], input=text, capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in lines.stdout.splitlines()]
    right = sum(
        (info.get("given", "").lower(), info.get("family", "").lower()) == person
        for info, person in zip(found, people, strict=True)
    )
    problems = collections.Counter(info.get("problem", "none") for info in found)
    print(f"{form:20} {right}/{len(people)} right, problems {dict(problems)}")
