/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A program as the Python side gets it: main module, modules, packages with their subpackages and
 * data files, key-value pairs. All files are read when they are added; a respawn reads none.
 *
 * Its JSON form (source and data are base64 of the file's bytes):
 *   { "Name": "calc", "Path": "/srv/calc.py",
 *     "Program": MODULE, "Modules": [MODULE...], "Packages": [PACKAGE...],
 *     "KVPairs": {...}, "PipeIn": fd, "PipeOut": fd, "StatusIn": fd,
 *     "Counters": fd, "Wanted": fd, "Control": fd, "MaxResponseSize": bytes,
 *     "MaxRequestSize": bytes,
 *     "DebugPort": number, "BreakOnStart": bool,
 *     "ExtraFiles": [null or { "Path": path, "Flags": of open(2), "Permissions": mode }...] }
 *   MODULE:  { "Name": "colors", "Path": virtual path, "Text": true, "Source": base64 }
 *   PACKAGE: { "Name": "imgtools", "Path": virtual path of the folder, "Modules": [MODULE...],
 *              "Packages": [PACKAGE...], "Data": [{ "Name": "table.json", "Source": base64 }...] }
 * A package's own module is the one named "__init__". The virtual path of what came from a file
 * is the file's absolute path; of a source text it is "<NAME>". "Text" is there for source texts
 * only: they are UTF-8, whatever encoding a comment in them declares, while a file's bytes are
 * decoded as Python decodes files.
 *
 * Errors are returned as a negative errno; what was wrong, and where, is written into `error`
 * ("cannot read /srv/x.py: Permission denied").
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRAM_ERROR_MAX 512

struct program;

struct program *program_new(const char *name);
struct program *program_free(struct program *program);
static inline void program_freep(struct program **program)
{
        *program = program_free(*program);
}

int program_set_main_file(struct program *program, const char *path, char error[PROGRAM_ERROR_MAX]);
int program_set_main_source(struct program *program, const char *source, size_t length);
int program_add_module_file(struct program *program, const char *name, const char *path,
                            char error[PROGRAM_ERROR_MAX]);
int program_add_module_source(struct program *program, const char *name, const char *source,
                              size_t length);
/* Every .py below the folder (hidden folders and __pycache__ are passed over; a folder without an
 * __init__.py is a namespace package), and the files that match one of the data patterns
 * (fnmatch(3) on the name; NULL-terminated, may be NULL). */
int program_add_package(struct program *program, const char *name, const char *folder,
                        const char *const *data_patterns, char error[PROGRAM_ERROR_MAX]);
/* json is one valid JSON value. A later pair of the same name replaces the earlier. */
int program_add_key_value(struct program *program, const char *name, const char *json);
/* Of answers, and of calls, in bytes. */
void program_set_max_sizes(struct program *program, uint64_t response, uint64_t request);
/* Its process waits for a debugger on this port; 0: for none. */
void program_set_debug(struct program *program, unsigned port, bool breaks_on_start);
/* One that its processes get, see extra_file.h; path NULL: one that they share. The order counts. 0
 * or -ENOMEM. */
int program_add_extra_file(struct program *program, const char *path, int flags,
                           unsigned permissions);
/* Its workers are to be forked: the process that has the control socket is their template. */
void program_set_forked(struct program *program);

/* The finished text: one for all spawns of the program. It outlives the program it was made of. */
struct program_text {
        size_t length;
        char data[];
};
int program_to_text(const struct program *program, struct program_text **ret);
struct program_text *program_text_free(struct program_text *text);

/* Calls `take` with the path of every file that was read, until it does not return 0. */
int program_each_path(const struct program *program, int (*take)(void *userdata, const char *path),
                      void *userdata);

/* NULL if the name can be a Python module's (dotted only where `dotted`), else what is wrong. */
const char *program_name_fault(const char *name, int dotted);
