"""The `transformers` pipeline in fp32 on the processor; see src/contender.rs for the commands.

Ways: `one` (a call for each text), `batch` (batches of 32 in the table's order), `sorted` (the
same after sorting by length, which saves padding).
"""

import argparse
import json
import math
import sys
import time
from pathlib import Path

import torch
import transformers

BATCH = 32


def spent(start, processor):
    """What a pass took since then, by the clock and of processor time."""
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "processor": time.process_time() - processor}


class Pipeline:
    def __init__(self, place, model, threads, labels):
        torch.set_num_threads(threads)
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        self.texts = json.loads((place / "texts.json").read_text(encoding="utf-8"))
        self.labels = labels
        self.sorted = sorted(self.texts, key=len)
        network = transformers.AutoModelForSequenceClassification.from_pretrained(
            model, dtype=torch.float32
        ).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(model)
        self.pipe = transformers.pipeline(
            "text-classification", model=network, tokenizer=tokenizer, device="cpu"
        )
        settings = model / "crm_ai.json"
        settings = json.loads(settings.read_text()) if settings.exists() else {}
        self.options = {"truncation": True, "max_length": settings.get("max_tokens", 512)}
        self.pipe(self.texts[:BATCH], batch_size=BATCH, **self.options)

    def one_pass(self, way):
        texts = self.sorted if way == "sorted" else self.texts
        start, processor = time.perf_counter(), time.process_time()
        with torch.inference_mode():
            if way == "one":
                for text in texts:
                    self.pipe(text, **self.options)
            else:
                self.pipe(texts, batch_size=BATCH, **self.options)
        return spent(start, processor)

    def logarithms(self):
        """Logarithms of the probabilities: logits up to a number that all classes share."""
        names = self.pipe.model.config.id2label
        answers = self.pipe(self.texts, batch_size=BATCH, top_k=None, **self.options)
        rows = []
        for answer in answers:
            scores = {entry["label"]: math.log(max(entry["score"], 1e-30)) for entry in answer}
            rows.append([scores[names[i]] for i in range(self.labels)])
        return {"logits": rows}


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--place", type=Path, required=True)
    arguments.add_argument("--model", type=Path, required=True)
    arguments.add_argument("--threads", type=int, required=True)
    arguments.add_argument("--labels", type=int, required=True)
    arguments = arguments.parse_args()
    pipeline = Pipeline(arguments.place, arguments.model, arguments.threads, arguments.labels)
    about = f"transformers {transformers.__version__}, torch {torch.__version__}"
    print(json.dumps({"versions": about}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "pass":
            answer = pipeline.one_pass(command["way"])
        else:
            answer = pipeline.logarithms()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
