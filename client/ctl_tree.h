/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * JSON objects from the daemon, read with care: what is missing or of another type reads as
 * nothing.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json_object;

/* NULL if it is no JSON object. */
struct json_object *ctl_tree_parse(const char *text, size_t length);
void ctl_tree_freep(struct json_object **tree);

/* tree may be NULL, or no object. */
struct json_object *ctl_tree_member(struct json_object *tree, const char *name);
/* NULL if it is no string. */
const char *ctl_tree_text(struct json_object *tree, const char *name);
/* 0 if it is no number. */
int64_t ctl_tree_int(struct json_object *tree, const char *name);
double ctl_tree_number(struct json_object *tree, const char *name);
/* Writes what a "last_error" of the daemon tells: class and message. */
void ctl_tree_put_error(FILE *file, struct json_object *error);
bool ctl_tree_is_false(struct json_object *value);
bool ctl_tree_is_true(struct json_object *value);
