#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes Python texts as C constants to stdout: builtin.c (see builtin.h) of the first stage, the
# second and the package, or env_tool.c (see client/env_tool.h) of a package with a __main__.py.
# Usage: embed.sh PRIMARY SECONDARY PACKAGE_FOLDER
#        embed.sh TOOL_FOLDER
set -eu
LC_ALL=C
export LC_ALL

die() {
        echo "embed.sh: $*" >&2
        exit 1
}

check_package() {
        [ -r "$1/__init__.py" ] || die "cannot read $1/__init__.py"
        for folder in "$1"/*/; do
                [ ! -e "$folder/__init__.py" ] || die "$folder: packages within it are not embedded"
        done
}

# The file's lines as C string literals. Two question marks in a row could begin a trigraph.
literal() {
        sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/?/\\?/g' -e 's/^/        "/' -e 's/$/\\n"/' "$1"
}

text() {
        printf '\nconst char %s[] =\n' "$2"
        literal "$1"
        printf '        "";\nconst size_t %s_length = sizeof(%s) - 1;\n' "$2" "$2"
}

# modules FOLDER STRUCT TABLE: all files of a package but its __main__.py.
modules() {
        count=0
        for file in "$1"/*.py; do
                [ "${file##*/}" != __main__.py ] || continue
                printf '\nstatic const char module_%d[] =\n' "$count"
                literal "$file"
                printf '        "";\n'
                count=$((count + 1))
        done
        printf '\nconst struct %s %s[] = {\n' "$2" "$3"
        count=0
        for file in "$1"/*.py; do
                [ "${file##*/}" != __main__.py ] || continue
                printf '        {"%s", module_%d, sizeof(module_%d) - 1},\n' \
                        "$(basename "$file" .py)" "$count" "$count"
                count=$((count + 1))
        done
        printf '};\nconst size_t %s_count = %d;\n' "$3" "$count"
}

if [ $# -eq 1 ]; then
        check_package "$1"
        [ -r "$1/__main__.py" ] || die "cannot read $1/__main__.py"
        printf '/* Written by embed.sh. */\n#include "client/env_tool.h"\n'
        text "$1/__main__.py" env_tool_main
        modules "$1" env_tool_module env_tool_modules
        exit 0
fi
[ $# -eq 3 ] || die "usage: embed.sh PRIMARY SECONDARY PACKAGE_FOLDER, or embed.sh TOOL_FOLDER"
primary=$1 secondary=$2 package=$3
[ -r "$primary" ] || die "cannot read $primary"
[ -r "$secondary" ] || die "cannot read $secondary"
check_package "$package"
grep -q '{{BOOTSTRAP_FD}}' "$primary" || die "$primary does not contain {{BOOTSTRAP_FD}}"
printf '/* Written by embed.sh. */\n#include "bootstrap/builtin.h"\n'
text "$primary" builtin_primary
text "$secondary" builtin_secondary
modules "$package" builtin_module builtin_package
