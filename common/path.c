/* SPDX-License-Identifier: MIT */
#include "path.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"

static char *join(const char *folder, const char *path)
{
        _cleanup_free_ char *current = NULL;
        char *joined;

        if (path[0] == '/')
                return strdup(path);
        if (!folder) {
                current = getcwd(NULL, 0);
                if (!current)
                        return NULL;
                folder = current;
        }
        return asprintf(&joined, "%s/%s", folder, path) < 0 ? NULL : joined;
}

/* Takes the last component off text[0..length), unless it is a symbolic link: what lies above the
 * link's target is not what lies above the link. Nor does a ".." go, which was kept for one. */
static bool drop_last(char *text, size_t *length)
{
        struct stat info;
        const char *slash;

        text[*length] = '\0';
        if (lstat(text, &info) == 0 && S_ISLNK(info.st_mode))
                return false;
        slash = memrchr(text, '/', *length);
        if (slash && strcmp(slash, "/..") == 0)
                return false;
        *length = slash ? (size_t)(slash - text) : 0;
        return true;
}

char *path_resolve(const char *folder, const char *path)
{
        _cleanup_free_ char *joined = join(folder, path);
        size_t length = 0, part;
        char *out;

        if (!joined)
                return NULL;
        out = malloc(strlen(joined) + 2);
        if (!out)
                return NULL;
        for (const char *at = joined; *at; at += part) {
                at += strspn(at, "/");
                part = strcspn(at, "/");
                if (part == 0 || (part == 1 && at[0] == '.'))
                        continue;
                if (part == 2 && at[0] == '.' && at[1] == '.' && drop_last(out, &length))
                        continue;
                out[length++] = '/';
                memcpy(out + length, at, part);
                length += part;
        }
        if (length == 0)
                out[length++] = '/';
        out[length] = '\0';
        return out;
}

char *path_folder(const char *path)
{
        const char *slash = strrchr(path, '/');

        if (!slash)
                return strdup(".");
        return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

const char *path_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}
