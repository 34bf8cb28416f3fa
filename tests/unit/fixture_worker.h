/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A worker that is no Python: a shell script that stands where the interpreter does, ignores the
 * bootstrap and speaks the wire on its pipes. How it starts is the program's argument, what it does
 * with a request is the function's name. It ends with its pipes, or with its parent. A signal that
 * it handles makes the shell's read fail, as the end of the pipe does: then it reads on.
 */
#include "fixture_loop.h"
#include "folder.h"

#include "daemon/children.h"
#include "daemon/options.h"
#include "daemon/worker.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char fake_worker_script[] =
        "#!/bin/sh\n"
        "# called as: SCRIPT -u -c PRIMARY 6 0 MODE\n"
        "ready='{\"type\":\"status\",\"message\":\"ready\",\"methods\":{\"echo\":{\"doc\":\"Echoes."
        "\"}}}'\n"
        "status() { printf '%s\\n' \"$1\" >&5; }\n"
        "answer() { printf '{\"request_id\":\"%s\",\"result\":%s}\\n' \"$1\" \"$2\" >&4; }\n"
        "swallow() { while IFS= read -r line <&3; do :; done; }\n"
        "case $6 in\n"
        "echo) status \"$ready\" ;;\n"
        "counting) status \"${ready%\\}},\\\"counters\\\":true}\" ;;\n"
        "able) trap 'back=1; woken=1' USR1; trap 'printf \"the stack\\n\\000\" >&8; woken=1' 42\n"
        "    status \"${ready%\\}},\\\"counters\\\":true}\" ;;\n"
        "changing) status "
        "'{\"type\":\"status\",\"message\":\"methods\",\"methods\":{\"early\":{}}}'\n"
        "    status "
        "'{\"type\":\"status\",\"message\":\"ready\",\"methods\":{},\"any_command\":true}' ;;\n"
        "debugged) status '{\"type\":\"status\",\"message\":\"debugger\",\"waits\":true}'\n"
        "    read -r line <\"$0.gate\"\n"
        "    status '{\"type\":\"status\",\"message\":\"debugger\",\"waits\":false}'\n"
        "    status \"$ready\" ;;\n"
        "never) ;;\n"
        "gated) read -r line <\"$0.gate\"; status \"$ready\" ;;\n"
        "exit3) echo 'out of luck' >&2; exit 3 ;;\n"
        "exception) status "
        "'{\"type\":\"exception\",\"stage\":\"import\",\"exception\":\"ImportError\",'\\\n"
        "'\"message\":\"no numpy\",\"args\":[],\"traceback\":\"Traceback of "
        "numpy\",\"cause\":null}'\n"
        "    exit 1 ;;\n"
        "linger) status '{\"type\":\"exception\",\"message\":\"no numpy\"}'; swallow ;;\n"
        "garbage) echo nonsense >&5; swallow ;;\n"
        "early) answer 1 1; status \"$ready\" ;;\n"
        "shut) exec 4>&-; status \"$ready\"; swallow ;;\n"
        "deaf) trap '' TERM; status \"$ready\" ;;\n"
        "once) [ -e \"$0.failed\" ] || { : >\"$0.failed\"; exit 3; }; status \"$ready\" ;;\n"
        "odd) status '{\"type\":\"log\",\"level\":\"warning\",\"message\":\"hear me\"}'\n"
        "    status '{\"type\":\"log\",\"level\":\"odd\"}'; status '{\"type\":7}'; status '{}'\n"
        "    status '{\"type\":\"status\",\"message\":\"ready\",\"methods\":17}'; status "
        "\"$ready\"\n"
        "    status '{\"type\":\"exception\",\"stage\":\"main\",\"exception\":\"LateError\",'\\\n"
        "'\"message\":\"too late\",\"traceback\":\"Traceback of late\"}' ;;\n"
        "esac\n"
        "while woken=; IFS= read -r line <&3 || [ \"$woken\" ]; do\n"
        "    id=${line#*:\\\"}; id=${id%%\\\"*}\n"
        "    name=${line#*\\\"command\\\":\\\"}; name=${name%%\\\"*}\n"
        "    data=${line#*\\\"data\\\":}; data=${data%\\}}\n"
        "    case $name in\n"
        "    echo) answer \"$id\" \"$data\" ;;\n"
        "    pid) answer \"$id\" $$ ;;\n"
        "    fail) printf '{\"request_id\":\"%s\",\"error\":\"boom\"}\\n' \"$id\" >&4 ;;\n"
        "    change) status "
        "'{\"type\":\"status\",\"message\":\"methods\",\"methods\":{\"late\":{}}}'\n"
        "        answer \"$id\" null ;;\n"
        "    noisy) printf '\\036%s\\036%s\\n' \"$id\" out; printf '\\036%s\\036%s\\n' \"$id\" err "
        ">&2\n"
        "        answer \"$id\" null ;;\n"
        "    skip) printf "
        "'{\"request_id\":\"%s\",\"error\":\"skipped\",\"kind\":\"cancelled\"}\\n' \"$id\" "
        ">&4 ;;\n"
        "    keep) kept=$id ;;\n"
        "    both_kept) answer \"$kept\" 1; answer \"$id\" 2 ;;\n"
        "    swap) answer \"$id\" 2; answer \"$kept\" 1 ;;\n"
        "    patient) until [ \"$back\" ]; do sleep 0.01; done; back=; answer \"$id\" 1 ;;\n"
        "    mumble) trap 'printf half >&8' 42; while :; do sleep 0.01; done ;;\n"
        "    drowsy) trap 'n=x$n; [ $n = xx ] && back=1' USR1; n=; back=\n"
        "        until [ \"$back\" ]; do sleep 0.01; done; answer \"$id\" 1 ;;\n"
        "    dump) trap : 42; trap 'printf dumped >&8' 43; while :; do sleep 0.01; done ;;\n"
        "    mute) trap : 42; while :; do sleep 0.01; done ;;\n"
        "    stubborn) while :; do sleep 0.01; done ;;\n"
        "    hang) swallow ;;\n"
        "    hold) echo holding >&2; swallow ;;\n"
        "    stop) kill -STOP $$ ;;\n"
        "    exit) echo 'farewell' >&2; exit 3 ;;\n"
        "    segv) kill -SEGV $$ ;;\n"
        "    fatal) printf 'the last stack\\n' >&8; kill -SEGV $$ ;;\n"
        "    first) [ -e \"$0.died\" ] || { : >\"$0.died\"; exit 3; }; answer \"$id\" 1 ;;\n"
        "    last) answer \"$id\" '\"last\"'; exit 0 ;;\n"
        "    unnamed) echo '{\"result\":1}' >&4 ;;\n"
        "    unnamed2) printf '{\"result\":1}\\n{\"result\":2}\\n' >&4 ;;\n"
        "    nothing) echo '{\"request_id\":\"'$id'\",\"value\":1}' >&4 ;;\n"
        "    both) echo '{\"request_id\":\"'$id'\",\"result\":1,\"error\":\"x\"}' >&4 ;;\n"
        "    other) echo '{\"request_id\":\"mine\",\"result\":1}' >&4 ;;\n"
        "    large) printf '{\"request_id\":\"%s\",\"result\":\"%0200000d\"}\\n' \"$id\" 0 >&4 ;;\n"
        "    endless) printf '{\"request_id\":\"%s\",\"result\":1}' \"$id\" >&4 ;;\n"
        "    binary) head -c 100000 /dev/urandom >&4; swallow ;;\n"
        "    half) printf '{\"request_id\":\"%s\",\"resu' \"$id\" >&4; exit 3 ;;\n"
        "    garbage) echo nonsense >&4; swallow ;;\n"
        "    relay) printf '%s\\n' \"$data\" >&4; IFS= read -r reply <&3; answer \"$id\" "
        "\"$reply\" ;;\n"
        "    relay_twice) printf '%s\\n' \"$data\" \"$data\" >&4; IFS= read -r reply <&3\n"
        "        IFS= read -r second <&3; answer \"$id\" \"[$reply,$second]\" ;;\n"
        "    relay_and_cancel) printf '%s\\n' \"$data\" >&4\n"
        "        echo '{\"command\":\"$/cancelRequest\",\"data\":{\"id\":\"py-1\"}}' >&4\n"
        "        IFS= read -r reply <&3; answer \"$id\" \"$reply\" ;;\n"
        "    relay_and_hang) printf '%s\\n' \"$data\" >&4; swallow ;;\n"
        "    foreign) answer 999999 1 ;;\n"
        "    twice) answer \"$id\" 1; answer \"$id\" 2 ;;\n"
        "    shut) exec 4>&-; swallow ;;\n"
        "    flood) i=0; while [ $i -lt 3000 ]; do\n"
        "            echo \"a line of the flood, number $i\" >&2; i=$((i + 1)); done\n"
        "        answer \"$id\" $i ;;\n"
        "    esac\n"
        "done\n"
        "[ $6 = deaf ] && kill -STOP $$\n"
        "exit 0\n";

