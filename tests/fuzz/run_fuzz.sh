#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# run_fuzz.sh PROGRAM SEEDS WORK: a bounded libFuzzer run. What it finds stays in WORK, so that the
# tree is clean afterwards; the last lines of a failure name the input that replays it.
set -eu

program=$1 seeds=$2 work=$3

rm -rf "$work"
mkdir -p "$work/corpus"
if [ -d "$seeds" ]; then
    cp "$seeds"/* "$work/corpus/"
fi
# Without it, reports show addresses instead of functions.
export ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-14
exec "$program" -runs=2000000 -max_total_time=10 -timeout=5 -rss_limit_mb=1024 -seed=1 \
    -artifact_prefix="$work/" "$work/corpus"
