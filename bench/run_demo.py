#!/usr/bin/python3
"""How well the demo's classifier finds what is in synthetic chests that it has never seen.

    bench/run_demo.py [--studies 20] [--work build/demo] [--threads 2]

Needs the program (make build) and Python alone. Makes the studies, runs `narrows quantify --truth` on them, and writes
docs/results/demo.md. Training used --seed 1, `make demo` shows --seed 2; these are --seed 3.
"""
import argparse
import csv
import json
import pathlib
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
SEED = 3


def run(*command):
    subprocess.run([str(w) for w in command], check=True, stdout=subprocess.DEVNULL)


def mean(values):
    values = list(values)
    return statistics.mean(values) if values else float("nan")


def ranks(values):
    order = sorted(range(len(values)), key=values.__getitem__)
    out = [0.0] * len(values)
    i = 0
    while i < len(order):
        j = i
        while j + 1 < len(order) and values[order[j + 1]] == values[order[i]]:
            j += 1
        for k in range(i, j + 1):
            out[order[k]] = (i + j) / 2
        i = j + 1
    return out


def spearman(x, y):
    return statistics.correlation(ranks(x), ranks(y))


def slices_line(studies):
    there = [s for study in studies for s in study["slices"] if s["truth_ml"] > 0]
    free = [s for study in studies for s in study["slices"] if s["truth_ml"] == 0 and s["state"] != "no-lung"]
    passed = sum(not s["gated"] and s["state"] != "no-lung" for s in there)
    hit = sum(s["both_ml"] > 0 for s in there)
    wrong = sum(s["found_ml"] > 0 for s in free)
    return [f"- Of {len(there)} slices with a lesion, {passed} pass the gate ({passed / len(there):.1%}), and in {hit} ({hit / len(there):.1%}) a found lesion",
            "  and a true one overlap.",
            f"- Of {len(free)} slices of lung without a lesion, {wrong} ({wrong / len(free):.1%}) have a found one."]


def table(studies):
    lines = ["| study | true mL | found mL | true share | found share | grade, true and found | Dice | lesions touched | slices with a lesion that were hit |",
             "|---|---|---|---|---|---|---|---|---|"]
    for s in studies:
        t, v = s["truth"], s["severity"]
        dice = "-" if t["dice"] is None else f"{t['dice']:.2f}"
        there = [k for k in s["slices"] if k["truth_ml"] > 0]
        hit = sum(k["both_ml"] > 0 for k in there)
        lines.append(f"| {s['study'].removesuffix('_ct')} | {t['truth_ml']:.0f} | {t['found_ml']:.0f} | {t['truth_share']:.1%} | {v['involved_share']:.1%} | "
                     f"CT-{t['truth_grade']}, CT-{v['grade']} | {dice} | {t['touched']} of {t['lesions']} | {hit} of {len(there)} |")
    return lines


def training(folder):
    test = json.loads((folder / "metrics.json").read_text())["test"]["auroc"]
    return f"{test['value']:.3f} ({test['low']:.3f} to {test['high']:.3f})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "demo")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--narrows", type=pathlib.Path, default=ROOT / "build" / "release" / "src" / "narrows")
    a = parser.parse_args()
    demo, held, out = ROOT / "examples" / "demo", a.work / "held-out", a.work / "found"
    phantom = ["phantom", held, "--studies", a.studies, "--seed", SEED, "--size", 256]
    quantify = ["quantify", demo / "classifier.onnx", held / "cohort.csv", "--stats", demo / "classifier.stats",
                "--loss", "raise", "--truth", "{dir}/lesions.nii.gz", "-o", out]
    run(a.narrows, *phantom, "--threads", a.threads)
    run(a.narrows, *quantify, "--threads", a.threads)
    kept = a.work / "found-by-the-default-loss"
    run(a.narrows, *[kept if w == out else "auto" if w == "raise" else w for w in quantify], "--threads", a.threads)
    by_default = [json.loads((kept / (r["study"] + "_ct") / "severity.json").read_text())["truth"] for r in csv.DictReader(open(held / "cohort.csv"))]
    by_default = [t for t in by_default if t["truth_ml"] > 0]
    studies = [json.loads((out / (r["study"] + "_ct") / "severity.json").read_text()) for r in csv.DictReader(open(held / "cohort.csv"))]
    seconds = [json.loads((out / s["study"] / "manifest.json").read_text())["seconds"]["all"] for s in studies]

    sick = [s for s in studies if s["truth"]["truth_ml"] > 0]
    healthy = [s for s in studies if s["truth"]["truth_ml"] == 0]
    true_share, found_share = [s["truth"]["truth_share"] for s in studies], [s["severity"]["involved_share"] for s in studies]
    page = ["# The demo's classifier on chests that it has not seen", "",
            f"Made by `bench/run_demo.py`: {a.studies} synthetic studies (`narrows phantom --seed {SEED}`), none of which was chosen or left out. The classifier",
            "and its threshold come from `scripts/make_demo.sh`: `narrows train` on 100 studies of another seed, with a label for each slice",
            "(is there a lesion?) and no masks. The threshold is the 99 % quantile of what healthy lungs of the training split need.", ""]
    if (a.work / "classifier.training" / "metrics.json").exists():
        page += [f"AUROC of its test split, slice by slice: {training(a.work / 'classifier.training')}.", ""]
    page += [f"- Studies with lesions: mean Dice {mean(s['truth']['dice'] for s in sick):.2f}; "
             f"{sum(s['truth']['touched'] for s in sick)} of {sum(s['truth']['lesions'] for s in sick)} lesions touched; found and true share differ by "
             f"{mean(abs(s['truth']['truth_share'] - s['severity']['involved_share']) for s in sick):.1%} of the lungs on average.",
             f"- Studies without: {mean(s['truth']['found_ml'] for s in healthy):.1f} mL found on average, at most {max(s['truth']['found_ml'] for s in healthy):.1f} mL.",
             f"- Spearman's correlation of true and found share: {spearman(true_share, found_share):.2f}; the same grade in "
             f"{sum(s['truth']['truth_grade'] == s['severity']['grade'] for s in studies)} of {len(studies)} studies.",
             *slices_line(studies),
             f"- {mean(seconds):.1f} s a study of 40 slices of 256 x 256, {a.threads} threads.", "",
             *table(studies), "",
             "**The loss matters more than anything else here.** The default keeps the prediction (cross-entropy), and a probability of 0.999 stays",
             "0.999 with hardly any information, however ill the lungs are. With it the mean Dice in these studies is "
             f"{mean(t['dice'] for t in by_default):.2f}, and {sum(t['found_ml'] for t in by_default):.0f} of",
             f"{sum(t['truth_ml'] for t in by_default):.0f} mL are marked, much of it in the wrong place (the threshold is Otsu's, for what healthy lungs need was recorded with the other "
             "loss).",
             f"`--loss raise` asks for the logit itself and is what the numbers above are with: {mean(s['truth']['dice'] for s in sick):.2f}, and "
             f"{sum(s['truth']['found_ml'] for s in sick):.0f} mL. It was chosen",
             "on the second study of `make demo` and on studies of the training seed.", "",
             "Volumes are too small, the more so the larger the lesions: the map is that of a layer of 16x16 positions, and what is one lesion among",
             "many is needed less.", "",
             "What the phantom is and is not, and so what these numbers mean, is in [phantom](../phantom.md).", ""]
    (ROOT / "docs" / "results" / "demo.md").write_text("\n".join(page))


main()
