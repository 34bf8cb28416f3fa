/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Builds json-c's objects from a text that is known to be valid JSON (so it checks no grammar), and
 * notes where each value stands. What the grammar allows and a config does not is an error here: a
 * name that stands twice, a NUL, half a surrogate pair, a number past all bounds.
 */
#include "json_node.h"

/* Fills in the root of the document, whose path, source and text stand already. 0 or -ENOMEM. */
int json_tree_build(struct json_document *document, struct config_errors *errors);
