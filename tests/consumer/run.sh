#!/bin/sh
# Installs a build into a scratch prefix, moves it, and builds a program against it by pkg-config and by CMake.
#   run.sh CMAKE CC BUILD SOURCE SCRATCH
set -eu
cmake=$1 cc=$2 build=$3 source=$4 scratch=$5
here=$source/tests/consumer
model=$source/tests/data/drawn/classifier.onnx
rm -rf "$scratch"
mkdir -p "$scratch"
"$cmake" --install "$build" --prefix "$scratch/first" >/dev/null
mv "$scratch/first" "$scratch/prefix" # an installed tree may be moved
pc=$(find "$scratch/prefix" -name narrows.pc)
lib=$(dirname "$(dirname "$pc")")

echo "-- exported symbols"
foreign=$(nm -D --defined-only "$lib/libnarrows.so" | awk '{print $3}' | grep -v '^nw_' || true)
[ -z "$foreign" ] || { echo "exported, but not nw_*: $foreign" >&2; exit 1; }
readelf -d "$lib/libnarrows.so" | grep -q 'SONAME.*libnarrows\.so\.[0-9]' || { echo "no SONAME" >&2; exit 1; }

echo "-- every header alone, in C99 and, where there is a compiler, C++"
for header in "$scratch"/prefix/include/narrows/*.h; do
    printf '#include <narrows/%s>\nextern int one_declaration;\n' "$(basename "$header")" >"$scratch/alone.c"
    "$cc" -std=c99 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$scratch/prefix/include" "$scratch/alone.c"
    if command -v c++ >/dev/null 2>&1; then
        c++ -x c++ -std=c++11 -Wall -Wextra -Werror -fsyntax-only -I"$scratch/prefix/include" "$scratch/alone.c"
    fi
done

echo "-- pkg-config"
export PKG_CONFIG_PATH="$(dirname "$pc")"
# shellcheck disable=SC2046
"$cc" -std=c99 -Wall -Wextra -Werror "$here/consumer.c" -o "$scratch/by-pkg-config" \
    $(pkg-config --cflags --libs narrows) -lm -Wl,-rpath,"$lib"
"$scratch/by-pkg-config" "$model"

echo "-- find_package"
"$cmake" -S "$here" -B "$scratch/cmake" -G Ninja -DCMAKE_C_COMPILER="$cc" -DCMAKE_PREFIX_PATH="$scratch/prefix" >/dev/null
"$cmake" --build "$scratch/cmake"
"$scratch/cmake/consumer" "$model"

if [ -x "$scratch/prefix/bin/narrows" ]; then
    echo "-- the installed program"
    "$scratch/prefix/bin/narrows" inspect "$model" >/dev/null
fi
