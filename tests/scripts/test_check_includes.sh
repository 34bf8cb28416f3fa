#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/check-includes lets the right directions pass and names each line that breaks the rule.
set -eu

check=$(cd "$(dirname "$0")/../.." && pwd)/scripts/check-includes
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failures=0

# The sources of a tree of which every line is allowed.
fresh_tree() {
        rm -rf "${tree:?}"/*
        mkdir -p "$tree/common" "$tree/bootstrap" "$tree/daemon" "$tree/client"
        printf '%s\n' '#include <event2/event.h>' '#include "text.h"' >"$tree/common/log.h"
        echo '#include <string.h>' >"$tree/common/text.c"
        printf '%s\n' '#include "spawn.h"' '#include "common/log.h"' '#include <sys/wait.h>' \
                >"$tree/bootstrap/spawn.c"
        printf '%s\n' '#include "listener.h"' '#include "worker.h"' '#include "bootstrap/spawn.h"' \
                >"$tree/daemon/server.c"
        printf '%s\n' '#include "request.h"' '#include "turn.h"' >"$tree/daemon/worker.c"
        echo '#include <systemd/sd-daemon.h>' >"$tree/daemon/sd.c"
        printf '%s\n' '#include "jumpboot.h"' '#include "common/text.h"' \
                >"$tree/client/libjumpboot_call.c"
        echo '#include "common/text.h"' >"$tree/client/ctl_call.c"
}

# expect FILE LINE MESSAGE: the line, added to the file, must be refused with these words.
expect() {
        fresh_tree
        printf '%s\n' "$2" >>"$tree/$1"
        number=$(wc -l <"$tree/$1")
        if output=$("$check" "$tree" 2>&1); then
                echo "FAIL: $1: $2 was not refused"
                failures=$((failures + 1))
        elif [ "$output" != "$1:$number: $3" ]; then
                echo "FAIL: $1: $2 was refused with other words: $output"
                failures=$((failures + 1))
        fi
}

fresh_tree
if ! output=$("$check" "$tree" 2>&1); then
        echo "FAIL: what is right was refused: $output"
        failures=$((failures + 1))
fi

expect daemon/worker.c '#include "pool.h"' 'may not include "pool.h"'
expect daemon/worker.c '  #  include "daemon/server.h"' \
        'may not include "daemon/server.h"'
expect daemon/request.h '#include "client.h"' 'may not include "client.h"'
expect daemon/sd.c '#include "server.h"' 'may not include "server.h"'
expect bootstrap/spawn.c '#include "daemon/worker.h"' \
        'may not include "daemon/worker.h"'
expect common/log.h '#include "bootstrap/spawn.h"' 'may not include "bootstrap/spawn.h"'
expect common/log.h '#include <systemd/sd-journal.h>' 'may not include <systemd/>'
expect common/text.c '#include "log.h"' 'may not include "log.h"'
expect common/text.c '#include <json-c/json.h>' 'may not include <json-c/>'
expect daemon/server.c '#include "client/jumpboot.h"' \
        'may not include "client/jumpboot.h"'
expect client/libjumpboot_call.c '#include "common/log.h"' \
        'may not include "common/log.h"'
expect client/libjumpboot_call.c '#include <event2/event.h>' \
        'may not include <event2/>'
expect client/ctl_call.c '#include "daemon/config.h"' \
        'may not include "daemon/config.h"'
expect daemon/sd.c '#include "novelty.h"' \
        '"novelty.h" has no place in the table of scripts/check-includes'

[ "$failures" -eq 0 ] || exit 1
