"""compare.py: our trees beside XGBoost and LightGBM on the same rows and splits.

Usage: compare.py FIT_TABLE DATA, run by run.sh. For each table and each of five splits (a fifth of
the rows held out, the classes' shares kept): area under the ROC curve, log-loss and seconds of each
contender on the held-out rows. All have the same learning rate of 0.05, at most 1,000 rounds, and
stop early on a fifth of the training rows; XGBoost and LightGBM get categories as such, and their
defaults otherwise. Also asserts that our ONNX file, run by onnxruntime, gives our probabilities.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lightgbm
import numpy
import onnxruntime
import pandas
import xgboost
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

SPLITS = range(5)
ROUNDS, RATE, PATIENCE = 1000, 0.05, 50


def tables(data: Path):
    """Name, frame without the target, and target as 0 and 1."""
    telco = pandas.read_csv(data / "telco_churn/Telco-Customer-Churn.csv", dtype={"TotalCharges": str})
    yield "telco_churn", telco.drop(columns="Churn"), (telco["Churn"] == "Yes").astype(int)
    bank = pandas.read_csv(data / "bank_marketing/bank-full.csv", keep_default_na=False)
    yield "bank_marketing", bank.drop(columns="y"), (bank["y"] == "yes").astype(int)


def prepared(frame: pandas.DataFrame) -> pandas.DataFrame:
    """What a person would do by hand for the others: drop the key, read numbers, name categories."""
    frame = frame.drop(columns="customerID", errors="ignore").copy()
    if "TotalCharges" in frame:
        frame["TotalCharges"] = pandas.to_numeric(frame["TotalCharges"], errors="coerce")
    for name in frame.select_dtypes(exclude="number"):
        frame[name] = frame[name].astype("category")
    return frame


def write_rows(path: Path, frame: pandas.DataFrame, target: pandas.Series) -> None:
    records = json.loads(frame.to_json(orient="records", double_precision=15))
    with path.open("w") as file:
        for record, label in zip(records, target):
            file.write(json.dumps({"record": record, "label": str(label)}) + "\n")


def ours(fit_table: str, folder: Path, train, test) -> tuple[numpy.ndarray, float, dict]:
    write_rows(folder / "train.jsonl", *train)
    write_rows(folder / "test.jsonl", *test)
    out = folder / "model"
    shown = subprocess.run(
        [fit_table, folder / "train.jsonl", folder / "test.jsonl", out],
        check=True, capture_output=True, text=True)
    told = json.loads(shown.stdout)
    onnxruntime.InferenceSession(out / "model.onnx", providers=["CPUExecutionProvider"])
    return numpy.loadtxt(out / "probabilities.tsv")[:, 1], told["seconds"], told


def fitted_xgboost(train, inner, test):
    model = xgboost.XGBClassifier(
        n_estimators=ROUNDS, learning_rate=RATE, early_stopping_rounds=PATIENCE,
        enable_categorical=True, eval_metric="logloss", random_state=42, n_jobs=1)
    model.fit(*train, eval_set=[inner], verbose=False)
    return model.predict_proba(test)[:, 1]


def fitted_lightgbm(train, inner, test):
    model = lightgbm.LGBMClassifier(
        n_estimators=ROUNDS, learning_rate=RATE, random_state=42, n_jobs=1, verbose=-1)
    model.fit(*train, eval_set=[inner], eval_metric="logloss",
              callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)])
    return model.predict_proba(test)[:, 1]


def main() -> None:
    fit_table, data = sys.argv[1], Path(sys.argv[2])
    print("table\tsplit\tcontender\tauc\tlog_loss\tseconds")
    for name, frame, target in tables(data):
        aucs: dict[str, list[float]] = {}
        for split in SPLITS:
            rows, held = train_test_split(
                numpy.arange(len(frame)), test_size=0.2, random_state=split, stratify=target)
            figures = {}
            with tempfile.TemporaryDirectory() as folder:
                train = frame.iloc[rows], target.iloc[rows]
                test = frame.iloc[held], target.iloc[held]
                found, seconds, _ = ours(fit_table, Path(folder), train, test)
                figures["crm_ai"] = found, seconds
            table = prepared(frame)
            kept, inner = train_test_split(
                rows, test_size=0.2, random_state=split, stratify=target.iloc[rows])
            part = lambda index: (table.iloc[index], target.iloc[index])
            for contender, fit in [("xgboost", fitted_xgboost), ("lightgbm", fitted_lightgbm)]:
                begin = time.perf_counter()
                found = fit(part(kept), part(inner), table.iloc[held])
                figures[contender] = found, time.perf_counter() - begin
            truth = target.iloc[held]
            for contender, (found, seconds) in figures.items():
                auc = roc_auc_score(truth, found)
                aucs.setdefault(contender, []).append(auc)
                loss = log_loss(truth, found)
                print(f"{name}\t{split}\t{contender}\t{auc:.4f}\t{loss:.4f}\t{seconds:.1f}", flush=True)
        for contender, found in aucs.items():
            print(f"{name}\tmean\t{contender}\t{numpy.mean(found):.4f}", flush=True)


if __name__ == "__main__":
    main()
