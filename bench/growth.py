#!/usr/bin/python3
"""How time and memory grow: with the size of the image, samples, the batch, steps, images, threads, and the layer.

    bench/growth.py [--narrows FILE] [--quick] [--rounds 3] [--only size,threads] [--out FILE.md] [--plot FILE.png]

One network (ResNet-18 of half width as the trainer initialises it), one thing varied at a time about 256x256, 10 steps,
one thread; the number of images at 128x128. Each point twice: with the paper's settings (10 independent samples in every
step, float32; --samples varies those) and with the program's defaults (up to 8 samples by the slope of lambda, 8-bit
integers where the processor has them). All points are measured --rounds times, one round after the other, since clocks
change over minutes; tables have medians. --only measures some of it anew, and keeps the rest as it is in the .json beside
the output. Every line has the command's own numbers: seconds of an explanation, and the peak memory of the process.
"""
import argparse
import functools
import json
import pathlib
import statistics
import sys

import common

HERE = {"size": 256, "samples": None, "steps": 10, "batch": 0, "threads": 1, "images": 2, "layer": "layer2"}
SETTINGS = {"paper": ["--schedule", "even", "--noise", "independent", "--precision", "f32"], "defaults": []}
SAMPLES = {"paper": 10, "defaults": 8}
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
    return {name: common.explain(narrows, model, picture, "--scale", "none", "--stats", stats, "--layer", at["layer"],
                                 "--steps", at["steps"], "--samples", at["samples"] or SAMPLES[name], "--batch", at["batch"],
                                 "--target", 1, *options, pictures=at["images"], threads=at["threads"])
            for name, options in SETTINGS.items()}


def median(rounds):
    """Of one point, measured several times."""
    middle = lambda name, *keys: statistics.median(functools.reduce(lambda got, key: got[key], keys, r[name]) for r in rounds)
    return {name: {"seconds": middle(name, "seconds"), "whole": {"seconds": middle(name, "whole", "seconds"),
                                                                 "megabytes": middle(name, "whole", "megabytes")}}
            for name in SETTINGS}


HEAD = ("seconds an image", "of the command", "growth", "MB")


def head(what):
    names = [f"{text}, {name}" if name == "defaults" else text for name in SETTINGS for text in HEAD]
    return f"\n| {what} | {' | '.join(names)} |\n|{'---|' * (1 + len(names))}\n"


def row(points):
    """The last of the points as a line of the table, beside the one before."""
    value, got = points[-1]
    cells = [str(value)]
    for name in SETTINGS:
        grown = f"x {got[name]['seconds'] / points[-2][1][name]['seconds']:.2f}" if len(points) > 1 else ""
        whole = got[name]["whole"]
        cells += [f"{got[name]['seconds']:.3f}", f"{whole['seconds']:.2f}", grown, f"{whole['megabytes']:.0f}"]
    return f"| {' | '.join(cells)} |"


COLOURS = {"paper": "#1b6ca8", "defaults": "#2e8b3d"}


def panel(axis, what, points):
    """Seconds (left axis) and MB (right) of both settings, beside the line of proportion."""
    even = what == "layer"
    x = range(len(points)) if even else [v for v, _ in points]
    right = axis.twinx()
    most = 0
    for name, colour in COLOURS.items():
        seconds = [got[name]["whole"]["seconds"] if what == "images" else got[name]["seconds"] for _, got in points]
        memory = [got[name]["whole"]["megabytes"] for _, got in points]
        most = max(most, *memory)
        axis.plot(x, seconds, "o-", color=colour)
        right.plot(x, memory, "s--", color=colour, markersize=3, linewidth=0.9, alpha=0.6)
        if not even and what != "threads":
            power = 2 if what == "size" else 1
            axis.plot(x, [seconds[0] * (v / x[0]) ** power for v in x], ":", color="#888888")
    if not even:
        axis.set_xscale("log")
        axis.minorticks_off()
    axis.set_yscale("log")
    right.set_ylim(0, 1.15 * most)
    axis.set_xticks(list(x), [str(v) for v, _ in points], fontsize=7)
    axis.tick_params(axis="y", which="both", labelsize=7)
    right.tick_params(axis="y", labelsize=7)
    axis.set_title(what + (", seconds of the command" if what == "images" else ", seconds an image"), fontsize=9)


def plot(found, path):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    columns = (len(found) + 1) // 2
    figure, axes = pyplot.subplots(2, columns, figsize=(3.2 * columns, 6))
    for axis in axes.flat[len(found):]:
        axis.axis("off")
    for axis, (what, points) in zip(axes.flat, found.items()):
        panel(axis, what, points)
    figure.suptitle("blue: the paper's settings, green: the defaults; lines: seconds (left axis); dashes: peak memory in MB "
                    "(right axis); dots: seconds in proportion (size: to the pixels)", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--narrows", type=pathlib.Path, default=common.NARROWS)
    parser.add_argument("--work", type=pathlib.Path, default=common.WORK)
    parser.add_argument("--quick", action="store_true", help="a few points of a few things")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=pathlib.Path, default=common.WORK / "growth.md")
    parser.add_argument("--plot", type=pathlib.Path, help="a picture of all of it")
    args = parser.parse_args()
    kept = args.out.with_suffix(".json")
    found = json.loads(kept.read_text()) if args.only and kept.exists() else {}
    if any(set(got) != set(SETTINGS) for points in found.values() for _, got in points):
        parser.error(f"{kept} has other settings: measure all of it, without --only")
    chosen = {what: values for what, values in (QUICK if args.quick else VARIED).items()
              if not args.only or what in args.only.split(",")}
    rounds = {(what, value): [] for what, values in chosen.items() for value in values}
    for number in range(args.rounds):
        for (what, value), runs in rounds.items():
            at = dict(HERE, **({"size": 128} if what == "images" else {}), **{what: value})
            runs.append(measure(args.narrows, args.work, at))
            print(f"round {number + 1} of {args.rounds}, {what}: {row([(value, runs[-1])])}", file=sys.stderr)
    for what, values in chosen.items():
        found[what] = [(value, median(rounds[what, value])) for value in values]
    text = ""
    for what, points in found.items():
        text += head(what)
        text += "".join(row(points[:i + 1]) + "\n" for i in range(len(points)))
    text += (f"\n{common.machine()}; load at the end {common.load():.1f}. Command: "
             f"`bench/growth.py{' --quick' if args.quick else ''} --rounds {args.rounds}`.\n")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text)
    kept.write_text(json.dumps(found))
    if args.plot:
        plot(found, args.plot)
    print(text)


if __name__ == "__main__":
    main()
