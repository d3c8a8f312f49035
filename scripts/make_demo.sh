#!/bin/sh
# Makes examples/demo: a classifier that `narrows train` learns from a synthetic cohort, the statistics of its features, and
# what healthy lungs need. The same machine makes the same bytes again, on any number of threads.
#
#   scripts/make_demo.sh [FOLDER]     the cohort, 600 MB, goes to build/demo
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
narrows=${NARROWS:-build/release/src/narrows}
out=${1:-examples/demo}
work=build/demo
cohort=$work/cohort

[ -x "$narrows" ] || { echo "make_demo.sh: $narrows is not there: run make build first" >&2; exit 1; }
mkdir -p "$work" "$out"

"$narrows" phantom $cohort --studies 100 --seed 1 --size 256

# Slices with a lesion against slices without; every second one, for neighbours hardly differ.
"$narrows" train $cohort/slices.csv -o $work/classifier.onnx --restart --seed 0 \
    --arch resnet18 --width 0.125 --window -1350,150 --channels 1 --size 128 \
    --slice-step 2 --epochs 16 --batch 16 --augment ct --average 0.99 --no-preview

# The training split alone: neither the statistics nor the threshold may have seen a study that is tested on.
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; print } NR > 1 && $at["split"] == "train"' \
    $cohort/cohort.csv >$cohort/train.csv
"$narrows" stats $work/classifier.onnx $cohort/train.csv --slices ::2 --negatives --negatives-limit 16 --loss raise \
    -o $work/classifier.stats

cp $work/classifier.onnx $work/classifier.stats "$out/"
