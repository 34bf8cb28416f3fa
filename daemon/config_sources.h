/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What a config was made of: its documents, and of each program the draft, which knows where
 * everything came from.
 */
#include "program_draft.h"

struct config_program {
        struct json_node node;
        struct program_draft draft;
};

struct config_sources {
        struct json_document **documents;
        size_t n_documents;
        struct config_program *programs; /* those that are wrong, too */
        size_t n_programs;
};

struct config_sources *config_sources_free(struct config_sources *sources);

/* Both return 0 or -ENOMEM, and take what they are given in either case. */
int config_sources_add_document(struct config_sources *sources, struct json_document *document);
int config_sources_add_program(struct config_sources *sources, struct config_program *program);
