#!/bin/bash
# Stands in for sbatch where there is no Slurm: runs the jobs at once, one after the other, from a copy of the script
# as Slurm does. Knows what scripts/slurm_array.sh says to it, and refuses anything else.
#   FAKE: a folder for the count of the jobs, copies and exit codes
set -u
n=$(($(cat "$FAKE/count" 2>/dev/null || echo 0) + 1))
echo $n >"$FAKE/count"
tasks=0
after=
while [[ ${1-} == --* ]]; do
    case $1 in
        --parsable | --requeue | --job-name=*) ;;
        --cpus-per-task=*) export SLURM_CPUS_PER_TASK=${1#*=} ;;
        --array=1-*) tasks=${1#--array=1-} ;;
        --dependency=afterany:*) after=${1#*:} ;;
        *) echo "sbatch: what is $1?" >&2; exit 1 ;;
    esac
    shift
done
if [ -n "$after" ] && ! [ -e "$FAKE/$after.1" ]; then
    echo "sbatch: there was no job $after" >&2
    exit 1
fi
copy=$FAKE/slurm_script.$n
cp "$1" "$copy"
chmod +x "$copy"
shift
if [ "$tasks" = 0 ]; then
    "$copy" "$@" >"$FAKE/$n.out" 2>&1
    echo $? >"$FAKE/$n.1"
else
    for ((task = 1; task <= tasks; task++)); do
        SLURM_ARRAY_TASK_ID=$task "$copy" "$@" >"$FAKE/$n.$task.out" 2>&1
        echo $? >"$FAKE/$n.$task"
    done
fi
echo "$n;fake"
