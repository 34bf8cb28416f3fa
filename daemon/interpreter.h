/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A file that is said to be a Python interpreter, judged by its looks: it is not run.
 */
#include <stdbool.h>

#define INTERPRETER_FAULT_MAX   512
#define INTERPRETER_MAJOR       3
#define INTERPRETER_OLDEST      9 /* of that: the first that the bootstrap works with */
#define INTERPRETER_OLDEST_TEXT "3.9"

struct python_version {
        int major, minor; /* 0, 0: not known */
};

/* The version in a text that begins with one: "3.11.2", "3.11". False: it does not. */
bool python_version_read(const char *text, struct python_version *ret);
bool python_version_is_known(struct python_version version);
bool python_version_is_old(struct python_version version);

enum interpreter_verdict {
        INTERPRETER_GOOD,
        INTERPRETER_MISSING, /* there is no such file, or it cannot be reached */
        INTERPRETER_BROKEN,  /* a link that leads nowhere, or no program at all */
        INTERPRETER_OLD,
};

/* The path is absolute. Unless it is good, the fault tells why: "No such file or directory". The
 * version is what the name of the file itself tells, behind all links. */
enum interpreter_verdict interpreter_judge(const char *path, struct python_version *ret,
                                           char fault[static INTERPRETER_FAULT_MAX]);
