/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * One run of jumpbootctl: what was asked for on the command line, the connection, and how its
 * failures are told.
 */
#include "ctl_logs.h"
#include "jumpboot.h"

#include <stdbool.h>
#include <stdint.h>
#include <sysexits.h>

struct ctl_env_options;
struct json_object;

/* Exit statuses beside those of sysexits.h (EX_USAGE, EX_UNAVAILABLE, EX_TEMPFAIL, ...). */
enum { CTL_SUCCESS = 0, CTL_FAILED = 1, CTL_INTERRUPTED = 130 };

#define CTL_NO_WISH (-1)

struct ctl_session {
        const char *socket; /* NULL: the library's choice */
        bool json;
        bool is_interruptible; /* SIGINT cancels the call: CTL_INTERRUPTED */
        int timeout_ms;        /* 0: without end; CTL_NO_WISH: not given */
        uint64_t started;      /* monotonic microseconds */
        struct jumpboot *jb;
        /* Of top: microseconds from one look to the next, and how many; 0: until it is quit. */
        uint64_t delay;
        unsigned count;
        struct ctl_env_options *env_options; /* main's */
        struct ctl_logs logs;
};

void ctl_session_clear(struct ctl_session *session);

/*
 * Connects if need be and calls. Returns an exit status; with 0, *ret is the reply. Else stderr
 * tells why. Waits until the session's timeout; default_ms if none was given (negative: without
 * end).
 */
int ctl_session_call(struct ctl_session *session, const char *method, const char *params,
                     int default_ms, struct jumpboot_reply **ret);

/* Prints a reply's result as JSON: indented on a terminal, unless --json was given. */
void ctl_session_print(const struct ctl_session *session, const struct jumpboot_reply *reply);

/* Tells that the answer to a method of the daemon lacks what it must have: gives EX_PROTOCOL. */
int ctl_session_bad_answer(const char *method);

/* What printing gave: 0, or -ENOMEM, which stderr tells. Gives the exit status. */
int ctl_session_printed(int result);

/* A result as a tree; NULL if it is no object (stderr tells). */
struct json_object *ctl_session_tree(const char *method, const struct jumpboot_reply *reply);

/* Words of a command line that are wrong: gives EX_USAGE. */
int ctl_usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
