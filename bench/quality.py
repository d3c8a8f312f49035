#!/usr/bin/python3
"""What settings do to a map: rank correlation with a map of many samples, and total bits, beside ten independent draws.

    bench/quality.py MODEL STATS IMAGE... [--reference 200] [--out FILE.md] [-- OPTIONS of explain for all runs]

One line for each of SETTINGS; a setting is as good as the paper's where mean and least correlation are not below its.
The reference has other noise (another seed) than what is measured.
"""
import argparse
import pathlib
import statistics
import sys
import tempfile

import numpy as np
from scipy.stats import spearmanr

import common

SETTINGS = ("--samples 10", "--samples 10 --precision bf16", "--noise antithetic --samples 4",
            "--noise antithetic --samples 4 --early-samples 2", "--noise antithetic --samples 6 --early-samples 2",
            "--noise antithetic --samples 8 --early-samples 2", "--noise antithetic --samples 10 --early-samples 2",
            "--noise antithetic --samples 6 --early-samples 2 --precision bf16",
            "--noise antithetic --samples 4 --early-samples 1")



def maps(narrows, model, stats, images, options, threads):
    with tempfile.TemporaryDirectory() as out:
        common.command(narrows, "explain", model, *images, "--stats", stats, "--no-picture", "-q", "-o", out, *options,
                       threads=threads)
        return {path.name: np.load(path) for path in pathlib.Path(out).glob("*.npy")}


def main():
    words = sys.argv[1:]
    cut = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("stats", type=pathlib.Path)
    parser.add_argument("images", type=pathlib.Path, nargs="+")
    parser.add_argument("--reference", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--narrows", type=pathlib.Path, default=common.NARROWS)
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args(words[:cut])
    rest = words[cut + 1:]

    def run(options):
        return maps(args.narrows, args.model, args.stats, args.images, rest + options, args.threads)

    truth = run(["--samples", str(args.reference), "--seed", "99"])
    text = "| settings | Spearman, mean | least | bits against it, mean | deviation |\n|---|---|---|---|---|\n"
    for setting in SETTINGS:
        found = run(setting.split())
        rank = [spearmanr(found[name].ravel(), truth[name].ravel())[0] for name in truth]
        bits = [found[name].sum() / truth[name].sum() - 1 for name in truth]
        line = (f"| `{setting}` | {statistics.mean(rank):.4f} | {min(rank):.4f} | {100 * statistics.mean(bits):+.2f} % | "
                f"{100 * statistics.pstdev(bits):.2f} % |\n")
        print(line, end="", file=sys.stderr)
        text += line
    text += f"\n{args.model.name}, {len(truth)} images, against {args.reference} samples in f32.\n"
    if args.out:
        args.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
