#!/bin/sh
# Runs every fuzz target of a build for some seconds: scripts/fuzz.sh build/fuzz 60
# New inputs are kept in BUILD/corpus, what crashed in BUILD/crashes; the committed corpus is only read.
set -eu
build=$1
seconds=${2:-60}
root=$(cd "$(dirname "$0")/.." && pwd)
found=no
for target in "$build"/tests/fuzz_*; do
    [ -x "$target" ] && [ -f "$target" ] || continue
    found=yes
    name=$(basename "$target" | sed 's/^fuzz_//')
    echo "fuzz: $name for $seconds s"
    mkdir -p "$build/corpus/$name" "$build/crashes"
    "$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build/crashes/$name-" "$build/corpus/$name" "$root/tests/fuzz/corpus/$name"
done
[ $found = yes ] || { echo "fuzz: no targets in $build/tests" >&2; exit 1; }
echo "fuzz: nothing crashed"
