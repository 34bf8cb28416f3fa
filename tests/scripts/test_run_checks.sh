#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/run-checks counts single tests, and no failure gets lost on the way.
set -eu

run_checks=$(cd "$(dirname "$0")/../.." && pwd)/scripts/run-checks
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
build=$folder/build
results=$folder/results
failures=0

# A build folder whose make check ends with the given status, and left no results yet.
fresh_build() {
        rm -rf "$build" "$results"
        mkdir -p "$build/tests" "$results"
        printf 'check:\n\tcp %s/* tests/\n\texit %s\n' "$results" "$1" >"$build/Makefile"
}

# add NAME RESULT LAST-LINE: a test program that ended so.
add() {
        echo ":test-result: $2" >"$results/$1.trs"
        printf 'some output\n%s\n' "$3" >"$results/$1.log"
}

# expect STATUS LAST-LINE: how run-checks has to end.
expect() {
        status=0
        # It must not count for, or use the jobs of, a make that runs this test.
        output=$(env -u MAKEFLAGS -u MAKELEVEL "$run_checks" "$build" 2>&1) || status=$?
        if [ "$status" -ne "$1" ] || [ "$(echo "$output" | tail -n 1)" != "$2" ]; then
                echo "FAIL: expected '$2' and status $1, got status $status and:"
                echo "$output"
                failures=$((failures + 1))
        fi
}

# Check, pytest and a plain script
fresh_build 0
add one PASS '100%: Checks: 26, Failures: 0, Errors: 0'
add two PASS '12 passed, 3 skipped in 4.56s'
add three PASS 'fine'
add four SKIP 'no such tool here'
expect 0 '39 passed, 0 failed'
case $output in
*'Skipped: four: no such tool here'*) ;;
*)
        echo "FAIL: it is not told why four was skipped: $output"
        failures=$((failures + 1))
        ;;
esac

# Single failures of each kind
fresh_build 1
add one FAIL '75%: Checks: 8, Failures: 1, Errors: 1'
add two FAIL '2 failed, 10 passed, 1 error in 65.01s (0:01:05)'
add three FAIL 'wrong'
expect 1 '16 passed, 6 failed'

# Names of what failed, at both ends of a long output, and no dots
fresh_build 1
add one FAIL '2 failed, 1 passed in 1.00s'
{
        echo '.F.....s                                              [ 40%]'
        seq 1 200
        echo 'FAILED tests/test_it.py::test_that - assert 1 == 2'
        echo '2 failed, 1 passed in 1.00s'
} >"$results/one.log"
expect 1 '1 passed, 2 failed'
if [ "$(echo "$output" | grep -c '^    FAILED tests/test_it.py::test_that - assert 1 == 2$')" -ne 3 ] ||
        echo "$output" | grep -q '40%'; then
        echo "FAIL: it is not told what failed, or dots are: $output"
        failures=$((failures + 1))
fi

# A leak that is found at the end of a program of which each test passed
fresh_build 1
add one FAIL '100%: Checks: 5, Failures: 0, Errors: 0'
expect 1 '5 passed, 1 failed'

# A program that crashed before it could count
fresh_build 1
add one ERROR 'Segmentation fault'
add two PASS '100%: Checks: 5, Failures: 0, Errors: 0'
expect 1 '5 passed, 1 failed'

# A build that fails before any test
fresh_build 2
rmdir "$results"
expect 1 '0 passed, 1 failed'

# Nothing that was tested is no success
fresh_build 0
touch "$results/nothing"
expect 1 '0 passed, 1 failed'

# Results of an earlier run do not count
fresh_build 0
add one PASS '100%: Checks: 2, Failures: 0, Errors: 0'
expect 0 '2 passed, 0 failed'
rm "$results"/*
add two PASS '100%: Checks: 3, Failures: 0, Errors: 0'
expect 0 '3 passed, 0 failed'

[ "$failures" -eq 0 ] || exit 1
