#!/usr/bin/python3
"""The loop beside oneDNN's own convolutions: how much of its time the convolutions that it needs would take by
themselves, done directly, in oneDNN's layouts.

    bench/loop_rate.py [--rounds 3] [--threads 2] [--steps 10] [--samples 10] [--only resnet50,resnest50]
                       [--precision f32,bf16] [--seconds 0.1] [--processor] [--out FILE.md]

The convolutions are those of the model after the layer, forward and backward to the source, of a whole batch
(bench/conv_rate.c, made on the way). A round runs the loop and then the convolutions; the ratio is of the sum of
these to the whole loop, random numbers, gates and Adam included. Minimal filtering may make it exceed 1. The
last column is --profile: where the loop's own time went. --processor is for a busy machine: one thread, seconds of
the processor; the loop is then the difference between runs of --steps and of one, and there is no last column.
--seconds: how long a convolution is run at the least.
"""
import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

import common
import targets

BUILD = common.ROOT / "build" / "release"


def convolutions(model, layer, batch):
    """The shapes of the convolutions after the layer, one line each for conv_rate."""
    import onnx
    graph = onnx.load(str(model)).graph
    dims = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
            for v in onnx.shape_inference.infer_shapes(onnx.load(str(model))).graph.value_info}
    weights = {w.name: list(w.dims) for w in graph.initializer}
    reached, lines = {layer}, []
    for node in graph.node:
        if not reached.intersection(node.input):
            continue
        reached.update(node.output)
        if node.op_type != "Conv":
            continue
        at = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        shape, w = dims[node.input[0]], weights[node.input[1]]
        pads = at.get("pads", [0, 0, 0, 0])
        lines.append([batch, at.get("group", 1), shape[1], w[0], *shape[2:], *w[2:], *at.get("strides", [1, 1]),
                      *at.get("dilations", [1, 1]), *pads])
    return lines


def alone(args, lines, bf16):
    """Seconds of all of them forward and backward, and the FLOP of either; None where the processor has no bfloat16."""
    words = [BUILD / "conv_rate", "--threads", args.threads, "--seconds", args.seconds] + ["--bf16"] * bf16
    words += ["--processor"] * args.processor
    text = "\n".join(" ".join(map(str, line)) for line in lines)
    done = subprocess.run([str(w) for w in words], input=text, capture_output=True, text=True)
    if done.returncode and bf16 and "unimplemented" in done.stderr:
        return None
    if done.returncode:
        sys.exit(done.stderr)
    rows = [line.split()[:3] for line in done.stdout.splitlines()]
    return [sum(float(row[i]) for row in rows) for i in range(3)]


def split(narrows, model, picture, options):
    """Seconds of one loop by what they went to, of --profile."""
    with tempfile.TemporaryDirectory() as out:
        done = subprocess.run([str(w) for w in (narrows, "explain", model, picture, "--no-picture", "-q", "--profile", "-o",
                                                pathlib.Path(out) / "maps", *options)], capture_output=True, text=True)
    sums = {"convolutions": 0.0, "the engine's other steps": 0.0, "the loop's own passes": 0.0}
    for line in (done.stdout + done.stderr).splitlines():
        row = re.match(r"\s*([\d.]+)\s+[\d.]+\s+\d+\s+[\d.]+\s+[\d.]+\s+\d+\s+(\S+).*, (after the layer|the loop's own passes)$",
                       line)
        if row:
            kind = row.group(3) if row.group(3) in sums else \
                "convolutions" if row.group(2).startswith("conv") else "the engine's other steps"
            sums[kind] += float(row.group(1))
    return sums


def loop_of(args, model, picture, options):
    """Seconds of the loop, and how often it went forward and backward."""
    if not args.processor:
        return common.explain(args.narrows, model, picture, "--steps", args.steps, *options)["loop"], args.steps, args.steps - 1
    long, short = (common.explain(args.narrows, model, picture, "--steps", steps, *options, pictures=1)["whole"]["processor"]
                   for steps in (args.steps, 1))
    return long - short, args.steps - 1, args.steps - 1


def measure(args, name, model, picture, layer, own):
    for precision in args.precision:
        options = [*own, "--method", "iba", "--threads", args.threads, "--precision", precision, "--samples", args.samples,
                   "--noise", "independent", "--schedule", "even"]
        lines = convolutions(model, layer, args.samples)
        pairs = []
        if precision == "bf16" and not alone(args, lines[:1], True):
            yield f"| {name}, {precision} | {len(lines)} | skipped: this processor has no bfloat16 | | | | |"
            continue
        for _ in range(args.rounds):
            loop, there, back = loop_of(args, model, picture, options)
            forward, backward, flops = alone(args, lines, precision == "bf16")
            pairs.append((loop, there * forward, back * backward, (there + back) * flops))
        ratios = [(p[1] + p[2]) / p[0] for p in pairs]
        loop, forward, backward = (statistics.median(p[i] for p in pairs) for i in range(3))
        where = {} if args.processor else split(args.narrows, model, picture, ["--steps", args.steps, *options])
        yield (f"| {name}, {precision} | {len(lines)} | {forward:.3g} + {backward:.3g} | "
               f"{pairs[0][3] / (forward + backward) / 1e9:.0f} | {loop:.3g} | "
               f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f}) | "
               f"{', '.join(f'{seconds:.3g}' for seconds in where.values())} |")


def cases(args):
    if "resnet50" in args.only:
        folder = targets.prepare_resnet50(args)
        layer = json.loads((folder / "facts.json").read_text())
        yield ("ResNet-50, 224x224", folder / "network.onnx", folder / "picture.npy", layer["tensor"],
               ["--layer", layer["tensor"], "--target", layer["target"], "--stats", folder / "stats.safetensors"])
    if "resnest50" in args.only:
        folder = targets.prepare_resnest50(args)
        yield ("ResNeSt-50, 512x512", folder / "network.onnx", folder / "picture.npy", "layer2",
               ["--layer", "layer2", "--target", 1, "--stats", folder / "stats.safetensors"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--precision", type=lambda text: text.split(","), default=["f32", "bf16"])
    parser.add_argument("--seconds", type=float, default=0.1)
    parser.add_argument("--processor", action="store_true")
    parser.add_argument("--only", type=lambda text: text.split(","), default=["resnet50", "resnest50"])
    parser.add_argument("--narrows", type=pathlib.Path, default=common.NARROWS)
    parser.add_argument("--work", type=pathlib.Path, default=common.WORK)
    parser.add_argument("--out", type=pathlib.Path, default=common.WORK / "loop_rate.md")
    args = parser.parse_args()
    args.threads = 1 if args.processor else args.threads
    common.command("cmake", "--build", BUILD, "--target", "conv_rate")
    before = common.load()
    text = ("| loop, after layer2 | convolutions | oneDNN's own, forward + backward, s | GFLOP/s | whole loop, s | "
            "oneDNN's / loop (least to most) | the loop by --profile: convolutions, other steps, own passes, s |\n"
            "|---|---|---|---|---|---|---|\n")
    for case in cases(args):
        for line in measure(args, *case):
            print(line, file=sys.stderr)
            text += line + "\n"
    text += (f"\n{common.machine()}; {'seconds of the processor, ' if args.processor else ''}{args.threads} thread(s); {args.rounds} rounds; "
             f"{args.steps} steps of {args.samples} samples; load "
             f"before and at the end {before:.1f}, {common.load():.1f}.\n")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
