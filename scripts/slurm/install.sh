#!/usr/bin/env bash
# Install what a one-node Slurm needs, from Debian's or Ubuntu's own packages; say so and end with 1 where that cannot be.
set -uo pipefail
packages=(slurmctld slurmd slurm-client munge)
programs=(slurmctld slurmd munged munge sbatch srun squeue scontrol scancel sinfo)
PATH=$PATH:/usr/sbin

missing() { for name in "${programs[@]}"; do command -v "$name" >/dev/null || echo "$name"; done; }
fail() { echo "No Slurm here, so it cannot be tested: $1" >&2; exit 1; }

[ -z "$(missing)" ] && exit 0
command -v apt-get >/dev/null || fail "$(missing | xargs) not found, and there is no apt-get to install ${packages[*]} with"
root=()
if [ "$(id -u)" -ne 0 ]; then
  sudo -n true 2>/dev/null || fail "$(missing | xargs) not found; ask an administrator for: apt-get install ${packages[*]}"
  root=(sudo -n)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}")
"${install[@]}" >"$log" 2>&1 || { "${root[@]}" apt-get update >>"$log" 2>&1 && "${install[@]}" >>"$log" 2>&1; } \
  || { tail -n 5 "$log" >&2; fail "apt-get could not install ${packages[*]}"; }
[ -z "$(missing)" ] || fail "$(missing | xargs) not found although ${packages[*]} are installed"
