#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/stage-sources copies the sources, and nothing that a build within them has written: with
# such a Makefile in the copy, configure refused to configure it.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

mkdir -p "$tree/bin" "$tree/top/scripts"
printf '%s\n' '#!/bin/sh' ': >configure' 'chmod +x configure' >"$tree/bin/autoreconf"
chmod +x "$tree/bin/autoreconf"
PATH=$tree/bin:$PATH
cp "$top/.gitignore" "$tree/top/"
cp "$top/scripts/stage-sources" "$tree/top/scripts/"

put() {
        for file; do
                mkdir -p "$(dirname "$tree/top/$file")"
                echo "$file" >"$tree/top/$file"
        done
}
put configure.ac Makefile.am daemon/main.c doc/jumpbootd.8.in tests/unit/test_log.c \
        conf/examples/calc.conf '.ci/run' 'name with blanks.txt'
(cd "$tree/top" && find . -type f | sed 's,^\./,,' | LC_ALL=C sort) >"$tree/expected"
put Makefile Makefile.in configure config.status config.log libtool aclocal.m4 build-aux/missing \
        autom4te.cache/requests daemon/main.o client/x.lo client/.libs/x.o libx.la libx.a \
        daemon/.deps/main.Po daemon/.dirstamp doc/jumpbootd.8 bootstrap/builtin.c jumpbootd \
        tests/unit/test_log tests/unit/test_log.trs tests/unit/test_log.log \
        tests/integration/__pycache__/x.pyc build/jumpbootd build-tests/src/configure.ac

# expect WHAT: the copy has the sources alone.
expect() {
        rm -rf "$tree/copy" "$tree/copy.list"
        "$tree/top/scripts/stage-sources" "$tree/copy" >/dev/null
        (cd "$tree/copy" && find . -type f ! -name configure | sed 's,^\./,,' | LC_ALL=C sort) \
                >"$tree/copied"
        if ! diff "$tree/expected" "$tree/copied"; then
                echo "FAIL: $1: these files should (<) or should not (>) have been copied"
                exit 1
        fi
        if ! [ -x "$tree/copy/configure" ]; then
                echo "FAIL: $1: autoreconf was not run"
                exit 1
        fi
}

expect 'an unpacked tarball'
if command -v git >/dev/null; then
        git -C "$tree/top" init -q
        expect 'a checkout'
fi
