#!/usr/bin/python3
"""How time and memory grow: with the size of the image, samples, the batch, steps, images, threads, and the layer.

    bench/growth.py [--narrows FILE] [--quick] [--only size,threads] [--out FILE.md] [--plot FILE.png]

One network (ResNet-18 of half width as the trainer initialises it), one thing varied at a time about 256x256, 10 steps,
10 samples, one thread; the number of images at 128x128. --only measures some of it anew, and keeps the rest as it is in the
.json beside the output. Every line has the command's own numbers: seconds of an explanation, and the peak memory of the
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
                          at["steps"], "--samples", at["samples"], "--schedule", "even", "--noise", "independent", "--precision", "f32",
                          "--batch", at["batch"], "--target", 1,
                          pictures=at["images"], threads=at["threads"])


def row(points):
    """The last of the points as a line of the table, beside the one before."""
    value, got = points[-1]
    grown = ("", "")
    if len(points) > 1:
        last = points[-2][1]
        grown = (f"x {got['seconds'] / last['seconds']:.2f}", f"x {got['whole']['megabytes'] / last['whole']['megabytes']:.2f}")
    return (f"| {value} | {got['seconds']:.3f} | {got['whole']['seconds']:.2f} | {grown[0]} | {got['whole']['megabytes']:.0f} | "
            f"{grown[1]} |")


def plot(found, path):
    """A panel for each thing that was varied: seconds (left axis) and MB (right), both beside the line of proportion."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    shown = [what for what in found if all(isinstance(v, (int, float)) for v, _ in found[what])]
    figure, axes = pyplot.subplots(2, (len(shown) + 2) // 2, figsize=(3.2 * ((len(shown) + 2) // 2), 6))
    for axis in axes.flat[len(shown) + 1:]:
        axis.axis("off")
    for axis, what in zip(axes.flat, [*shown, "layer"]):
        points = found.get(what, [])
        names = [str(v) for v, _ in points]
        seconds = [got["whole"]["seconds"] if what == "images" else got["seconds"] for _, got in points]
        memory = [got["whole"]["megabytes"] for _, got in points]
        even = what == "layer"
        x = range(len(points)) if even else [v for v, _ in points]
        if not points:
            axis.axis("off")
            continue
        power = 2 if what == "size" else 1
        right = axis.twinx()
        axis.plot(x, seconds, "o-", color="#1b6ca8")
        right.plot(x, memory, "s--", color="#c2571a", markersize=4)
        if not even:
            first = -1 if what == "threads" else 0
            if what != "threads":
                axis.plot(x, [seconds[first] * (v / x[first]) ** power for v in x], ":", color="#888888")
            axis.set_xscale("log")
            axis.minorticks_off()
        axis.set_yscale("log")
        right.set_ylim(0, 1.15 * max(memory))
        axis.set_xticks(list(x), names, fontsize=7)
        axis.tick_params(axis="y", which="both", labelsize=7, colors="#1b6ca8")
        right.tick_params(axis="y", labelsize=7, colors="#c2571a")
        axis.set_title(what + (", seconds of the command" if what == "images" else ", seconds an image"), fontsize=9)
    figure.suptitle("blue, left: seconds; orange, dashed, right: peak memory in MB; grey, dotted: seconds in proportion (size: to the pixels)", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--narrows", type=pathlib.Path, default=common.NARROWS)
    parser.add_argument("--work", type=pathlib.Path, default=common.WORK)
    parser.add_argument("--quick", action="store_true", help="a few points of a few things")
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=pathlib.Path, default=common.WORK / "growth.md")
    parser.add_argument("--plot", type=pathlib.Path, help="a picture of all of it")
    args = parser.parse_args()
    kept = args.out.with_suffix(".json")
    found = json.loads(kept.read_text()) if args.only and kept.exists() else {}
    for what, values in (QUICK if args.quick else VARIED).items():
        if args.only and what not in args.only.split(","):
            continue
        found[what] = []
        for value in values:
            at = dict(HERE, **({"size": 128} if what == "images" else {}), **{what: value})
            found[what].append((value, measure(args.narrows, args.work, at)))
            print(what, row(found[what]), file=sys.stderr)
    text = ""
    for what, points in found.items():
        text += f"\n| {what} | seconds an image | of the command | growth | MB | growth |\n|---|---|---|---|---|---|\n"
        text += "".join(row(points[:i + 1]) + "\n" for i in range(len(points)))
    text += f"\n{common.machine()}; load at the end {common.load():.1f}. Command: `bench/growth.py{' --quick' if args.quick else ''}`.\n"
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text)
    kept.write_text(json.dumps(found))
    if args.plot:
        plot(found, args.plot)
    print(text)


if __name__ == "__main__":
    main()
