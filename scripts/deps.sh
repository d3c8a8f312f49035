#!/bin/sh
# Installs the Debian packages that Narrows needs and that are missing. Does nothing where all are there.
#
#   scripts/deps.sh             to build, test and run
#   scripts/deps.sh --bench     also Debian's Python, PyTorch and ONNX: goldens, demo pictures, benchmarks
#   scripts/deps.sh --fuzz      also clang, for the fuzz targets
#   scripts/deps.sh --list      prints the names and installs nothing
set -eu

# Compiler and build; libraries; what only the tests use.
packages="gcc g++ libc6-dev make cmake ninja-build pkg-config
libdnnl-dev libprotobuf-c-dev protobuf-c-compiler libonnx-dev
libnifti2-dev libznz-dev libdcmtk-dev libopenjp2-7-dev libspng-dev libdeflate-dev libturbojpeg0-dev zlib1g-dev
libjansson-dev librandom123-dev nettle-dev
libcmocka-dev libonnx-testdata"
bench="python3 python3-numpy python3-pil python3-torch python3-torchvision python3-onnx python3-sklearn python3-scipy python3-matplotlib"
fuzz="clang libclang-rt-14-dev"

list=no
for argument in "$@"; do
    case $argument in
        --bench) packages="$packages $bench" ;;
        --fuzz) packages="$packages $fuzz" ;;
        --list) list=yes ;;
        -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "deps.sh: unknown option '$argument' (--bench, --fuzz, --list, --help)" >&2; exit 2 ;;
    esac
done
if [ "$list" = yes ]; then
    printf '%s\n' $packages
    exit 0
fi

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "deps.sh: this is not a Debian system. Install what these packages hold, then run make build:" >&2
    printf '  %s\n' $packages >&2
    exit 1
fi

missing=
for package in $packages; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    case $state in
        installed*) ;;
        *) missing="$missing $package" ;;
    esac
done
if [ -z "$missing" ]; then
    echo "deps: all $(echo $packages | wc -w) packages are installed"
    exit 0
fi

as_root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "deps.sh: these packages are missing, and there is no sudo. As root:" >&2
        echo "  apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
    as_root="sudo"
fi
echo "deps: installing$missing"
[ -z "$as_root" ] || echo "deps: with sudo, which may ask for your password"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q </dev/null
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q -o Dpkg::Use-Pty=0 --no-install-recommends $missing </dev/null
echo "deps: done"
