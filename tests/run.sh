#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# All tests: installs what is missing, then builds and runs every preset. Exit 0: all passed.
#
#   sh tests/run.sh            everything
#   sh tests/run.sh release    one preset: release, asan, tsan, fuzz
set -eu
cd "$(dirname "$0")/.."

sh third_party/install.sh
mkdir -p build

# Sanitizers first; release, with everything in it, ends the run.
presets=${1:-"tsan fuzz asan release"}
failed=
for preset in $presets; do
    echo "=== $preset: build"
    if ! { cmake --preset "$preset" && cmake --build --preset "$preset" -- -k 0; } >"build/$preset.log" 2>&1; then
        sed -n -e '/^FAILED:/,/^\[/p' -e '/^CMake Error/,$p' "build/$preset.log" | head -n 100
        failed="$failed $preset"
        continue
    fi
    echo "=== $preset: test"
    ctest --preset "$preset" || failed="$failed $preset"
done
if [ -n "$failed" ]; then
    echo "failed:$failed" >&2
    exit 1
fi
