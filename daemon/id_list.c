/* SPDX-License-Identifier: MIT */
#include "id_list.h"

#include "common/cleanup.h"

#include <string.h>

static int compare(const void *a, const void *b)
{
        id_t left = *(const id_t *)a, right = *(const id_t *)b;

        return (left > right) - (left < right);
}

struct id_list *id_list_new(const char *const *names, const id_t *ids, size_t n)
{
        struct id_list *list = calloc(1, sizeof(*list));

        if (!list)
                return NULL;
        list->references = 1;
        list->ids = calloc(n + 1, sizeof(*list->ids));
        list->names = calloc(n + 1, sizeof(*list->names));
        if (!list->ids || !list->names)
                return id_list_unref(list);
        for (; list->n < n; list->n++) {
                list->ids[list->n] = ids[list->n];
                list->names[list->n] = strdup(names[list->n]);
                if (!list->names[list->n])
                        return id_list_unref(list);
        }
        qsort(list->ids, n, sizeof(*list->ids), compare);
        return list;
}

struct id_list *id_list_ref(struct id_list *list)
{
        list->references++;
        return list;
}

struct id_list *id_list_unref(struct id_list *list)
{
        if (!list || --list->references > 0)
                return NULL;
        for (size_t i = 0; i < list->n; i++)
                free(list->names[i]);
        free(list->names);
        free(list->ids);
        free(list);
        return NULL;
}

bool id_list_has(const struct id_list *list, id_t id)
{
        return list && bsearch(&id, list->ids, list->n, sizeof(id), compare);
}

bool id_list_equal(const struct id_list *a, const struct id_list *b)
{
        size_t n = a ? a->n : 0;

        return n == (b ? b->n : 0) && (n == 0 || memcmp(a->ids, b->ids, n * sizeof(*a->ids)) == 0);
}
