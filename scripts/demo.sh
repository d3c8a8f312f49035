#!/bin/sh
# The main job from end to end: what is in a model, feature statistics, maps with pictures and a manifest.
# `make demo` builds first and then runs this. Results go to demo-out/ (or the folder given).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
narrows=${NARROWS:-build/release/src/narrows}
out=${1:-demo-out}
shared=${NARROWS_SHARED:-../shared}
demo=examples/demo
model=$demo/classifier.onnx
layer=/layer2/Relu_1_output_0

say() { printf '\n== %s\n' "$*"; }
run() {
    printf '   narrows %s\n' "$*"
    "$narrows" "$@"
}

[ -x "$narrows" ] || { echo "demo.sh: $narrows is not there: run make build first" >&2; exit 1; }
mkdir -p "$out"

say "What is in the classifier"
run inspect "$model"

say "What its features look like over $(ls $demo/cohort | wc -l) drawn pictures"
run stats "$model" $demo/cohort --layer $layer -o "$out/statistics.safetensors"

say "Which parts of a picture its prediction needs"
run explain "$model" $demo/image.png $demo/healthy.png --method iba,gradcam --layer $layer --target lesion \
    --stats "$out/statistics.safetensors" --beside $demo/masks -o "$out/drawn"

slices=$shared/data/ct-lesion-slices
severity=$shared/models/ct-severity-resnet18s.onnx
if [ -d "$slices" ] && [ -f "$severity" ]; then
    facts="--metadata examples/ct-severity.json" # what this model's file does not say about itself
    # All patients, although a transpose turns some of them upside down: statistics of half of them put the map beside
    # the lesions, which way up they are hardly matters (docs/results/localisation.md).
    images=$shared/data/ct-severity-slices/images
    say "Real CT slices: statistics over $(ls "$images" | wc -l) of ct-severity-slices"
    # shellcheck disable=SC2086
    run stats "$severity" "$images" $facts --orient transpose -o "$out/severity-statistics.safetensors"
    say "Real CT slices: what an estimate of the severity rests on, a radiologist's mask beside it"
    # shellcheck disable=SC2086
    run explain "$severity" "$slices/images/3.jpg" "$slices/images/11.jpg" "$slices/images/30.jpg" $facts \
        --method iba,gradcam --stats "$out/severity-statistics.safetensors" --loss raise --loss-weight 10 \
        --orient transpose --upright --beside "$slices/masks" -o "$out/ct-slices"
fi

say "Done. Open:"
for picture in "$out"/drawn/*.png "$out"/ct-slices/*.png; do
    [ ! -f "$picture" ] || echo "   $picture"
done
echo "   $out/drawn/manifest.json   how they were made; the maps in bits are the .npy files beside it"
