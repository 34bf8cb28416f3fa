/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The files that "program_sets" names: paths and patterns, relative to the file they stand in.
 */
#include "json_node.h"

struct set_list {
        struct set_file {
                char *path;            /* absolute; each is there once */
                char *name;            /* of the set: the file's, without .conf */
                struct json_node node; /* the pattern that named it */
        } * files;
        size_t n;
};

/* 0, with what is wrong or suspicious told by `errors`; or -ENOMEM. To be cleared in either case.
 */
int set_list_read(const struct json_node *patterns, struct config_errors *errors,
                  struct set_list *ret);
void set_list_clear(struct set_list *list);
