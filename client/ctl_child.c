/* SPDX-License-Identifier: MIT */
#include "ctl_child.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

int ctl_child_file(const char *text, size_t length)
{
        _cleanup_close_ int fd = memfd_create("jumpbootctl", 0);

        if (fd < 0)
                return -1;
        for (ssize_t written; length > 0; text += written, length -= (size_t)written) {
                written = write(fd, text, length);
                if (written < 0)
                        return -1;
        }
        return lseek(fd, 0, SEEK_SET) < 0 ? -1 : steal_fd(&fd);
}

/* Until all ends are closed. */
static int read_all(FILE *from, char **ret, size_t *ret_length)
{
        _cleanup_free_ char *text = NULL;
        size_t room = 0;

        errno = 0;
        ssize_t length = getdelim(&text, &room, '\0', from);
        if (length < 0 && errno != 0)
                return -errno;
        if (length < 0) { /* nothing at all */
                free(text);
                text = strdup("");
                length = 0;
        }
        if (!text)
                return -ENOMEM;
        *ret = steal(text);
        *ret_length = (size_t)length;
        return 0;
}

static int spawn(const char *const *argv, int out, pid_t *ret)
{
        posix_spawn_file_actions_t actions;
        int r = -posix_spawn_file_actions_init(&actions);

        if (r < 0)
                return r;
        r = -posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        if (r == 0)
                r = -posix_spawnp(ret, argv[0], &actions, NULL, (char *const *)argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        return r;
}

int ctl_child_capture(const char *const *argv, char **ret, size_t *ret_length, int *ret_status)
{
        _cleanup_fclose_ FILE *from = NULL;
        int ends[2], status, r;
        pid_t pid;

        *ret = NULL;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        from = fdopen(ends[0], "re");
        r = from ? spawn(argv, ends[1], &pid) : -errno;
        close(ends[1]);
        if (!from)
                close(ends[0]);
        if (r < 0)
                return r;
        r = read_all(from, ret, ret_length);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                continue;
        if (r == 0 && !WIFEXITED(status)) {
                free(steal(*ret));
                return -ECHILD;
        }
        *ret_status = WEXITSTATUS(status);
        return r;
}
