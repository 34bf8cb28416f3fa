/* SPDX-License-Identifier: MIT */
#include "cgroup.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX   4096 /* those that are read as a whole are shorter */
#define DEPTH_MAX  16   /* workers may make groups below their own */
#define NUMBER_MAX 24

int cgroup_open(const char *path, const char *folder, struct cgroup **ret)
{
        struct cgroup *group = calloc(1, sizeof(*group));
        int r = -ENOMEM;

        if (!group)
                return r;
        group->path = strdup(path);
        group->folder = strdup(folder);
        group->fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (group->path && group->folder && group->fd >= 0) {
                char file[PATH_MAX];

                group->name = strrchr(group->folder, '/') + 1;
                snprintf(file, sizeof(file), "%s/memory.events", folder);
                oom_watch(&group->oom, file);
                *ret = group;
                return 0;
        }
        if (group->path && group->folder)
                r = -errno;
        cgroup_free(group);
        return r;
}

int cgroup_make(const struct cgroup *parent, const char *name, struct cgroup **ret)
{
        _cleanup_free_ char *path = NULL, *folder = NULL;
        const char *above = strcmp(parent->path, "/") == 0 ? "" : parent->path;

        if (mkdirat(parent->fd, name, 0755) < 0 && errno != EEXIST)
                return -errno;
        if (asprintf(&path, "%s/%s", above, name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        if (asprintf(&folder, "%s/%s", parent->folder, name) < 0) {
                folder = NULL;
                return -ENOMEM;
        }
        return cgroup_open(path, folder, ret);
}

struct cgroup *cgroup_free(struct cgroup *group)
{
        if (!group)
                return NULL;
        close_fd(group->fd);
        free(group->path);
        free(group->folder);
        free(group);
        return NULL;
}

/* The kernel takes a value as one write. Where it can, it does not wait until a lower memory.max is
 * kept. */
static int write_at(int folder, const char *file, const char *text)
{
        _cleanup_close_ int fd = openat(folder, file, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

        return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int read_at(int folder, const char *file, char text[static FILE_MAX])
{
        _cleanup_close_ int fd = openat(folder, file, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, FILE_MAX - 1);

        if (n < 0)
                return -errno;
        text[n] = '\0';
        return 0;
}

int cgroup_write(const struct cgroup *group, const char *file, const char *text)
{
        return write_at(group->fd, file, text);
}

int cgroup_read(const struct cgroup *group, const char *file, uint64_t *ret)
{
        char text[FILE_MAX];
        int r = read_at(group->fd, file, text);

        if (r < 0)
                return r;
        if (strcmp(text, "max\n") == 0)
                *ret = UINT64_MAX;
        else if (sscanf(text, "%" SCNu64, ret) != 1)
                return -EINVAL;
        return 0;
}

int cgroup_read_key(const struct cgroup *group, const char *file, const char *key, uint64_t *ret)
{
        size_t length = strlen(key);
        char text[FILE_MAX], *rest = text, *line;
        int r = read_at(group->fd, file, text);

        if (r < 0)
                return r;
        while ((line = strsep(&rest, "\n")))
                if (strncmp(line, key, length) == 0 && line[length] == ' ' &&
                    sscanf(line + length, "%" SCNu64, ret) == 1)
                        return 0;
        return -EINVAL;
}

bool cgroup_lists(const struct cgroup *group, const char *file, const char *word)
{
        char text[FILE_MAX], *rest = text, *found;

        if (read_at(group->fd, file, text) < 0)
                return false;
        while ((found = strsep(&rest, " \n")))
                if (strcmp(found, word) == 0)
                        return true;
        return false;
}

bool cgroup_is_populated(const struct cgroup *group)
{
        uint64_t populated = 0;

        cgroup_read_key(group, "cgroup.events", "populated", &populated);
        return populated != 0;
}

typedef int visit_fn(int parent, const char *name, unsigned depth);

/* Visits all groups right below; what goes wrong with one is told after all of them. */
static int each_below(int folder, unsigned depth, visit_fn *visit)
{
        int again =
                depth < DEPTH_MAX ? openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        _cleanup_closedir_ DIR *entries = again < 0 ? NULL : fdopendir(again);
        struct dirent *entry;
        int r = 0;

        if (!entries) {
                close_fd(again);
                return -EBUSY;
        }
        while ((entry = readdir(entries)))
                if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
                    strcmp(entry->d_name, "..") != 0) {
                        int next = visit(folder, entry->d_name, depth + 1);
                        r = r < 0 ? r : next;
                }
        return r;
}

/* Those that are listed; never the caller, and 0 is a process that cannot be seen from here. */
static void kill_listed(int folder)
{
        int fd = openat(folder, "cgroup.procs", O_RDONLY | O_CLOEXEC);
        _cleanup_fclose_ FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
        char line[NUMBER_MAX];

        if (!file)
                close_fd(fd);
        while (file && fgets(line, sizeof(line), file)) {
                long pid = strtol(line, NULL, 10);
                if (pid > 1 && pid != getpid())
                        kill((pid_t)pid, SIGKILL);
        }
}

static int kill_below(int parent, const char *name, unsigned depth)
{
        _cleanup_close_ int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (folder < 0)
                return -errno;
        kill_listed(folder);
        return each_below(folder, depth, kill_below);
}

void cgroup_kill(const struct cgroup *group)
{
        if (write_at(group->fd, "cgroup.kill", "1") == 0)
                return;
        kill_listed(group->fd); /* before Linux 5.14 */
        each_below(group->fd, 0, kill_below);
}

static int remove_below(int parent, const char *name, unsigned depth)
{
        _cleanup_close_ int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = folder < 0 ? -errno : each_below(folder, depth, remove_below);

        if (r == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0)
                r = -errno;
        return r == -ENOENT ? 0 : r;
}

int cgroup_remove(const struct cgroup *group)
{
        int r = each_below(group->fd, 0, remove_below);

        if (r == 0 && rmdir(group->folder) < 0 && errno != ENOENT)
                r = -errno;
        return r;
}