static struct surroundings around;
static struct children children;
static struct oom oom; /* it knows nothing */

/* Lets the workers that were started as "gated" or "debugged" become ready. */
static inline void open_gate(void)
{
        _cleanup_close_ int gate = open(folder_at("python.gate"), O_WRONLY | O_CLOEXEC);

        write_text(gate, "\n");
}

/* What the worker would have counted by now. */
static inline void count_requests(const struct worker *worker, uint64_t started, uint64_t finished)
{
        const uint64_t counters[] = {started, finished};

        ck_assert_int_eq(pwrite(worker->pages.fd[PAGES_COUNTERS], counters, sizeof(counters), 0),
                         sizeof(counters));
}

/* What the worker would hold back by now. */
static inline void hold_answers(const struct worker *worker, uint64_t generation, const char *text)
{
        const uint64_t word = generation << 32 | strlen(text);
        int fd = worker->pages.fd[PAGES_COUNTERS];

        ck_assert_int_eq(pwrite(fd, text, strlen(text), PAGES_HELD_OFFSET), strlen(text));
        ck_assert_int_eq(pwrite(fd, &word, sizeof(word), PAGES_HELD_WORD * sizeof(word)),
                         sizeof(word));
}

/* The loop, the script, and what workers need around them. */
static inline void workers_begin(void)
{
        folder_make();
        chmod(folder_write("python", fake_worker_script), 0700);
        ck_assert_int_eq(mkfifo(folder_at("python.gate"), 0600), 0);
        loop_begin();
        around = (struct surroundings){
                .base = base,
                .children = &children,
                .oom = &oom,
                .turn = &turn,
                .buffers = &buffers,
                .max_response_size = 100000,
                .max_request_size = 100000,
                .max_buffered = 1 << 30,
                .max_unread = 300000,
                .max_call_depth = 16,
        };
        getrlimit(RLIMIT_NOFILE, &around.files_limit);
}

static inline void workers_end(void)
{
        ck_assert_uint_eq(children.count, 0);
        children_clear(&children);
        loop_end();
        folder_remove();
}

static inline char **new_list(const char *only)
{
        char **list = calloc(2, sizeof(*list));

        ck_assert_ptr_nonnull(list);
        list[0] = strdup(only);
        return list;
}

/* A program whose workers are the script, started in the given mode; one worker, all else as it is
 * when nothing is set. */
static inline struct program_options *new_options(const char *name, const char *mode)
{
        struct program_options *options = program_options_new(name, "the-set");
        struct program_text *text = malloc(sizeof(*text) + 2);

        ck_assert_ptr_nonnull(options);
        ck_assert_ptr_nonnull(text);
        *text = (struct program_text){.length = 2};
        memcpy(text->data, "{}", 2);
        options->text = text;
        options->python = strdup(folder_at("python"));
        options->arguments = new_list(mode);
        options->environment = new_list("PATH=/usr/bin:/bin");
        ck_assert_int_eq(options_set_defaults(&program_option_table, options), 0);
        options->max_workers = 1;
        return options;
}
