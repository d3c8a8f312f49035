#!/usr/bin/python3
"""Times Narrows against the same method in PyTorch, in alternation in one run, and writes docs/results/speed.md.

    bench/run_iba.py [--rounds 3] [--narrows build/release/src/narrows] [--out docs/results/speed.md]

Each round runs, one after the other: Narrows, PyTorch with its parameters frozen, PyTorch as the reference ships the
method. All explain one picture with ResNet-50 at 224x224, bottleneck after layer2, 10 steps, 10 samples, float32.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEER = ROOT / "bench" / "peer_iba.py"
PICTURES = 3  # explained in one run of Narrows; the first warms up and is left out


def command(*words):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stderr}")
    return done.stdout


def machine():
    cpu = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    wide = [name for name in ("avx2", "avx512f", "avx512_bf16") if name in flags]
    return f"{cpu.group(1) if cpu else platform.machine()}, {len(os.sched_getaffinity(0))} cores, {', '.join(wide)}"


def narrows_times(narrows, folder, facts):
    """Seconds of one explanation: everything from the picture's tensor to its map."""
    with tempfile.TemporaryDirectory() as out:
        names = []
        for i in range(PICTURES):
            name = pathlib.Path(out) / f"picture{i}.npy"
            name.symlink_to((folder / "picture.npy").resolve())
            names.append(name)
        command(narrows, "explain", folder / "network.onnx", *names, "--method", "iba", "--layer", facts["tensor"],
                "--no-picture", "--target", facts["target"], "--stats", folder / "stats.safetensors", "--steps", 10, "--samples", 10,
                "--beta", 10, "--precision", "f32", "-q", "-o", pathlib.Path(out) / "maps")
        manifest = json.loads((pathlib.Path(out) / "maps" / "manifest.json").read_text())
    runs = [record for image in manifest["images"] for record in records(image)]
    parts = [[r["seconds"][key] for key in ("prefix", "loop", "map")] for r in runs][1:]
    return {"seconds": statistics.median(sum(p) for p in parts), "loop": statistics.median(p[1] for p in parts),
            "bits": statistics.median(r["total_bits"] for r in runs)}


def records(part):
    """The explanations inside an image's entry of the manifest: objects that hold `seconds`."""
    if isinstance(part, dict):
        if "seconds" in part and "total_bits" in part:
            yield part
        else:
            for value in part.values():
                yield from records(value)
    elif isinstance(part, list):
        for value in part:
            yield from records(value)


def inspect_times(narrows, model, repeats):
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        command(narrows, "inspect", model)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--narrows", type=pathlib.Path, default=ROOT / "build" / "release" / "src" / "narrows")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "bench")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs" / "results" / "speed.md")
    args = parser.parse_args()
    if not (args.work / "facts.json").exists():
        print("bench: making the network", file=sys.stderr)
        command("/usr/bin/python3", PEER, "prepare", args.work)
    facts = json.loads((args.work / "facts.json").read_text())
    model = args.work / "network.onnx"

    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"bench: the machine is busy (load {load:.1f}): the numbers will be off", file=sys.stderr)
    ours, frozen, shipped = [], [], []
    for i in range(args.rounds):
        ours.append(narrows_times(args.narrows, args.work, facts))
        frozen.append(json.loads(command("/usr/bin/python3", PEER, "run", args.work, "--frozen")))
        shipped.append(json.loads(command("/usr/bin/python3", PEER, "run", args.work)))
        print(f"bench: round {i + 1}/{args.rounds}: Narrows {ours[-1]['seconds']:.2f} s, PyTorch frozen "
              f"{frozen[-1]['seconds']:.2f} s, as shipped {shipped[-1]['seconds']:.2f} s", file=sys.stderr)
    inspect = inspect_times(args.narrows, model, 5)
    busy = os.getloadavg()[0]

    def middle(runs, key="seconds"):
        return statistics.median(r[key] for r in runs)

    def ratio(peer):
        each = [p["seconds"] / n["seconds"] for p, n in zip(peer, ours)]
        return f"{statistics.median(each):.2f} ({min(each):.2f} to {max(each):.2f})"

    text = f"""# Speed

Per-sample information bottleneck, ResNet-50 at 224x224 (random weights), bottleneck after layer2
(`{facts['tensor']}`), 10 steps, 10 samples, float32. The peer, `bench/peer_iba.py`, is the method written plainly in
PyTorch: as in the reference, the whole network runs at every step. Medians of {args.rounds} rounds in which the three
ran one after the other.

| | seconds an image | times as long as Narrows (least to most of the rounds) |
|---|---|---|
| Narrows (all; the loop alone: {middle(ours, 'loop'):.2f}) | {middle(ours):.2f} | 1 |
| PyTorch {frozen[0]['torch']}, parameters frozen | {middle(frozen):.2f} | {ratio(frozen)} |
| PyTorch {shipped[0]['torch']}, as the reference ships it | {middle(shipped):.2f} | {ratio(shipped)} |

The maps agree as far as different noise lets them: {middle(ours, 'bits'):.0f} bits here, {middle(frozen, 'bits'):.0f} there.

`narrows inspect` of the same model ({model.stat().st_size / 1e6:.0f} MB): {inspect:.2f} s.

- Machine: {machine()}; {frozen[0]['threads']} threads for PyTorch, the default for Narrows.
- Load of the machine before and at the end: {load:.1f}, {busy:.1f}.
- Date: {datetime.date.today().isoformat()}. Command: `make bench` (`bench/run_iba.py --rounds {args.rounds}`).
"""
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
