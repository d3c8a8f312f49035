#!/usr/bin/python3
"""What settings do to a map: rank correlation with a map of many samples, and total bits, beside ten independent draws.

    bench/quality.py MODEL STATS IMAGE... [--reference 200] [--keep FOLDER] [--seeds 1] [--settings "..." ...] [--out FILE.md]
                     [-- OPTIONS of explain for all runs]

One line for each setting; one is as good as the paper's where mean and least correlation are not below its. Images may be
pictures or NIfTI scans (with -- --slices A:B:STEP, each slice counts as an image). The reference has other noise (seed 99)
than what is measured. It takes long; --keep has it in a folder, where the next call with the same images finds it.
"""
import argparse
import gzip
import json
import pathlib
import statistics
import sys
import tempfile

import numpy as np
from scipy.stats import spearmanr

import common

PAPER = "--noise independent --schedule even --precision f32"
SETTINGS = (f"{PAPER} --samples 10",
            "--schedule even --samples 4 --early-samples 2 --precision f32",
            "--schedule even --samples 8 --early-samples 2 --precision f32",
            "--samples 4 --precision f32",
            "--samples 6 --precision f32",
            "--samples 8 --precision f32",
            "--samples 10 --precision f32",
            "--samples 8 --precision bf16",
            "--samples 8 --precision int8")


def slices(path):
    """The slices of a NIfTI map that were explained, by their number: the others are zero."""
    data = gzip.decompress(path.read_bytes())
    columns, rows, count = np.frombuffer(data, "<i2", 3, 42)
    volume = np.frombuffer(data, "<f4", int(columns) * rows * count, 352).reshape(count, rows, columns)
    return {f"{path.name}:{i}": values for i, values in enumerate(volume) if values.any()}


def read(folder):
    found = {path.name: np.load(path) for path in sorted(folder.glob("*.npy"))}
    for path in sorted(folder.glob("*.nii.gz")):
        found.update(slices(path))
    return {name: np.asarray(values, float).ravel() for name, values in found.items()}


def samples_by_step(part):
    """That parameter, wherever the manifest has it."""
    if isinstance(part, dict) and "samples_by_step" in part:
        return part["samples_by_step"]["value"]
    below = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return next(filter(None, map(samples_by_step, below)), None)


def maps(args, options, folder):
    """Maps by their names, and samples that went through the network forward and backward."""
    if not (folder / "manifest.json").exists():
        common.command(args.narrows, "explain", args.model, *args.images, "--stats", args.stats, "--no-picture", "-q", "-o",
                       folder, "--threads", args.threads, *options, threads=args.threads)
    counts = samples_by_step(json.loads((folder / "manifest.json").read_text()))
    return read(folder), sum(counts) - counts[-1] / 2  # the last goes forward alone


def line(setting, runs, truth, found):
    rank = [spearmanr(each[name], truth[name])[0] for each in found for name in truth]
    bits = [each[name].sum() / truth[name].sum() - 1 for each in found for name in truth]
    return (f"| `{setting}` | {runs:g} | {statistics.mean(rank):.4f} | {min(rank):.4f} | {100 * statistics.mean(bits):+.2f} % | "
            f"{100 * statistics.pstdev(bits):.2f} % |\n")


def main():
    words = sys.argv[1:]
    cut = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("stats", type=pathlib.Path)
    parser.add_argument("images", type=pathlib.Path, nargs="+")
    parser.add_argument("--reference", type=int, default=200)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--settings", nargs="+", default=SETTINGS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--narrows", type=pathlib.Path, default=common.NARROWS)
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args(words[:cut])
    rest = words[cut + 1:]

    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        many = [*rest, *PAPER.split(), "--samples", str(args.reference), "--seed", "99"]
        truth, _ = maps(args, many, args.keep or scratch / "reference")
        text = ("| settings | runs | Spearman, mean | least | bits against it, mean | deviation |\n"
                "|---|---|---|---|---|---|\n")
        for i, setting in enumerate(args.settings):
            found = []
            for seed in range(args.seeds):
                each, runs = maps(args, [*rest, *setting.split(), "--seed", str(seed)], scratch / f"{i}.{seed}")
                if each.keys() != truth.keys():
                    sys.exit(f"{setting}: {len(each)} maps, but {len(truth)} of the reference: other images in --keep?")
                found.append(each)
            text += line(setting, runs, truth, found)
            print(text.splitlines()[-1], file=sys.stderr, flush=True)
    text += f"\n{args.model.name}, {len(truth)} images, {args.seeds} seeds, against {args.reference} samples in f32.\n"
    if args.out:
        args.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
