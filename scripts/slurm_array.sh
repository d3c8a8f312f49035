#!/bin/bash
# A cohort as an array of Slurm jobs, and a last job that writes the table of all (docs/cohorts.md).
#
#   scripts/slurm_array.sh PARTS [SBATCH-OPTION...] -- MODEL SCAN... -o DIR [OPTION...]
#
# What stands before the -- is for sbatch (--partition=P, --time=4:00:00, --cpus-per-task=4, --mem=8G, ...), what
# stands after it for `narrows quantify`. A part has as many threads as --cpus-per-task gives it, one without.
# The same command again does what is missing and keeps the rest. NARROWS is the program, if it is not in the PATH.
set -eu
narrows=${NARROWS:-narrows}

# Slurm copies this file and runs the copy for each job. The program takes the place of the shell, so that Slurm's
# signals come to it.
case ${1-} in
    part)
        parts=$2
        shift 2
        exec "$narrows" quantify --quiet --threads "${SLURM_CPUS_PER_TASK:-1}" "$@" \
            --shard "$SLURM_ARRAY_TASK_ID/$parts" ;;
    merge)
        shift
        exec "$narrows" quantify --quiet --threads 1 "$@" --merge ;;
esac

wrong() {
    echo "slurm_array.sh: $*" >&2
    sed -n '4s/^# */usage: /p' "$0" >&2
    exit 2
}

parts=${1-}
[[ $parts =~ ^[1-9][0-9]{0,5}$ ]] || wrong "PARTS is a number from 1, not '$parts'"
shift
options=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    options+=("$1")
    shift
done
[ $# -ge 3 ] || wrong "MODEL and SCAN are missing after a --"
shift
command -v sbatch >/dev/null || wrong "there is no sbatch: this machine submits no jobs to Slurm"
command -v "$narrows" >/dev/null || wrong "there is no program '$narrows': NARROWS=/path/to/narrows says where"

# --parsable prints the number of the job, and the cluster behind a semicolon.
array=$(sbatch --parsable --job-name=narrows --requeue "${options[@]}" --array="1-$parts" "$0" part "$parts" "$@")
merge=$(sbatch --parsable --job-name=narrows-merge "${options[@]}" --dependency="afterany:${array%%;*}" "$0" merge "$@")
echo "array ${array%%;*} of $parts, merge ${merge%%;*}"
