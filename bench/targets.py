#!/usr/bin/python3
"""Narrows against PyTorch, in alternation in one run: the table of docs/results/speed.md.

    bench/targets.py [--rounds 3] [--threads 2] [--only resnet50,resnest50,gradcam,start,study] [--out FILE.md]
                     [--narrows FILE] [--options "OPTIONS"] [--peer-steps 1] [--peer-samples 2] [--study-slices 40]

Each round runs Narrows and its peers one after the other; ratios are of the runs of one round, and the table has their
median, least and most. The peers of ResNeSt-50 run --peer-steps of --peer-samples, scaled to 10 of 10. --options are
for the rows that are not with the paper's settings, in place of the program's defaults.
"""
import argparse
import datetime
import json
import pathlib
import sys
import tempfile

import common
import growth

PAPER = ["--steps", "10", "--samples", "10", "--beta", "10", "--precision", "f32", "--noise", "independent",
         "--schedule", "even", "--early-samples", "0"]


def peer(script, *words, threads):
    return json.loads(common.command(common.PYTHON, common.ROOT / "bench" / script, *words, "--threads", threads))


def prepare_resnet50(args):
    folder = args.work / "resnet50"
    if not (folder / "facts.json").exists():
        common.command(common.PYTHON, common.ROOT / "bench" / "peer_iba.py", "prepare", folder)
    return folder


def prepare_resnest50(args):
    folder = args.work / "resnest50"
    if not (folder / "picture.npy").exists():
        folder.mkdir(parents=True, exist_ok=True)
        common.command(args.narrows, "train", "--epochs", 0, "--arch", "resnest50", "--size", "512,512", "-o",
                       folder / "network.onnx")
        common.command(common.PYTHON, common.ROOT / "bench" / "peer_resnest.py", "prepare", folder)
    return folder


def named(args):
    return f"`{args.options}`" if args.options else "Narrows' defaults"


def resnet50(args):
    folder = prepare_resnet50(args)
    facts = json.loads((folder / "facts.json").read_text())
    own = ["--method", "iba", "--layer", facts["tensor"], "--target", facts["target"], "--stats",
           folder / "stats.safetensors", "--threads", args.threads]
    runs = {"paper": [], "defaults": [], "frozen": [], "shipped": []}
    for _ in range(args.rounds):
        for name, options in (("paper", PAPER), ("defaults", args.options.split())):
            runs[name].append(common.explain(args.narrows, folder / "network.onnx", folder / "picture.npy", *own, *options))
        runs["frozen"].append(peer("peer_iba.py", "run", folder, "--frozen", threads=args.threads))
        runs["shipped"].append(peer("peer_iba.py", "run", folder, threads=args.threads))
    yield "ResNet-50, 224x224, after layer2, the paper's settings, f32", "frozen", runs["frozen"], runs["paper"], "2.2"
    yield "the same", "as shipped", runs["shipped"], runs["paper"], ""
    yield f"the same, {named(args)}", "frozen", runs["frozen"], runs["defaults"], "14"


def resnest50(args):
    folder = prepare_resnest50(args)
    own = ["--method", "iba", "--layer", "layer2", "--target", 1, "--stats", folder / "stats.safetensors", "--threads",
           args.threads]
    runs = {"paper": [], "defaults": [], "frozen": [], "shipped": []}
    few = ["--steps", args.peer_steps, "--samples", args.peer_samples]
    for _ in range(args.rounds):
        for name, options in (("paper", PAPER), ("defaults", args.options.split())):
            runs[name].append(common.explain(args.narrows, folder / "network.onnx", folder / "picture.npy", *own, *options))
        for name, words in (("frozen", ["--frozen"]), ("shipped", [])):
            got = peer("peer_resnest.py", "run", folder, *words, *few, threads=args.threads)
            runs[name].append({"seconds": got["scaled"], "megabytes": got["megabytes"]})
    title = "ResNeSt-50, 512x512, one channel, after layer2, the paper's settings, f32"
    yield title, "frozen", runs["frozen"], runs["paper"], "5"
    yield "the same", "as shipped", runs["shipped"], runs["paper"], "10"
    yield f"the same, {named(args)}", "as shipped", runs["shipped"], runs["defaults"], "60"
    whole = [{"seconds": r["whole"]["megabytes"]} for r in runs["paper"]]
    theirs = [{"seconds": r["megabytes"]} for r in runs["frozen"]]
    few_note = f" (the peer with {args.peer_samples} samples at once)" if args.peer_samples < 10 else ""
    yield f"peak memory of it, MB{few_note}", "frozen", theirs, whole, "3"


