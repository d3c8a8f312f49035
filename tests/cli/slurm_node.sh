#!/bin/sh
# A Slurm of one node in a folder of its own, from Debian's slurm-wlm and munge, for tests.
#
#   tests/cli/slurm_node.sh start FOLDER   exit code 77, and a word why, where it cannot start; else SLURM_CONF is
#                                          FOLDER/slurm.conf
#   tests/cli/slurm_node.sh stop FOLDER
set -eu
what=$1
folder=$2
export SLURM_CONF="$folder/slurm.conf"
PATH=$PATH:/usr/sbin:/sbin

stop() {
    for name in slurmd slurmctld munged; do
        [ -s "$folder/$name.pid" ] || continue
        pid=$(cat "$folder/$name.pid")
        kill "$pid" 2>/dev/null || continue
        for i in $(seq 100); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
    done
}

cannot() {
    echo "$*"
    stop
    exit 77
}

if [ "$what" = stop ]; then
    stop
    exit 0
fi
for program in munged slurmctld slurmd sbatch squeue scontrol; do
    command -v $program >/dev/null || cannot "there is no $program (Debian: slurm-wlm, munge)"
done
mkdir -p "$folder/state" "$folder/spool"
chmod 755 "$folder" # munge wants its folder closed to others
host=$(uname -n)
host=${host%%.*}
user=$(id -un)
port=$((20000 + $$ % 10000 * 2))
cat >"$SLURM_CONF" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$folder/munge.sock
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,batch_sched_delay=0
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
dd if=/dev/urandom of="$folder/munge.key" bs=1024 count=1 2>/dev/null
chmod 400 "$folder/munge.key"
timeout 20 munged --force --socket="$folder/munge.sock" --key-file="$folder/munge.key" --pid-file="$folder/munged.pid" \
    --log-file="$folder/munged.log" --seed-file="$folder/munge.seed" >"$folder/out" 2>&1 ||
    cannot "munged does not start: $(tail -n 1 "$folder/out")"
timeout 20 slurmctld -f "$SLURM_CONF" >"$folder/out" 2>&1 || cannot "slurmctld does not start: $(tail -n 1 "$folder/out")"
timeout 20 slurmd -f "$SLURM_CONF" >"$folder/out" 2>&1 || cannot "slurmd does not start: $(tail -n 1 "$folder/out")"
for i in $(seq 150); do
    case $(timeout 10 sinfo -h -o %t 2>/dev/null || true) in
        idle*) exit 0 ;;
    esac
    sleep 0.2
done
cannot "the node of Slurm is not idle after 30 s: $(tail -n 1 "$folder/slurmctld.log")"
