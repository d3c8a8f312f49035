#!/bin/sh
# The main job from end to end: a classifier, two synthetic chests that it has never seen, and what it found in them beside what is
# there. `make demo` builds first and then runs this. Results go to demo-out/ (or the folder given).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
narrows=${NARROWS:-build/release/src/narrows}
out=${1:-demo-out}
shared=${NARROWS_SHARED:-../shared}
model=examples/demo/classifier.onnx # by scripts/make_demo.sh, and the statistics too

say() { printf '\n== %s\n' "$*"; }
run() {
    printf '   narrows %s\n' "$*"
    "$narrows" "$@"
}

[ -x "$narrows" ] || { echo "demo.sh: $narrows is not there: run make build first" >&2; exit 1; }
mkdir -p "$out"

say "What is in the classifier"
run inspect "$model"

say "Two chests whose lesions are known: one without, one with"
run phantom "$out/phantom" --studies 2 --seed 2 --size 256

say "What the classifier finds in them, beside what is there"
# The logit is raised, not the prediction kept: a probability of 0.999 needs few bits, however ill the lungs are.
run quantify "$model" "$out/phantom/cohort.csv" --stats examples/demo/classifier.stats --loss raise \
    --truth '{dir}/lesions.nii.gz' -o "$out/chests"

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
for study in $(awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i } NR > 1 { print $at["label"] $at["study"] }' \
    "$out/phantom/cohort.csv" | sort -r); do
    name=${study#?}
    case $study in
        1*) what="the one with lesions" ;;
        *) what="the healthy one" ;;
    esac
    echo "   $out/chests/${name}_ct/truth.png     $what: slices, what is there, what was found"
    echo "   $out/chests/${name}_ct/report.html   all about it"
done
echo "   $out/chests/cohort.html               both"
for picture in "$out"/ct-slices/*.png; do
    [ ! -f "$picture" ] || echo "   $picture"
done
