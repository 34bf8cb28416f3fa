/* SPDX-License-Identifier: MIT */
#include "discover.h"

#include "common/buffer.h"
#include "common/cleanup.h"
#include "registry.h"

#include <string.h>

#define DOCUMENT_BEGIN                                                                             \
        "{\"openrpc\":\"1.3.2\",\"info\":{\"title\":\"jumpbootd\",\"version\":\"" PACKAGE_VERSION  \
        "\"},\"methods\":["

static int append(struct buffer *out, const char *text)
{
        return buffer_append(out, text, strlen(text));
}

/* Long ones are not copied, however often they are asked for. */
static int write_methods(const struct registry *registry, struct caller *caller, struct buffer *out)
{
        const char *between = "";
        int r = 0;

        for (size_t i = 0; r == 0 && i < registry->n_pools; i++) {
                const struct pool *pool = registry->pools[i];
                const struct buffer *text = &pool->catalogue.text;
                if (buffer_is_empty(text) || !pool_allows(pool, caller))
                        continue;
                r = append(out, between);
                if (r == 0)
                        r = buffer_share(out, text, 0, text->length);
                between = ",";
        }
        return r;
}

/* Program names need no escapes. */
static int write_open_ones(const struct registry *registry, struct caller *caller,
                           struct buffer *out)
{
        const char *before = ",\"x-any-command\":[\"";
        int r = 0, n = 0;

        for (size_t i = 0; r == 0 && i < registry->n_pools; i++) {
                const struct pool *pool = registry->pools[i];
                if (!pool->catalogue.takes_any || !pool_allows(pool, caller))
                        continue;
                r = append(out, n++ == 0 ? before : ",\"");
                if (r == 0)
                        r = append(out, pool->options->name);
                if (r == 0)
                        r = append(out, "\"");
        }
        return r == 0 && n > 0 ? append(out, "]") : r;
}

int discover_write(const struct registry *registry, struct caller *caller, struct buffer *out)
{
        int r = append(out, DOCUMENT_BEGIN);

        if (r == 0)
                r = write_methods(registry, caller, out);
        if (r == 0)
                r = append(out, "]");
        if (r == 0)
                r = write_open_ones(registry, caller, out);
        return r == 0 ? append(out, "}") : r;
}
