/* SPDX-License-Identifier: MIT */
#include "delegation.h"

#include "common/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* Whether systemd itself has executed this process: since version 248 it names the process, so that
 * what a service starts, a shell say, does not take the service's variables for its own. */
static bool is_service(void)
{
        const char *pid = getenv("SYSTEMD_EXEC_PID");

        if (pid)
                return strtol(pid, NULL, 10) == getpid();
        return getenv("INVOCATION_ID") && getppid() == 1;
}

/* The name of the daemon's own group: the line "0::PATH". NULL: there is none, or no memory. */
static char *own_path(const char *proc)
{
        char path[PATH_MAX];
        _cleanup_free_ char *line = NULL;
        char *found = NULL;
        size_t room = 0;

        snprintf(path, sizeof(path), "%s/self/cgroup", proc);
        _cleanup_fclose_ FILE *file = fopen(path, "re");
        while (file && !found && getline(&line, &room, file) > 0) {
                line[strcspn(line, "\n")] = '\0';
                if (strncmp(line, "0::/", 4) == 0)
                        found = strdup(line + 3);
        }
        return found;
}

/* mountinfo writes blanks and their like as three octal digits. */
static void unescape(char *text)
{
        char *out = text;

        for (; *text; text++) {
                if (text[0] == '\\' && text[1] && text[2] && text[3]) {
                        *out++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
                                        (text[3] - '0'));
                        text += 3;
                } else {
                        *out++ = *text;
                }
        }
        *out = '\0';
}

/* What of the path lies below the root that is mounted; NULL: it lies elsewhere. */
static const char *below(const char *path, const char *root)
{
        size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);

        if (strncmp(path, root, length) != 0 || (path[length] != '/' && path[length] != '\0'))
                return NULL;
        return strcmp(path + length, "/") == 0 ? "" : path + length;
}

/* A line of mountinfo: ID PARENT DEVICE ROOT POINT OPTIONS [TAG...] - TYPE SOURCE OPTIONS. The
 * folder of the path, if that is where it is; or NULL. */
static char *folder_on(char *line, const char *path)
{
        char root[PATH_MAX], point[PATH_MAX];
        const char *type = strstr(line, " - "), *rest;
        char *folder;

        if (!type || strncmp(type, " - cgroup2 ", strlen(" - cgroup2 ")) != 0 ||
            sscanf(line, "%*s %*s %*s %4095s %4095s", root, point) != 2)
                return NULL;
        unescape(root);
        unescape(point);
        rest = below(path, root);
        return rest && asprintf(&folder, "%s%s", point, rest) >= 0 ? folder : NULL;
}

/* Whether this process is listed there. */
static bool holds_self(const char *folder)
{
        char path[PATH_MAX], line[32];

        snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
        _cleanup_fclose_ FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file))
                if (strtol(line, NULL, 10) == getpid())
                        return true;
        return false;
}

static char *own_folder(const char *proc, const char *path)
{
        char name[PATH_MAX];
        _cleanup_free_ char *line = NULL;
        size_t room = 0;

        snprintf(name, sizeof(name), "%s/self/mountinfo", proc);
        _cleanup_fclose_ FILE *file = fopen(name, "re");
        while (file && getline(&line, &room, file) > 0) {
                _cleanup_free_ char *folder = folder_on(line, path);
                if (folder && holds_self(folder))
                        return steal(folder);
        }
        return NULL;
}

static bool has_mark(const char *folder, const char *attribute)
{
        char value[2] = "";

        return getxattr(folder, attribute, value, sizeof(value)) == 1 && value[0] == '1';
}

/* Before version 251, systemd's mark could only be read by root; but a service that has another
 * user gets what is delegated, and just that, as its own. */
static bool is_given_away(const char *folder, const char *parent)
{
        struct stat own, above;

        return geteuid() != 0 && stat(folder, &own) == 0 && stat(parent, &above) == 0 &&
               own.st_uid == geteuid() && above.st_uid == 0;
}

static bool is_delegated(const char *folder, const char *parent)
{
        return has_mark(folder, "user.delegate") || has_mark(folder, "trusted.delegate") ||
               is_given_away(folder, parent);
}

/* The path without its last part; "/" stays. */
static char *parent_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* The daemon's own group, or the one above it: systemd starts the process in a group below with
 * DelegateSubgroup=. */
static int choose(struct delegation *own, struct delegation *ret, char *reason)
{
        struct delegation above = {parent_of(own->path), parent_of(own->folder)};
        _cleanup_free_ char *top = above.folder ? parent_of(above.folder) : NULL;
        int r = 1;

        if (!above.path || !above.folder || !top) {
                r = -ENOMEM;
        } else if (is_delegated(own->folder, above.folder)) {
                *ret = *own;
                *own = (struct delegation){0};
                r = 0;
        } else if (is_delegated(above.folder, top)) {
                *ret = above;
                above = (struct delegation){0};
                r = 0;
        } else {
                snprintf(reason, DELEGATION_REASON_MAX,
                         "the control group %.300s is not delegated to the daemon (the unit's "
                         "Delegate= does that)",
                         own->path);
        }
        delegation_clear(&above);
        return r;
}

int delegation_find(const char *proc, struct delegation *ret,
                    char reason[static DELEGATION_REASON_MAX])
{
        _cleanup_(delegation_clear) struct delegation own = {0};

        *ret = (struct delegation){0};
        if (!is_service()) {
                snprintf(reason, DELEGATION_REASON_MAX,
                         "the daemon is not a service that systemd has started");
                return 1;
        }
        own.path = own_path(proc);
        if (own.path)
                own.folder = own_folder(proc, own.path);
        if (!own.folder) {
                snprintf(reason, DELEGATION_REASON_MAX,
                         own.path ? "the hierarchy of control groups, version 2, is not mounted "
                                    "where the daemon could see its own"
                                  : "the system has no control groups of version 2");
                return 1;
        }
        return choose(&own, ret, reason);
}

void delegation_clear(struct delegation *delegation)
{
        free(steal(delegation->path));
        free(steal(delegation->folder));
}
