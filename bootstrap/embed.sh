#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes builtin.c (see builtin.h) to stdout: the Python texts as C constants.
# Usage: embed.sh PRIMARY SECONDARY PACKAGE_FOLDER
set -eu
LC_ALL=C
export LC_ALL

die() {
        echo "embed.sh: $*" >&2
        exit 1
}

[ $# -eq 3 ] || die "usage: embed.sh PRIMARY SECONDARY PACKAGE_FOLDER"
primary=$1 secondary=$2 package=$3
[ -r "$primary" ] || die "cannot read $primary"
[ -r "$secondary" ] || die "cannot read $secondary"
[ -r "$package/__init__.py" ] || die "cannot read $package/__init__.py"
grep -q '{{BOOTSTRAP_FD}}' "$primary" || die "$primary does not contain {{BOOTSTRAP_FD}}"
for folder in "$package"/*/; do
        [ ! -e "$folder/__init__.py" ] || die "$folder: packages within it are not embedded"
done

# The file's lines as C string literals. Two question marks in a row could begin a trigraph.
literal() {
        sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/?/\\?/g' -e 's/^/        "/' -e 's/$/\\n"/' "$1"
}

text() {
        printf '\nconst char %s[] =\n' "$2"
        literal "$1"
        printf '        "";\nconst size_t %s_length = sizeof(%s) - 1;\n' "$2" "$2"
}

printf '/* Written by embed.sh. */\n#include "bootstrap/builtin.h"\n'
text "$primary" builtin_primary
text "$secondary" builtin_secondary

count=0
for file in "$package"/*.py; do
        printf '\nstatic const char module_%d[] =\n' "$count"
        literal "$file"
        printf '        "";\n'
        count=$((count + 1))
done

printf '\nconst struct builtin_module builtin_package[] = {\n'
count=0
for file in "$package"/*.py; do
        printf '        {"%s", module_%d, sizeof(module_%d) - 1},\n' \
                "$(basename "$file" .py)" "$count" "$count"
        count=$((count + 1))
done
printf '};\nconst size_t builtin_package_count = %d;\n' "$count"
