/* SPDX-License-Identifier: MIT */
#include "set_list.h"

#include "code.h"

#include "common/path.h"

#include <errno.h>
#include <glob.h>
#include <string.h>

#define WILDCARDS "*?["

static char *set_name(const char *path)
{
        const char *name = path_name(path), *end = strrchr(name, '.');

        if (!end || end == name || strcmp(end, ".conf") != 0)
                return strdup(name);
        return strndup(name, (size_t)(end - name));
}

/* Takes the path. The same file may be named by several patterns. */
static int add(struct set_list *list, char *path, const struct json_node *node,
               struct config_errors *errors)
{
        _cleanup_free_ char *owned = path, *name = NULL;
        struct set_file *grown;

        if (!path)
                return -ENOMEM;
        name = set_name(path);
        grown = reallocarray(list->files, list->n + 1, sizeof(*grown));
        if (!grown || !name) {
                list->files = grown ? grown : list->files;
                return -ENOMEM;
        }
        list->files = grown;
        for (size_t i = 0; i < list->n; i++) {
                if (strcmp(grown[i].path, path) == 0)
                        return 0;
                if (strcmp(grown[i].name, name) == 0) {
                        json_node_error(node, errors,
                                        "two program sets are called \"%s\", after their files: "
                                        "%s and %s",
                                        name, grown[i].path, path);
                        return 0;
                }
        }
        grown[list->n++] =
                (struct set_file){.path = steal(owned), .name = steal(name), .node = *node};
        return 0;
}

/* The pattern with its folder before it, in which nothing is special. */
static char *absolute_pattern(const struct json_node *node)
{
        const char *pattern = json_node_string(node), *folder = node->document->folder;
        char *absolute, *out;

        if (pattern[0] == '/')
                return strdup(pattern);
        out = absolute = malloc(2 * strlen(folder) + strlen(pattern) + 2);
        if (!absolute)
                return NULL;
        for (; *folder; folder++) {
                if (strchr(WILDCARDS "\\", *folder))
                        *out++ = '\\';
                *out++ = *folder;
        }
        *out++ = '/';
        strcpy(out, pattern);
        return absolute;
}

/* A folder that is not there has no files; one that cannot be read is a fault. */
static int is_serious(const char *folder, int error)
{
        (void)folder;
        errno = error;
        return error != ENOENT && error != ENOTDIR;
}

static int add_pattern(struct set_list *list, const struct json_node *node,
                       struct config_errors *errors)
{
        _cleanup_free_ char *pattern = absolute_pattern(node);
        _cleanup_(globfree) glob_t found = {0};
        int r;

        if (!pattern)
                return -ENOMEM;
        r = glob(pattern, 0, is_serious, &found);
        if (r == GLOB_NOSPACE || (r == GLOB_ABORTED && errno == ENOMEM))
                return -ENOMEM;
        if (r == GLOB_NOMATCH)
                json_node_warning(node, errors, "no file matches \"%s\"", json_node_string(node));
        else if (r == GLOB_ABORTED)
                json_node_error(node, errors, "cannot look for \"%s\": %s", json_node_string(node),
                                strerror(errno));
        r = 0;
        for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
                r = add(list, path_resolve("/", found.gl_pathv[i]), node, errors);
        return r;
}

static int add_element(struct set_list *list, const struct json_node *node,
                       struct config_errors *errors)
{
        const char *text = json_node_string(node);
        _cleanup_free_ char *path = NULL;

        if (*text == '\0') {
                json_node_error(node, errors,
                                "an empty path names no program set; \"programs.d/*.conf\" does");
                return 0;
        }
        if (strpbrk(text, WILDCARDS))
                return add_pattern(list, node, errors);
        path = path_resolve(node->document->folder, text);
        if (!path)
                return -ENOMEM;
        if (access(path, F_OK) < 0) {
                json_node_error(node, errors, "cannot read the program set %s: %s", path,
                                strerror(errno));
                return 0;
        }
        return add(list, steal(path), node, errors);
}

int set_list_read(const struct json_node *patterns, struct config_errors *errors,
                  struct set_list *ret)
{
        struct json_cursor cursor = {0};
        struct json_node element;
        int r = 0;

        *ret = (struct set_list){0};
        if (!code_is_strings(patterns, "program_sets", errors))
                return 0;
        while (r == 0 && json_node_next(patterns, &cursor, &element))
                r = add_element(ret, &element, errors);
        return r;
}

void set_list_clear(struct set_list *list)
{
        for (size_t i = 0; i < list->n; i++) {
                free(list->files[i].path);
                free(list->files[i].name);
        }
        free(list->files);
        *list = (struct set_list){0};
}
