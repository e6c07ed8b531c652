"""What the Python programs share: their arguments, their clock, and the loop over commands."""

import argparse
import json
import sys
import time
from pathlib import Path


def arguments(about):
    """--place, --model, --threads and --labels."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--place", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--labels", type=int, required=True)
    return parser.parse_args()


def texts(place):
    return json.loads((place / "texts.json").read_text(encoding="utf-8"))


def max_tokens(model):
    """Longest input in tokens that the model's `crm_ai.json` allows."""
    settings = model / "crm_ai.json"
    return json.loads(settings.read_text()).get("max_tokens", 512) if settings.exists() else 512


class Spent:
    """What a pass takes, by the clock and of processor time; begins when it is made."""

    def __init__(self):
        self.start, self.processor = time.perf_counter(), time.process_time()

    def figures(self):
        seconds = time.perf_counter() - self.start
        return {"seconds": seconds, "processor": time.process_time() - self.processor}


def serve(versions, answers):
    """Says the versions, then answers each command of standard input by its name."""
    print(json.dumps({"versions": versions}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(answers[command["do"]](command)), flush=True)
