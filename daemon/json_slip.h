/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What a person probably meant where a text stops being JSON: the slips that people make, each with
 * what would be right. Looked at only after the scanner has refused the text.
 */
#include <stddef.h>

#define JSON_SLIP_MAX 256

/*
 * text[0..length) is valid up to `offset`, where it cannot go on (== length: it ended too soon).
 * Writes what is wrong, or nothing ("") if it is none of the known slips, and returns the offset
 * that shows it best, which is often an earlier one.
 */
size_t json_slip_explain(const char *text, size_t length, size_t offset,
                         char explanation[static JSON_SLIP_MAX]);
