#!/usr/bin/env bash
# A Slurm of one node, on the loopback address and all in one folder of its own: to test the workflow on, not to work with.
#   one_node.sh start FOLDER   prints the lines that make a shell use it; the folder must be new or empty
#   one_node.sh stop FOLDER    ends exactly what start has started there; the folder stays
# CPUS and MEM_MB say what the node claims to have. Nothing under /etc is read or written.
set -Eeuo pipefail  # E: what fails inside a function ends what was started, too
export PATH=$PATH:/usr/sbin
here=$(cd "$(dirname "$0")" && pwd)
daemons=(slurmd slurmctld munged)

usage() { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
say() { echo "one_node.sh: $*" >&2; }

is_ours() { # NAME PID: a number may have gone to another process since
  [ "$(cat "/proc/$2/comm" 2>/dev/null)" = "$1" ] && tr '\0' '\n' <"/proc/$2/cmdline" | grep -qF -- "$folder/"
}

stop_one() { # NAME
  local file=$folder/$1.pid pid
  [ -s "$file" ] || return 0
  pid=$(cat "$file")
  if is_ours "$1" "$pid"; then
    kill "$pid" 2>/dev/null || true  # it may have ended since
    for _ in $(seq 150); do is_ours "$1" "$pid" || break; sleep 0.1; done
    if is_ours "$1" "$pid"; then say "$1 ($pid) does not end, killing it"; kill -9 "$pid"; fi
  fi
  rm -f "$file"
}

stop() {
  if [ -s "$folder/slurmctld.pid" ] && [ -s "$folder/slurm.conf" ]; then  # or the jobs' processes would outlive the node
    SLURM_CONF=$folder/slurm.conf timeout 20 scancel --quiet --me || say "scancel has failed; the node's jobs may go on"
    for _ in $(seq 100); do
      [ -z "$(SLURM_CONF=$folder/slurm.conf timeout 5 squeue -h 2>/dev/null)" ] && break
      sleep 0.2
    done
  fi
  for name in "${daemons[@]}"; do stop_one "$name"; done
}

free_ports() { # two ports that nobody listens on
  python3 -c 'import socket
sockets = [socket.socket() for _ in range(2)]
for s in sockets: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in sockets))'
}

start_munge() {
  (umask 077; head -c 1024 /dev/urandom >"$folder/munge/key")
  munged --force --key-file="$folder/munge/key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
    --log-file="$folder/log/munged.log" --seed-file="$folder/munge/seed" 2>"$folder/log/munged.err"
  munge -S "$folder/munge.socket" -n | unmunge -S "$folder/munge.socket" >/dev/null
}

start() {
  [ -z "$(ls -A "$folder" 2>/dev/null)" ] || { say "$folder is not empty"; exit 1; }
  [ ${#folder} -le 80 ] || { say "$folder is too long a path for a socket"; exit 1; }
  mkdir -p "$folder"/{state,spool,log,munge,bin}
  chmod 700 "$folder/munge"
  trap 'tail -n 5 "$folder"/log/* >&2 || true; stop' ERR
  trap 'stop; exit 1' INT TERM
  read -r port_ctld port_d < <(free_ports)
  host=$(hostname -s) user=$(id -un) cpus=${CPUS:-$(nproc)}
  mem_mb=${MEM_MB:-$(awk '/MemAvailable/{print int($2 / 1024)}' /proc/meminfo)}
  sed -e "s|@FOLDER@|$folder|g" -e "s|@HOST@|$host|g" -e "s|@USER@|$user|g" -e "s|@CPUS@|$cpus|g" \
    -e "s|@MEM_MB@|$mem_mb|g" -e "s|@PORT_CTLD@|$port_ctld|g" -e "s|@PORT_D@|$port_d|g" \
    "$here/slurm.conf.in" >"$folder/slurm.conf"
  echo "NodeName=$host Name=gpu File=/dev/null" >"$folder/gres.conf"  # something to schedule by; no GPU
  # slurmd asks for its cgroup plugin though nothing here uses one; version 2's wants to be root.
  echo "CgroupPlugin=cgroup/v1" >"$folder/cgroup.conf"
  export SLURM_CONF=$folder/slurm.conf
  start_munge
  slurmctld -c -f "$SLURM_CONF"
  slurmd -f "$SLURM_CONF"
  for _ in $(seq 150); do [ "$(sinfo -h -p cpu -o %t 2>/dev/null)" = idle ] && break; sleep 0.2; done
  [ "$(sinfo -h -p cpu -o %t)" = idle ]
  # Inside a job the jobstep plugin drops SLURM_CONF before it calls srun, which then looks for /etc/slurm/slurm.conf.
  printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$SLURM_CONF" "$(command -v srun)" >"$folder/bin/srun"
  chmod +x "$folder/bin/srun"
  echo "export SLURM_CONF=$SLURM_CONF PATH=$folder/bin:\$PATH"
}

[ $# -eq 2 ] || usage
folder=$(realpath -m "$2")
case $1 in start) start ;; stop) stop ;; *) usage ;; esac
