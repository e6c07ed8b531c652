"""Precision, recall and F1 of duplicates on tables with a known truth; see run.sh."""

import argparse
import csv
import itertools
import os
import subprocess
import time
from collections import Counter
from pathlib import Path

SURE = 0.95


class Table:
    """Rows of one file: a key, columns, and the person that each row is."""

    def __init__(self, name, rows, key, truth):
        self.name = name
        self.columns = [column for column in rows[0] if column not in (key, truth)]
        self.rows = [{"key": str(i)} | {c: row[c] or None for c in self.columns}
                     for i, row in enumerate(rows)]
        people = {}
        self.truth = {str(i): people.setdefault(row[truth], len(people))
                      for i, row in enumerate(rows)}
        self.pairs = sum(n * (n - 1) // 2 for n in Counter(self.truth.values()).values())


def read(path, strip=False):
    with open(path, newline="", encoding="utf-8") as file:
        rows = [dict(row) for row in csv.DictReader(file)]
    if strip:
        rows = [{k.strip(): (v or "").strip() for k, v in row.items()} for row in rows]
    return rows


def tables(data, customers, wanted):
    """The tables that are there."""
    files = {f"febrl{i}": (data / f"febrl/dataset{i}.csv", "rec_id", "person") for i in (1, 2, 3)}
    files |= {
        "fake_1000": (data / "splink/fake_1000.csv", "unique_id", "cluster"),
        "genbiz": (data / "linkage/genbiz.csv", "key", "true_id"),
        "genfam": (data / "linkage/genfam.csv", "key", "true_id"),
        "customers": (customers, "customer_id", "true_id"),
    }
    for name, (path, key, truth) in files.items():
        if wanted and name not in wanted:
            continue
        if not path.is_file():
            print(f"skipped {name}: no file {path}")
            continue
        rows = read(path, strip=name.startswith("febrl"))
        if name.startswith("febrl"):
            for row in rows:
                row["person"] = row["rec_id"].split("-")[1]
        yield Table(name, rows, key, truth)


def psql(sql, stdin=None):
    done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-c", sql],
                          input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def ours(table):
    """crm_ai.dedupe by its default call."""
    columns = ", ".join(f'"{column}" text' for column in table.columns)
    psql(f"DROP TABLE IF EXISTS t; CREATE TABLE t (key bigint PRIMARY KEY, {columns})")
    lines = []
    for row in table.rows:
        values = [row["key"]] + [row[c] for c in table.columns]
        escape = lambda v: v.replace("\\", "\\\\").replace("\t", " ").replace("\n", " ")
        lines.append("\t".join("\\N" if v is None else escape(v) for v in values))
    psql("COPY t FROM STDIN", "\n".join(lines) + "\n")
    began = time.monotonic()
    psql("SET client_min_messages = warning; SELECT crm_ai.dedupe('t', 'key')")
    seconds = time.monotonic() - began
    pairs = [line.split("\t") for line in psql(
        f"SELECT left_key, right_key FROM t_duplicates_pairs WHERE probability >= {SURE}"
    ).splitlines()]
    clusters = dict(line.split("\t") for line in psql(
        "SELECT key, cluster FROM t_duplicates_clusters").splitlines())
    return pairs, clusters, seconds


def splink(table):
    """Splink with DuckDB, by the settings of its own examples where it has any for the table."""
    import pandas
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    settings = {
        "fake_1000": (
            [cl.NameComparison("first_name"), cl.JaroAtThresholds("surname"),
             cl.DateOfBirthComparison("dob", input_is_string=True),
             cl.ExactMatch("city").configure(term_frequency_adjustments=True),
             cl.EmailComparison("email")],
            [["first_name", "city"], ["surname"]],
            [["first_name", "surname"]], [["first_name", "surname"], ["email"]], 0.7),
        "febrl": (
            [cl.NameComparison("given_name"), cl.NameComparison("surname"),
             cl.DateOfBirthComparison("date_of_birth", input_is_string=True,
                                      datetime_format="%Y%m%d"),
             cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
             cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
             cl.DamerauLevenshteinAtThresholds("postcode", [1, 2])],
            [["soc_sec_id"], ["given_name"], ["surname"], ["date_of_birth"], ["postcode"]],
            [["soc_sec_id"], ["given_name", "surname", "date_of_birth"]],
            [["date_of_birth"], ["postcode"]], 0.9),
        "customers": (
            [cl.NameComparison("first_name"), cl.NameComparison("last_name"),
             cl.EmailComparison("email"), cl.LevenshteinAtThresholds("phone", [1, 2]),
             cl.LevenshteinAtThresholds("street", [1, 3]),
             cl.ExactMatch("city").configure(term_frequency_adjustments=True),
             cl.ExactMatch("zip"), cl.DateOfBirthComparison("birth_date", input_is_string=True)],
            [["email"], ["phone"], ["first_name", "last_name"], ["last_name", "birth_date"],
             ["street", "zip"], ["first_name", "birth_date"]],
            [["email"], ["first_name", "last_name", "birth_date"]],
            [["first_name", "last_name"], ["email"]], 0.8),
    }
    name = "febrl" if table.name.startswith("febrl") else table.name
    if name not in settings:
        return None
    comparisons, blocking, certain, trained, recall = settings[name]
    frame = pandas.DataFrame(table.rows)
    began = time.monotonic()
    linker = Linker(frame, SettingsCreator(
        link_type="dedupe_only", unique_id_column_name="key", comparisons=comparisons,
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in blocking]),
        DuckDBAPI())
    training = linker.training
    training.estimate_probability_two_random_records_match(
        [block_on(*rule) for rule in certain], recall=recall)
    training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in trained:
        training.estimate_parameters_using_expectation_maximisation(block_on(*rule))
    predicted = linker.inference.predict(threshold_match_probability=0.01)
    grouped = linker.clustering.cluster_pairwise_predictions_at_threshold(predicted, SURE)
    pairs = predicted.as_pandas_dataframe()
    clusters = grouped.as_pandas_dataframe()
    seconds = time.monotonic() - began
    pairs = pairs[pairs["match_probability"] >= SURE]
    return (list(zip(pairs["key_l"], pairs["key_r"])),
            dict(zip(clusters["key"], clusters["cluster_id"])), seconds)


