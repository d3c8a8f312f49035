#!/usr/bin/python3
"""Times training by Narrows against PyTorch, in alternation in one run, and writes docs/results/training-speed.md.

    bench/run_train.py [--rounds 3] [--arch resnet18,resnest50] [--batch 16] [--threads 2] [--out FILE]

Both train on images of 224x224 with three channels, in float32, with AdamW. Narrows reads its images from files, kept in
memory after the first epoch, without augmentation; PyTorch has one random batch. PyTorch runs as it comes and with
channels last; the faster of the two is what Narrows is held against.
"""
import argparse
import csv
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from common import machine

ROOT = pathlib.Path(__file__).resolve().parent.parent


def peak_of(words, environment):
    """Runs a command; its standard output and its peak memory in MiB."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        os.dup2(writer, 1)
        os.execvpe(words[0], [str(w) for w in words], environment)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    _, status, usage = os.wait4(pid, 0)
    if status:
        sys.exit(f"{' '.join(map(str, words))} failed")
    return text, usage.ru_maxrss / 1024


def make_images(folder, count, size):
    from PIL import Image
    import numpy as np
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        for i in range(count // 2):
            pixels = random.integers(0, 256, (size, size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")


def narrows(a, arch, data, out):
    environment = dict(os.environ, OMP_NUM_THREADS=str(a.threads))
    _, peak = peak_of([a.narrows, "train", data, "-o", out / "m.onnx", "--arch", arch, "--channels", 3, "--size", "224,224", "--epochs",
                       a.epochs, "--batch", a.batch, "--augment", "none", "--val", 0, "--seed", 1, "--threads", a.threads,
                       "--no-preview", "--restart", "-q"], environment)
    rows = list(csv.DictReader(open(out / "m.training" / "log.csv")))
    return {"images_per_second": statistics.median(float(r["images_per_second"]) for r in rows[1:]), "peak_mib": peak}


def torch(a, arch, *more):
    environment = dict(os.environ, OMP_NUM_THREADS=str(a.threads))
    text, _ = peak_of(["/usr/bin/python3", ROOT / "bench" / "peer_train.py", arch, "--batch", a.batch, "--steps", a.steps, "--threads",
                       a.threads, *more], environment)
    return json.loads(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--arch", default="resnet18,resnest50")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--narrows", type=pathlib.Path, default=ROOT / "build" / "release" / "src" / "narrows")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs" / "results" / "training-speed.md")
    a = parser.parse_args()
    load = [os.getloadavg()[0]]
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        make_images(folder / "data", 4 * a.batch, 224)
        for arch in a.arch.split(","):
            rounds = []
            for i in range(a.rounds):
                one = {"narrows": narrows(a, arch, folder / "data", folder), "torch": torch(a, arch),
                       "torch, channels last": torch(a, arch, "--channels-last")}
                rounds.append(one)
                print(arch, i + 1, {k: f"{v['images_per_second']:.2f}/s {v['peak_mib']:.0f} MiB" for k, v in one.items()},
                      file=sys.stderr, flush=True)
            for peer in ("torch", "torch, channels last"):
                ratios = [r["narrows"]["images_per_second"] / r[peer]["images_per_second"] for r in rounds]
                middle = lambda who, what: statistics.median(r[who][what] for r in rounds)
                lines.append(f"| {arch} | {peer.replace('torch', 'PyTorch')} | {middle('narrows', 'images_per_second'):.2f} | "
                             f"{middle(peer, 'images_per_second'):.2f} | {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | "
                             f"{middle('narrows', 'peak_mib'):.0f} | {middle(peer, 'peak_mib'):.0f} |")
    load.append(os.getloadavg()[0])
    a.out.write_text("\n".join([
        "# Speed of training", "",
        f"Images of 224x224 with three channels, float32, AdamW, batches of {a.batch}; medians of {a.rounds} rounds in which the three ran",
        "one after the other. Narrows includes reading its images (from memory after the first epoch); PyTorch has one batch",
        "made beforehand.", "",
        "| network | against | Narrows, images/s | PyTorch, images/s | ratio (least to most of the rounds) | Narrows, peak MiB | PyTorch, peak MiB |",
        "|---|---|---|---|---|---|---|", *lines, "",
        f"- Machine: {machine()}; {a.threads} threads for both.",
        f"- Load of the machine before and at the end: {load[0]:.1f}, {load[1]:.1f}.",
        f"- Date: {datetime.date.today()}. Command: `bench/run_train.py --rounds {a.rounds} --batch {a.batch} --threads {a.threads}`.", ""]))


main()
