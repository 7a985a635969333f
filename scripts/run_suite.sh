#!/usr/bin/env bash
# Run a suite, make its report, and end with the headline table and the report's path.
# Usage: SCHASH_SUITE=demo BIN=.venv/bin TARGETS="fig2a" scripts/run_suite.sh [options for Snakemake]
# With TARGETS only these are made, and there is no report and no verdict on the whole.
set -uo pipefail
root=results/$SCHASH_SUITE

# shellcheck source=scripts/unlock_after_kill.sh
. "$(dirname "$0")/unlock_after_kill.sh"
dry=false
for argument in "$@"; do
  case $argument in -n|--dry-run|--dryrun) dry=true ;; esac
done
if ! $dry; then
  unlock_after_kill || exit 1
  mkdir -p .snakemake && hostname >"$note"
fi

# shellcheck disable=SC2086  # TARGETS is a list
"$BIN/snakemake" "$@" ${TARGETS:+-- $TARGETS}
status=$?

$dry && exit "$status"
rm -f "$note"
[ -n "${TARGETS:-}" ] && exit "$status"
report=$root/report.html
newer=$(find "$root" -maxdepth 2 -name '*.tsv' -newer "$report" 2>/dev/null | head -n 1)
if [ -f "$root/metrics.tsv" ] && { [ ! -f "$report" ] || [ -n "$newer" ]; }; then
  echo "Writing the report ..."
  "$BIN/snakemake" "$@" --report "$report" --quiet all >"$root/logs/report.log" 2>&1 \
    || { echo "The report could not be written; see $root/logs/report.log"; [ "$status" -ne 0 ] || status=1; }
fi
echo
if [ "$status" -ne 0 ]; then
  echo "Something failed, see above. Call it again to retry what failed."
elif [ -f "$root/verdict.txt" ]; then
  cat "$root/verdict.txt"
fi
[ -f "$report" ] && echo && echo "Report: $report"
exit "$status"
