"""Steps of crm_ai's trainer beside PyTorch's, one after the other, on one thread each.

    compare.py STEPS_PROGRAM ONNXRUNTIME BASE [--threads N] [--steps N] [--part TOKENS]

Both fine-tune BASE (a folder of the BERT family) with a head of five classes on the mean of the
tokens, on batches of 16 random texts of one length: forward and backward pass, clipping to length
1, AdamW; nothing is dropped out. PyTorch runs eagerly with `sdpa` attention and its fused AdamW.
Each length has two fresh processes, which take turns. Reported are steps per second of processor
time, its ratio, that of wall time, all by medians, and the largest resident memory.
"""
import argparse
import statistics
import subprocess
import sys
import time

TEXTS, LENGTHS, WARM = 16, (32, 64, 128), 2


def serve_torch(base, threads):
    """The other side of the pipe: one step for each line."""
    import torch
    from transformers import AutoModel

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    encoder = AutoModel.from_pretrained(base, attn_implementation="sdpa", add_pooling_layer=False)
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    encoder.config.attention_probs_dropout_prob = 0.0
    for layer in encoder.encoder.layer:
        layer.attention.self.dropout_prob = 0.0
    head = torch.nn.Linear(encoder.config.hidden_size, 5)
    model = torch.nn.ModuleList([encoder, head]).train()
    named = list(model.named_parameters())
    is_plain = lambda name: name.endswith("bias") or "LayerNorm" in name
    groups = [{"params": [p for n, p in named if not is_plain(n)], "weight_decay": 0.01},
              {"params": [p for n, p in named if is_plain(n)], "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=2e-5, fused=True)
    for line in sys.stdin:
        texts, tokens = map(int, line.split())
        ids = torch.randint(1000, encoder.config.vocab_size, (texts, tokens))
        mask, truth = torch.ones_like(ids), torch.randint(0, 5, (texts,))
        began, used = time.perf_counter(), time.process_time()
        hidden = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        share = mask.unsqueeze(-1) / mask.sum(1, keepdim=True).unsqueeze(-1)
        loss = torch.nn.functional.cross_entropy(head((hidden * share).sum(1)), truth)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        loss.item()
        print(time.perf_counter() - began, time.process_time() - used, flush=True)


class Side:
    """A process that does a step when told."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.wall, self.used = [], []

    def step(self, tokens, is_kept):
        self.process.stdin.write(f"{TEXTS} {tokens}\n")
        self.process.stdin.flush()
        wall, used = map(float, self.process.stdout.readline().split())
        if is_kept:
            self.wall.append(wall)
            self.used.append(used)

    def end(self):
        """Largest resident memory in MB."""
        with open(f"/proc/{self.process.pid}/status") as status:
            peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        self.process.stdin.close()
        self.process.wait()
        return peak / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("library")
    parser.add_argument("base")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=11)
    parser.add_argument("--part")
    parser.add_argument("--lengths", type=int, nargs="*", default=LENGTHS)
    options = parser.parse_args()
    threads = str(options.threads)
    ours = [options.program, options.library, options.base, threads]
    ours += [options.part] if options.part else []
    theirs = [sys.executable, __file__, "--torch", options.base, threads]
    rates = "steps/s of processor time: ours, PyTorch"
    columns = ["tokens", rates, "ratio", "wall ratio", "peak MB"]
    print(" | ".join(columns), flush=True)
    for tokens in options.lengths:
        sides = [Side(ours), Side(theirs)]
        for step in range(WARM + options.steps):
            for side in sides if step % 2 else reversed(sides):
                side.step(tokens, step >= WARM)
        used = [statistics.median(side.used) for side in sides]
        wall = [statistics.median(side.wall) for side in sides]
        peak = [side.end() for side in sides]
        print(f"16 x {tokens} | {1 / used[0]:.2f}, {1 / used[1]:.2f} | {used[1] / used[0]:.2f} | "
              f"{wall[1] / wall[0]:.2f} | {peak[0]:.0f}, {peak[1]:.0f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--torch"]:
        serve_torch(sys.argv[2], int(sys.argv[3]))
    else:
        main()
