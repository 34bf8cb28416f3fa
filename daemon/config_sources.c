/* SPDX-License-Identifier: MIT */
#include "config_sources.h"

#include "json_reader.h"

#include <errno.h>

struct config_sources *config_sources_free(struct config_sources *sources)
{
        if (!sources)
                return NULL;
        for (size_t i = 0; i < sources->n_programs; i++)
                program_draft_clear(&sources->programs[i].draft);
        for (size_t i = 0; i < sources->n_documents; i++)
                json_document_free(sources->documents[i]);
        free(sources->programs);
        free(sources->documents);
        free(sources);
        return NULL;
}

int config_sources_add_document(struct config_sources *sources, struct json_document *document)
{
        struct json_document **grown;

        grown = reallocarray(sources->documents, sources->n_documents + 1, sizeof(*grown));
        if (!grown) {
                json_document_free(document);
                return -ENOMEM;
        }
        grown[sources->n_documents++] = document;
        sources->documents = grown;
        return 0;
}

int config_sources_add_program(struct config_sources *sources, struct config_program *program)
{
        struct config_program *grown;

        grown = reallocarray(sources->programs, sources->n_programs + 1, sizeof(*grown));
        if (!grown) {
                program_draft_clear(&program->draft);
                return -ENOMEM;
        }
        grown[sources->n_programs++] = *program;
        sources->programs = grown;
        return 0;
}
