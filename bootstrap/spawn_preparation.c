/* SPDX-License-Identifier: MIT */
#include "spawn_preparation.h"

#include "builtin.h"
#include "common/cleanup.h"
#include "spawn_error.h"
#include "spawn_pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void spawn_preparation_clear(struct spawn_preparation *preparation)
{
        for (int i = 0; preparation->descriptors && i < preparation->count; i++)
                close_fd(preparation->descriptors[i]);
        free(preparation->descriptors);
        close_fd(preparation->report[0]);
        close_fd(preparation->report[1]);
        free(preparation->primary);
        free(preparation->numbers);
        free(preparation->arguments);
}

static int prepare_report(struct spawn_preparation *preparation)
{
        if (pipe2(preparation->report, O_CLOEXEC) < 0) {
                preparation->report[0] = preparation->report[1] = -1;
                return -errno;
        }
        return spawn_move_up(&preparation->report[1], preparation->count + 1);
}

/* One that the child gets from its caller, at its number. */
static int pass_on(struct spawn_preparation *preparation, int fd, int number,
                   char error[static SPAWN_ERROR_MAX])
{
        int duplicate = fcntl(fd, F_DUPFD_CLOEXEC, preparation->count);

        if (duplicate < 0)
                return spawn_fail(error, -errno, "cannot pass on descriptor %d", fd);
        preparation->descriptors[number] = duplicate;
        return 0;
}

/* What the child opens itself has /dev/null in its place until then. */
static int pass_all_on(struct spawn_preparation *preparation, const struct spawn_options *options,
                       char error[static SPAWN_ERROR_MAX])
{
        int null = preparation->descriptors[STDIN_FILENO], r = 0;

        for (int i = SPAWN_FD_COUNTERS; r == 0 && i < SPAWN_FD_EXTRA; i++)
                r = pass_on(preparation,
                            options->page_fds ? options->page_fds[i - SPAWN_FD_COUNTERS] : null, i,
                            error);
        for (size_t i = 0; r == 0 && i < options->n_extra_files; i++) {
                const struct extra_file *file = &options->extra_files[i];

                r = pass_on(preparation, file->path ? null : file->fd, SPAWN_FD_EXTRA + (int)i,
                            error);
        }
        return r;
}

/* Its user may open them once more then, by names like /dev/stderr. Where the daemon may not do
 * this, all else works as it is. */
static void give_away(const int *child, const struct identity *identity)
{
        for (int i = STDOUT_FILENO; i <= STDERR_FILENO; i++)
                (void)!fchown(child[i], identity->uid, identity->gid);
}

static int prepare_descriptors(struct spawn_preparation *preparation,
                               const struct spawn_options *options, struct spawned *spawned,
                               char error[static SPAWN_ERROR_MAX])
{
        int floor = SPAWN_FD_EXTRA + (int)options->n_extra_files;
        int *child = calloc((size_t)floor, sizeof(*child));
        int r;

        if (!child)
                return spawn_fail(error, -ENOMEM, "cannot prepare the process");
        for (int i = 0; i < floor; i++)
                child[i] = -1;
        preparation->descriptors = child;
        preparation->count = floor;

        child[STDIN_FILENO] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        r = child[STDIN_FILENO] < 0 ? -errno : spawn_move_up(&child[STDIN_FILENO], floor);
        if (r < 0)
                return spawn_fail(error, r, "cannot open /dev/null");
        for (int i = STDOUT_FILENO; i < SPAWN_FD_COUNTERS; i++) {
                r = spawn_pipe(spawned, i, floor, &child[i]);
                if (r < 0)
                        return spawn_fail(error, r, "cannot make the pipes");
        }
        r = pass_all_on(preparation, options, error);
        if (r < 0)
                return r;
        if (options->identity)
                give_away(child, options->identity);
        r = prepare_report(preparation);
        return r < 0 ? spawn_fail(error, r, "cannot make the pipes") : 0;
}

/* The first stage with the number of the bootstrap pipe in it, which is shorter than the mark. */
static char *primary_text(void)
{
        const char *from = builtin_primary, *mark;
        char *text = malloc(builtin_primary_length + 1), *out = text;

        if (!text)
                return NULL;
        while ((mark = strstr(from, BUILTIN_PRIMARY_FD))) {
                out = mempcpy(out, from, (size_t)(mark - from));
                out += sprintf(out, "%d", SPAWN_FD_BOOTSTRAP);
                from = mark + strlen(BUILTIN_PRIMARY_FD);
        }
        strcpy(out, from);
        return text;
}

static int prepare_arguments(struct spawn_preparation *preparation,
                             const struct spawn_options *options)
{
        size_t n_program = 0, n_extra = options->n_extra_files, at = 0;

        while (options->arguments && options->arguments[n_program])
                n_program++;
        preparation->primary = primary_text();
        preparation->numbers = calloc(n_extra + 2, sizeof(*preparation->numbers));
        preparation->arguments = calloc(n_extra + n_program + 7, sizeof(*preparation->arguments));
        if (!preparation->primary || !preparation->numbers || !preparation->arguments)
                return -ENOMEM;

        snprintf(preparation->numbers[0], sizeof(*preparation->numbers), "%d", SPAWN_FD_BOOTSTRAP);
        snprintf(preparation->numbers[1], sizeof(*preparation->numbers), "%zu", n_extra);
        for (size_t i = 0; i < n_extra; i++)
                snprintf(preparation->numbers[i + 2], sizeof(*preparation->numbers), "%d",
                         SPAWN_FD_EXTRA + (int)i);

        preparation->arguments[at++] = options->python;
        preparation->arguments[at++] = "-u";
        preparation->arguments[at++] = "-c";
        preparation->arguments[at++] = preparation->primary;
        for (size_t i = 0; i < n_extra + 2; i++)
                preparation->arguments[at++] = preparation->numbers[i];
        for (size_t i = 0; i < n_program; i++)
                preparation->arguments[at++] = options->arguments[i];
        return 0;
}

int spawn_prepare(struct spawn_preparation *preparation, const struct spawn_options *options,
                  struct spawned *spawned, char error[static SPAWN_ERROR_MAX])
{
        if (prepare_arguments(preparation, options) < 0)
                return spawn_fail(error, -ENOMEM, "cannot prepare the process");
        return prepare_descriptors(preparation, options, spawned, error);
}
