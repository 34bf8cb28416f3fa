/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Reads JSON with comments. The grammar is the envelope scanner's (RFC 8259, nothing more);
 * comments are // and those of C.
 *
 * A file that is no JSON is refused at its first error; a name that stands twice in an object, a
 * NUL and half a surrogate pair are errors too, but the rest is read.
 */
#include "json_node.h"

#define JSON_FILE_MAX (64U << 20)

/* 0; or 1 if it cannot be used, which `errors` tells; or -ENOMEM. */
int json_read_file(const char *path, struct config_errors *errors, struct json_document **ret);
int json_read_text(const char *path, const char *text, size_t length, struct config_errors *errors,
                   struct json_document **ret);
struct json_document *json_document_free(struct json_document *document);
static inline void json_document_freep(struct json_document **document)
{
        *document = json_document_free(*document);
}
