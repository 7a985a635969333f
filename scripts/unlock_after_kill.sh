# Sourced by run_suite.sh. A run that is killed leaves Snakemake's lock behind, and the next one would stop at it.
# The lock is removed only where it is sure to be of such a run: nothing of Snakemake works in this folder any more, and
# the lock was taken by a run on this machine, as the note says that each run leaves while it lasts.

note=.snakemake/run_suite.host

# Processes of this machine, other than this script, that work here and have to do with Snakemake.
at_work_here() {
  local process
  for process in /proc/[0-9]*; do
    [ "$(readlink "$process/cwd" 2>/dev/null)" = "$PWD" ] || continue
    [ "${process##*/}" = "$$" ] && continue
    tr '\0' ' ' <"$process/cmdline" 2>/dev/null | grep -qi snakemake && echo "${process##*/}"
  done
}

unlock_after_kill() {
  local working
  [ -n "$(ls .snakemake/locks 2>/dev/null)" ] || return 0
  working=$(at_work_here | tr '\n' ' ')
  if [ -n "$working" ]; then
    echo "Another run works in this folder (processes $working): wait until it ends, or end it." >&2
    return 1
  fi
  if [ -d /proc/self ] && [ "$(cat $note 2>/dev/null)" = "$(hostname)" ]; then
    echo "An earlier run was killed: its lock is removed, what it left half done is made again."
    rm -f .snakemake/locks/*
    return 0
  fi
  echo "This folder is locked by a run that was killed, or that works on another machine. Where you are sure that" >&2
  echo "none is at work, call: $BIN/snakemake --unlock" >&2
  return 1
}
