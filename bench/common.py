"""What the benchmarks share: running a program, the machine, explanations by Narrows and their times."""
import json
import os
import pathlib
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
NARROWS = ROOT / "build" / "release" / "src" / "narrows"
WORK = ROOT / "build" / "bench"
PYTHON = "/usr/bin/python3"


def command(*words, threads=None):
    """Its stdout; ends the benchmark where it fails."""
    environment = dict(os.environ, **({"OMP_NUM_THREADS": str(threads)} if threads else {}))
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stderr}")
    return done.stdout


def measured(*words, threads=None):
    """Wall seconds, processor seconds and peak MB of a command."""
    environment = dict(os.environ, **({"OMP_NUM_THREADS": str(threads)} if threads else {}))
    start = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen([str(w) for w in words], stdout=subprocess.DEVNULL, stderr=errors, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        if child.returncode:
            errors.seek(0)
            sys.exit(f"{' '.join(map(str, words))}\n{errors.read().decode()}")
    return {"seconds": seconds, "processor": usage.ru_utime + usage.ru_stime, "megabytes": usage.ru_maxrss / 1024}


def machine():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    cpu = re.search(r"model name\s*:\s*(.*)", text)
    wide = [name for name in ("avx2", "avx512f", "avx512_bf16") if re.search(rf"\b{name}\b", text)]
    return f"{cpu.group(1) if cpu else platform.machine()}, {len(os.sched_getaffinity(0))} cores, {', '.join(wide)}"


def load():
    return os.getloadavg()[0]


def records(part):
    """The explanations inside a manifest: objects that hold `seconds` and a `method`."""
    if isinstance(part, dict):
        if "seconds" in part and "method" in part:
            yield part
        else:
            for value in part.values():
                yield from records(value)
    elif isinstance(part, list):
        for value in part:
            yield from records(value)


def explain(narrows, model, picture, *options, pictures=2, threads=None):
    """Seconds of one explanation, from the picture's tensor to its map; the first of the pictures warms up and is left
    out. `whole` is of the command, peak memory included."""
    with tempfile.TemporaryDirectory() as out:
        names = []
        for i in range(pictures):
            name = pathlib.Path(out) / f"picture{i}{pathlib.Path(picture).suffix}"
            name.symlink_to(pathlib.Path(picture).resolve())
            names.append(name)
        whole = measured(narrows, "explain", model, *names, "--no-picture", "-q", "-o", pathlib.Path(out) / "maps",
                         *options, threads=threads)
        manifest = json.loads((pathlib.Path(out) / "maps" / "manifest.json").read_text())
    runs = list(records(manifest["images"]))
    parts = [[r["seconds"][key] for key in ("prefix", "loop", "map")] for r in runs][1 if pictures > 1 else 0:]
    return {"seconds": statistics.median(sum(p) for p in parts), "loop": statistics.median(p[1] for p in parts),
            "bits": statistics.median(r.get("total_bits", 0) for r in runs), "whole": whole}


def middle(runs, key="seconds"):
    return statistics.median(r[key] for r in runs)


def ratio(above, below, key="seconds"):
    """Median of the pairs, and the least and the most."""
    each = [a[key] / b[key] for a, b in zip(above, below)]
    return statistics.median(each), min(each), max(each)
