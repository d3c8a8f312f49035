#!/usr/bin/python3
"""Two builds of Narrows, pair by pair: the same explanation by one and by the other, in alternation.

    bench/compare.py OLD/narrows NEW/narrows [--rounds 5] [--size 256] [--threads 1] [-- OPTIONS of explain]

Prints the medians of the command's processor time, of its time by the clock and of one explanation in it, and the ratio
of the pairs. On a busy machine trust the processor's time, with one thread. Each program must stay in its build folder: a
copied one still loads the library of the folder that it was built in.
"""
import argparse
import pathlib
import sys

import common
import growth


def main():
    words = sys.argv[1:]
    cut = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=pathlib.Path)
    parser.add_argument("new", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(words[:cut])
    model, picture, stats = growth.prepare(args.old, common.WORK, args.size, "layer2")
    runs = {args.old: [], args.new: []}
    for i in range(args.rounds):
        for build in (args.old, args.new) if i % 2 == 0 else (args.new, args.old):
            got = common.explain(build, model, picture, "--scale", "none", "--stats", stats, "--target", 1,
                                 *words[cut + 1:], threads=args.threads)
            runs[build].append({"explanation": got["seconds"], "command": got["whole"]["seconds"],
                                "processor": got["whole"]["processor"], "bits": got["bits"]})
    for key in ("processor", "command", "explanation"):
        old, new = (common.middle(runs[build], key) for build in (args.old, args.new))
        ratio = common.ratio(runs[args.old], runs[args.new], key)
        print(f"{key}: {old:.3f} s, {new:.3f} s; {ratio[0]:.3f} times as fast ({ratio[1]:.3f} to {ratio[2]:.3f})")
    print(f"bits: {common.middle(runs[args.old], 'bits'):.2f}, {common.middle(runs[args.new], 'bits'):.2f}")


if __name__ == "__main__":
    main()
