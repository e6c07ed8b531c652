"""Write the mean of two models of the same shape and vocabulary: python mean.py FIRST SECOND OUT"""
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def main():
    first, second, out = map(Path, sys.argv[1:])
    out.mkdir(exist_ok=True)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(second / name, out)
    one, two = (load_file(folder / "model.safetensors") for folder in (first, second))
    mean = {name: ((one[name].float() + two[name].float()) / 2).to(torch.float16).contiguous() for name in one}
    save_file(mean, out / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()
