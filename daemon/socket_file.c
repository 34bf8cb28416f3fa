/* SPDX-License-Identifier: MIT */
#include "socket_file.h"

#include "account.h"
#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 4096

static int fail(char *error, int code, const char *what, const char *path)
{
        snprintf(error, SOCKET_FILE_ERROR_MAX, "%s %s: %s", what, path, strerror(code));
        return -code;
}

/* Whoever had the file before may have removed it since it was opened: then the lock is worth
 * nothing. 0: so it is. */
static int lock_file(const char *path, int *ret, char *error)
{
        struct stat mine, there;
        _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
                return fail(error, errno, "cannot open the lock file", path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? fail(error, EADDRINUSE, "another daemon holds", path)
                                            : fail(error, errno, "cannot lock", path);
        if (fstat(fd, &mine) < 0)
                return fail(error, errno, "cannot look at", path);
        if (lstat(path, &there) < 0 || there.st_dev != mine.st_dev || there.st_ino != mine.st_ino)
                return 0;
        *ret = steal_fd(&fd);
        return 1;
}

static int take_lock(struct socket_file *file, char *error)
{
        int r;

        do
                r = lock_file(file->lock_path, &file->lock, error);
        while (r == 0);
        return r < 0 ? r : 0;
}

/* Makes room for a socket at the path, if what lies there is a socket that nobody serves. */
static int remove_stale(const struct sockaddr_un *address, char *error)
{
        const char *path = address->sun_path;
        struct stat status;

        if (lstat(path, &status) < 0)
                return errno == ENOENT ? 0 : fail(error, errno, "cannot look at", path);
        if (!S_ISSOCK(status.st_mode))
                return fail(error, EEXIST, "refusing to replace what is no socket,", path);

        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return fail(error, errno, "cannot make a socket for", path);
        if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
                return fail(error, EADDRINUSE, "another daemon answers on", path);
        if (errno != ECONNREFUSED)
                return fail(error, errno, "cannot tell whether a daemon answers on", path);
        return unlink(path) < 0 ? fail(error, errno, "cannot remove the stale socket", path) : 0;
}

static int set_access(const char *path, mode_t mode, const char *group, char *error)
{
        char reason[ACCOUNT_ERROR_MAX];
        gid_t gid = (gid_t)-1;
        int r = group ? account_find_group(group, &gid, reason) : 0;

        if (r != 0) {
                snprintf(error, SOCKET_FILE_ERROR_MAX, "%s", reason);
                return r < 0 ? r : -ENOENT;
        }
        if (group && chown(path, (uid_t)-1, gid) < 0)
                return fail(error, errno, "cannot give its group to", path);
        if (chmod(path, mode) < 0)
                return fail(error, errno, "cannot set the permissions of", path);
        return 0;
}

/* The file appears with this, and is the daemon's to remove. */
static int bind_socket(struct socket_file *file, int fd, const struct sockaddr_un *address,
                       char *error)
{
        struct stat status;
        mode_t old = umask(0777); /* nobody may connect before the group is right */
        int r = bind(fd, (const struct sockaddr *)address, sizeof(*address));
        int bind_errno = errno;

        umask(old);
        if (r < 0)
                return fail(error, bind_errno, "cannot make the socket", address->sun_path);
        file->path = strdup(address->sun_path);
        if (!file->path || lstat(file->path, &status) < 0) {
                unlink(address->sun_path);
                return fail(error, ENOMEM, "cannot make the socket", address->sun_path);
        }
        file->device = status.st_dev;
        file->inode = status.st_ino;
        return 0;
}

static int make(struct socket_file *file, int fd, const struct sockaddr_un *address, mode_t mode,
                const char *group, char *error)
{
        int r = take_lock(file, error);

        if (r == 0)
                r = remove_stale(address, error);
        if (r == 0)
                r = bind_socket(file, fd, address, error);
        if (r == 0)
                r = set_access(file->path, mode, group, error);
        if (r == 0 && listen(fd, BACKLOG) < 0)
                r = fail(error, errno, "cannot listen on", file->path);
        return r;
}

int socket_file_make(struct socket_file *file, const char *path, mode_t mode, const char *group,
                     char error[static SOCKET_FILE_ERROR_MAX])
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        *file = (struct socket_file){.lock = -1};
        if (strlen(path) >= sizeof(address.sun_path))
                return fail(error, ENAMETOOLONG, "cannot listen on", path);
        strcpy(address.sun_path, path);
        if (fd < 0)
                return fail(error, errno, "cannot make a socket for", path);
        if (asprintf(&file->lock_path, "%s.lock", path) < 0) {
                file->lock_path = NULL;
                return fail(error, ENOMEM, "cannot make a socket for", path);
        }
        int r = make(file, fd, &address, mode, group, error);
        if (r < 0) {
                socket_file_remove(file);
                return r;
        }
        return steal_fd(&fd);
}

void socket_file_remove(struct socket_file *file)
{
        struct stat status;

        if (file->path && lstat(file->path, &status) == 0 && status.st_dev == file->device &&
            status.st_ino == file->inode)
                unlink(file->path);
        free(steal(file->path));
        /* Before it is let go: then it is nobody else's yet. */
        if (file->lock_path && file->lock >= 0)
                unlink(file->lock_path);
        free(steal(file->lock_path));
        file->lock = close_fd(file->lock);
}
