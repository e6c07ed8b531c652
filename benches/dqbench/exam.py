"""DQBench's exam of crm_ai.findings and of GoldenCheck, in one run.

The mapping is fixed: a finding becomes a finding of the same code and severity. Where two columns
contradict each other and either may be wrong, both are named; else the first of the finding's
columns, which holds the suspect value. Findings on whole rows name no column.
"""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

from dqbench.adapters.base import DQBenchAdapter
from dqbench.adapters.goldencheck import GoldenCheckAdapter
from dqbench.models import DQBenchFinding
from dqbench.runner import run_benchmark

EITHER = {"order", "age_mismatch", "state_zip_mismatch"}


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def psql(*statements, stdin=None):
    command = ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1"]
    for statement in statements:
        command += ["-c", statement]
    return subprocess.run(command, check=True, text=True, capture_output=True, stdin=stdin).stdout


class Findings(DQBenchAdapter):
    """Copies the CSV file into a table of text columns and asks for its findings."""

    name = "crm_ai.findings"
    version = os.environ.get("CRM_AI_VERSION", "")

    def validate(self, csv_path: Path) -> list[DQBenchFinding]:
        with open(csv_path, newline="", encoding="utf-8") as file:
            columns = next(csv.reader(file))
        table = ", ".join(f"{quoted(column)} text" for column in columns)
        psql(f"DROP TABLE IF EXISTS exam; CREATE UNLOGGED TABLE exam ({table})")
        with open(csv_path, encoding="utf-8") as file:
            psql("COPY exam FROM STDIN (FORMAT csv, HEADER)", stdin=file)
        rows = json.loads(psql("SELECT json_agg(f) FROM crm_ai.findings('exam') f") or "[]")
        return [mapped(row) for row in rows or []]


def mapped(row):
    columns = row["columns"] if row["code"] in EITHER else row["columns"][:1]
    return DQBenchFinding(
        column=",".join(columns),
        severity=row["severity"],
        check=row["code"],
        message=f"{row['rows']} rows",
    )


def told(tool):
    card = run_benchmark(tool)
    print(f"{card.tool_name} {card.tool_version}: {card.dqbench_score}")
    for tier in card.tiers:
        print(
            f"  tier {tier.tier}: recall {tier.recall:.3f}, precision {tier.precision:.3f}, "
            f"clean columns flagged {tier.false_positive_rate:.3f}, {tier.time_seconds:.1f} s"
        )


told(Findings())
if "--alone" not in sys.argv:
    told(GoldenCheckAdapter())
