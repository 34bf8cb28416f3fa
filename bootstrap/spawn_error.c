/* SPDX-License-Identifier: MIT */
#include "spawn_error.h"

#include "child.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

int spawn_fail(char error[static SPAWN_ERROR_MAX], int r, const char *format, ...)
{
        va_list arguments;
        size_t length;

        va_start(arguments, format);
        vsnprintf(error, SPAWN_ERROR_MAX, format, arguments);
        va_end(arguments);
        length = strlen(error);
        snprintf(error + length, SPAWN_ERROR_MAX - length, ": %s", strerror(-r));
        return r;
}

static int report_failure(const struct spawn_options *options, const struct child_report *report,
                          char error[static SPAWN_ERROR_MAX])
{
        switch (report->step) {
        case CHILD_EXECUTE:
                return spawn_fail(error, -report->error, "cannot execute %.180s", options->python);
        case CHILD_WORKING_DIRECTORY:
                return spawn_fail(error, -report->error, "cannot change to folder %.180s",
                                  options->working_directory);
        case CHILD_EXTRA_FILES:
                return spawn_fail(error, -report->error, "cannot open %.180s",
                                  options->extra_files[report->number].path);
        case CHILD_NICE:
                return spawn_fail(error, -report->error, "cannot set nice to %d", options->nice);
        case CHILD_SCHEDULING:
                return spawn_fail(error, -report->error, "cannot set SCHED_BATCH");
        case CHILD_CPUS:
                return spawn_fail(error, -report->error, "cannot run on the CPUs of cpu_affinity");
        case CHILD_LIMITS:
                return spawn_fail(error, -report->error, "cannot set the limit %s",
                                  limit_kinds[report->number].name);
        case CHILD_GROUPS:
                return spawn_fail(error, -report->error, "cannot change to the group %u",
                                  (unsigned)options->identity->gid);
        case CHILD_USER:
                return spawn_fail(error, -report->error, "cannot change to the user %u",
                                  (unsigned)options->identity->uid);
        case CHILD_FILES_LIMIT:
                return spawn_fail(error, -report->error, "cannot set the limit of open files");
        case CHILD_CGROUP:
                return spawn_fail(error, -report->error, "cannot enter the control group");
        case CHILD_DESCRIPTORS:
                return spawn_fail(error, -report->error, "cannot set up the descriptors");
        case CHILD_PROCESS_GROUP:
                return spawn_fail(error, -report->error, "cannot make a process group");
        case CHILD_PRIVILEGES:
                return spawn_fail(error, -report->error, "cannot give up new privileges");
        case CHILD_PARENT_DEATH:
                return spawn_fail(error, -report->error, "cannot ask for the parent-death signal");
        }
        return spawn_fail(error, -report->error, "cannot start the process");
}

int spawn_outcome(const struct spawn_options *options, int fd, char error[SPAWN_ERROR_MAX])
{
        struct child_report report;
        ssize_t n;

        do
                n = read(fd, &report, sizeof(report));
        while (n < 0 && errno == EINTR);
        if (n == 0) /* exec has closed it */
                return 0;
        if (n < 0 && errno == EAGAIN)
                return 1;
        if (n != sizeof(report))
                return spawn_fail(error, n < 0 ? -errno : -EIO, "cannot start the process");
        return report_failure(options, &report, error);
}