def gradcam(args):
    folder = prepare_resnet50(args)
    facts = json.loads((folder / "facts.json").read_text())
    ours, theirs = [], []
    for _ in range(args.rounds):
        ours.append(common.explain(args.narrows, folder / "network.onnx", folder / "picture.npy", "--method", "gradcam",
                                   "--target", facts["target"], "--threads", args.threads, pictures=12))
        theirs.append(peer("peer_gradcam.py", folder, threads=args.threads))
    yield "Grad-CAM on ResNet-50", "by hand, frozen, channels-last", theirs, ours, "2"


def start(args):
    model, picture, stats = growth.prepare(args.narrows, args.work, 224, "layer2")
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as out:
        for _ in range(args.rounds):
            ours.append(common.measured(args.narrows, "explain", model, picture, "--scale", "none", "--stats", stats,
                                        "--threads", args.threads, "-o", pathlib.Path(out) / "maps", threads=args.threads))
            theirs.append(common.measured(common.PYTHON, "-c", "import torch", threads=args.threads))
    yield "from process start to a map and its picture, ResNet-18 of half width", "`import torch` alone", theirs, ours, "10"


def study(args):
    """40 slices of 512x512, and nothing skipped: seconds, not a ratio."""
    folder = args.work / "study"
    if not (folder / "stats").exists():
        folder.mkdir(parents=True, exist_ok=True)
        common.command(args.narrows, "train", "--epochs", 0, "--arch", "resnest50", "--size", "512,512", "-o",
                       folder / "m.onnx")
        common.command(args.narrows, "phantom", folder / "phantom", "--studies", 1, "--size", 512, "--slices", 40, "-q")
        scan = sorted((folder / "phantom").rglob("ct.nii.gz"))[0]
        (folder / "scan.nii.gz").symlink_to(scan.resolve())
        common.command(args.narrows, "stats", folder / "m.onnx", folder / "scan.nii.gz", "--window", "-1350,150", "-o",
                       folder / "stats")
    def run(slices, options):
        step = 40 // slices
        with tempfile.TemporaryDirectory() as out:
            return common.measured(args.narrows, "quantify", folder / "m.onnx", folder / "scan.nii.gz", "--stats",
                                   folder / "stats", "--window", "-1350,150", "--no-gate", "--threads", args.threads,
                                   "--slices", f"{step // 2}:40:{step}", *options, "-o", pathlib.Path(out) / "result",
                                   threads=args.threads)

    options = args.options.split()
    if args.study_slices == 40:
        got, how = run(40, options), "measured"
    else:
        few, more = run(2, options)["seconds"], run(args.study_slices, options)["seconds"]
        slope = (more - few) / (args.study_slices - 2)
        got, how = {"seconds": few + 38 * slope}, f"from 2 and {args.study_slices} slices"
    yield f"a study of 40 slices, ResNeSt-50 at 512x512, `quantify --no-gate`, {named(args)}, seconds ({how})", "-", None, [got], "< 120"


CASES = {"resnet50": resnet50, "resnest50": resnest50, "gradcam": gradcam, "start": start, "study": study}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default=",".join(CASES))
    parser.add_argument("--narrows", type=pathlib.Path, default=common.NARROWS)
    parser.add_argument("--work", type=pathlib.Path, default=common.WORK)
    parser.add_argument("--options", default="")
    parser.add_argument("--study-slices", type=int, default=40, help="that many of the 40, and two, and the rest by their difference")
    parser.add_argument("--peer-steps", type=int, default=1)
    parser.add_argument("--peer-samples", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path, default=common.ROOT / "build" / "bench" / "targets.md")
    args = parser.parse_args()
    before = common.load()
    if before > 0.5:
        print(f"bench: the machine is busy (load {before:.1f}): the numbers will be off", file=sys.stderr)
    lines = ["| what | peer | peer, s | Narrows, s | times as fast (least to most) | wanted |", "|---|---|---|---|---|---|"]
    for name in args.only.split(","):
        for what, against, theirs, ours, wanted in CASES[name](args):
            if theirs:
                middle, least, most = common.ratio(theirs, ours)
                lines.append(f"| {what} | {against} | {common.middle(theirs):.3g} | {common.middle(ours):.3g} | "
                             f"{middle:.2f} ({least:.2f} to {most:.2f}) | {wanted} |")
            else:
                lines.append(f"| {what} | - | - | {common.middle(ours):.3g} | - | {wanted} |")
            print(lines[-1], file=sys.stderr)
    text = "\n".join(lines) + f"""

{common.machine()}; {args.threads} threads each; {args.rounds} rounds; load before and at the end: {before:.1f},
{common.load():.1f}; {datetime.date.today().isoformat()}. Peers of ResNeSt-50: {args.peer_steps} step(s) of
{args.peer_samples} samples, scaled to 10 of 10.
"""
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
