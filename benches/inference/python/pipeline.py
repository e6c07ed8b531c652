"""The `transformers` pipeline in fp32 on the processor; see src/contender.rs for the commands.

Ways: `one` (a call for each text), `batch` (batches of 32 in the table's order), `sorted` (the
same after sorting by length, which saves padding).
"""

import math

import torch
import transformers

import contender

BATCH = 32


class Pipeline:
    def __init__(self, place, model, threads, labels):
        torch.set_num_threads(threads)
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        self.texts = contender.texts(place)
        self.labels = labels
        self.sorted = sorted(self.texts, key=len)
        network = transformers.AutoModelForSequenceClassification.from_pretrained(
            model, dtype=torch.float32
        ).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(model)
        self.pipe = transformers.pipeline(
            "text-classification", model=network, tokenizer=tokenizer, device="cpu"
        )
        self.options = {"truncation": True, "max_length": contender.max_tokens(model)}
        self.pipe(self.texts[:BATCH], batch_size=BATCH, **self.options)

    def one_pass(self, way):
        texts = self.sorted if way == "sorted" else self.texts
        spent = contender.Spent()
        with torch.inference_mode():
            if way == "one":
                for text in texts:
                    self.pipe(text, **self.options)
            else:
                self.pipe(texts, batch_size=BATCH, **self.options)
        return spent.figures()

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
    given = contender.arguments(__doc__)
    pipeline = Pipeline(given.place, given.model, given.threads, given.labels)
    versions = f"transformers {transformers.__version__}, torch {torch.__version__}"
    contender.serve(versions, {
        "pass": lambda command: pipeline.one_pass(command["way"]),
        "labels": lambda command: pipeline.logarithms(),
    })


if __name__ == "__main__":
    main()