def goldenmatch(table):
    """GoldenMatch with no configuration. Its pairs are those that its clusters imply."""
    import goldenmatch as gm
    import polars

    frame = polars.DataFrame(table.rows).drop("key")
    began = time.monotonic()
    found = gm.dedupe_df(frame, confidence_required=False)
    seconds = time.monotonic() - began
    clusters = {str(i): f"row {i}" for i in range(len(table.rows))}
    for number, cluster in found.clusters.items():
        for member in cluster["members"]:
            clusters[str(member)] = number
    groups = {}
    for key, number in clusters.items():
        groups.setdefault(number, []).append(key)
    pairs = [p for keys in groups.values() for p in itertools.combinations(keys, 2)]
    return pairs, clusters, seconds


def scores(table, pairs, clusters):
    """Precision, recall and F1 of pairs; F1 of the pairs that clusters imply."""
    right = sum(table.truth[a] == table.truth[b] for a, b in pairs)
    count = lambda counter: sum(n * (n - 1) // 2 for n in counter.values())
    both = count(Counter((clusters[k], t) for k, t in table.truth.items()))
    linked = count(Counter(clusters.values()))
    return (right / max(len(pairs), 1), right / table.pairs,
            2 * right / (len(pairs) + table.pairs), 2 * both / (linked + table.pairs))




def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--customers", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("tables", nargs="*")
    arguments = parser.parse_args()
    os.environ.setdefault("GOLDENMATCH_LOG_LEVEL", "ERROR")
    print("| table | rows | by | pairs at .95: P / R / F1 | clusters F1 | seconds |")
    print("|---|---|---|---|---|---|")
    tools = [("crm_ai", ours)]
    if arguments.peers:
        tools += [("Splink", splink), ("GoldenMatch", goldenmatch)]
    for table in tables(arguments.data, arguments.customers, set(arguments.tables)):
        for tool, run in tools:
            try:
                found = run(table)
            except Exception as error:  # a peer that gives up is told, not hidden
                kind = type(error).__name__
                print(f"| {table.name} | {len(table.rows)} | {tool} | failed: {kind} | | |")
                continue
            if found is None:
                continue
            pairs, clusters, seconds = found
            p, r, f1, grouped = scores(table, pairs, clusters)
            print(f"| {table.name} | {len(table.rows)} | {tool} | {p:.4f} / {r:.4f} / {f1:.4f} "
                  f"| {grouped:.4f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
