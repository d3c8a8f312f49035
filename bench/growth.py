#!/usr/bin/python3
"""How time and memory grow: with the size of the image, samples, the batch, steps, images, threads, and the layer.

    bench/growth.py [--narrows FILE] [--quick] [--out FILE.md]

One network (ResNet-18 of half width as the trainer initialises it), one thing varied at a time about 256x256, 10 steps,
10 samples, one thread. Every line has the command's own numbers: seconds of an explanation, and the peak memory of the
process.
"""
import argparse
import json
import pathlib
import sys

import common

HERE = {"size": 256, "samples": 10, "steps": 10, "batch": 0, "threads": 1, "images": 2, "layer": "layer2"}
VARIED = {"size": (128, 192, 256, 384, 512, 768, 1024), "samples": (1, 2, 4, 10, 20, 40, 100), "batch": (1, 2, 5, 10),
          "steps": (2, 5, 10, 20, 40), "images": (1, 4, 16, 64, 400), "threads": (1, 2),
          "layer": ("layer1", "layer2", "layer3", "layer4")}
QUICK = {"size": (128, 256, 512), "samples": (2, 10, 20), "steps": (5, 10), "threads": (1, 2)}


def prepare(narrows, work, size, layer):
    """A network for that size, one phantom slice of it, and statistics of the layer."""
    import numpy as np
    folder = work / f"growth{size}"
    folder.mkdir(parents=True, exist_ok=True)
    model, stats = folder / "network.onnx", folder / f"{layer}.stats"
    if not model.exists():
        common.command(narrows, "train", "--epochs", 0, "--arch", "resnet18", "--width", 0.5, "--size", f"{size},{size}",
                       "--outputs", 2, "-o", model)
    if not (folder / "p0.npy").exists():
        random = np.random.default_rng(0)
        for i in range(8):
            coarse = random.normal(size=(1, size // 16, size // 16)).astype("f4")
            np.save(folder / f"p{i}.npy", np.kron(coarse, np.ones((1, 16, 16), "f4"))
                    + 0.3 * random.normal(size=(1, size, size)).astype("f4"))
    if not stats.exists():
        common.command(narrows, "stats", model, *sorted(folder.glob("p*.npy")), "--scale", "none", "--layer", layer,
                       "-o", stats, "-q")
    return model, folder / "p0.npy", stats


def measure(narrows, work, at):
    model, picture, stats = prepare(narrows, work, at["size"], at["layer"])
    return common.explain(narrows, model, picture, "--scale", "none", "--stats", stats, "--layer", at["layer"], "--steps",
                          at["steps"], "--samples", at["samples"], "--batch", at["batch"], "--target", 1,
                          pictures=at["images"], threads=at["threads"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--narrows", type=pathlib.Path, default=common.NARROWS)
    parser.add_argument("--work", type=pathlib.Path, default=common.WORK)
    parser.add_argument("--quick", action="store_true", help="a few points of a few things")
    parser.add_argument("--out", type=pathlib.Path, default=common.WORK / "growth.md")
    args = parser.parse_args()
    text = ""
    for what, values in (QUICK if args.quick else VARIED).items():
        text += f"\n| {what} | seconds an image | of the command | growth | MB | growth |\n|---|---|---|---|---|---|\n"
        last = None
        for value in values:
            got = measure(args.narrows, args.work, dict(HERE, **{what: value}))
            grown = (f"x {got['seconds'] / last['seconds']:.2f}", f"x {got['whole']['megabytes'] / last['whole']['megabytes']:.2f}") \
                if last else ("", "")
            line = (f"| {value} | {got['seconds']:.3f} | {got['whole']['seconds']:.2f} | {grown[0]} | "
                    f"{got['whole']['megabytes']:.0f} | {grown[1]} |")
            print(what, line, file=sys.stderr)
            text += line + "\n"
            last = got
    text += f"\n{common.machine()}; load at the end {common.load():.1f}. Command: `bench/growth.py{' --quick' if args.quick else ''}`.\n"
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
