#!/usr/bin/env bash
# Run a suite, make its report, and end with the headline table and the report's path.
# Usage: SUITE=demo BIN=.venv/bin scripts/run_suite.sh [arguments for Snakemake]
set -uo pipefail
root=results/$SUITE
"$BIN/snakemake" --config "suite=$SUITE" "$@"
status=$?

for argument in "$@"; do
  case $argument in -n|--dry-run|--dryrun) exit "$status" ;; esac
done
if [ -f "$root/metrics.tsv" ] && { [ ! -f "$root/report.html" ] || [ "$root/metrics.tsv" -nt "$root/report.html" ]; }; then
  echo "Writing the report ..."
  "$BIN/snakemake" --config "suite=$SUITE" --report "$root/report.html" --quiet all >"$root/logs/report.log" 2>&1 \
    || { echo "The report could not be written; see $root/logs/report.log"; [ "$status" -ne 0 ] || status=1; }
fi
echo
if [ "$status" -eq 0 ]; then cat "$root/verdict.txt"; else echo "Something failed, see above. Call it again to retry what failed."; fi
[ -f "$root/report.html" ] && echo && echo "Report: $root/report.html"
exit "$status"
