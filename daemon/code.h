/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Where Python code comes from, as main, modules and packages say it: the path of a file or folder,
 * or the source itself.
 */
#include "json_node.h"

enum code_kind {
        CODE_MODULE,  /* "colors.py", {"path": "colors.py"} or {"source": "..."} */
        CODE_PACKAGE, /* "imgtools" or {"path": "imgtools", "data": ["*.json"]} */
};

/* Either path or source is there; data perhaps, with a path. All are strings, data an array. */
struct code {
        struct json_node path, source, data;
};

/* 0; or 1 if the value has another form, which `errors` tells. */
int code_read(enum code_kind kind, const struct json_node *node, struct config_errors *errors,
              struct code *ret);
/* The absolute path; the code must have one. NULL: no memory. */
char *code_path(const struct code *code);

/* Whether an array has nothing but strings in it; says so if not. */
bool code_is_strings(const struct json_node *node, const char *what, struct config_errors *errors);
/* Its strings, NULL-terminated, to be freed; they themselves are the document's. NULL: no memory.
 */
const char **code_strings(const struct json_node *node);
