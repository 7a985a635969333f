#!/usr/bin/env bash
# What has become of a job of PBS, in the word that Snakemake expects: running, success or failed. NOT RUN on a real PBS.
# A finished job is only known while the server keeps its history (job_history_enable).
set -uo pipefail
answer=$(qstat -x -f "$1" 2>/dev/null) || { echo running; exit 0; }  # a server that does not answer says nothing of the job
state=$(sed -n 's/^ *job_state = //p' <<<"$answer")
status=$(sed -n 's/^ *Exit_status = //p' <<<"$answer")
case $state in
  F|C) if [ "${status:-1}" = 0 ]; then echo success; else echo failed; fi ;;
  *) echo running ;;
esac
