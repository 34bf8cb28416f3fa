/* SPDX-License-Identifier: MIT */
#include "file_limit.h"

#include "common/log.h"

#define FILES_PER_WORKER 10U /* pipes, pages, pidfd, and those of its start */
#define FILES_OF_OWN     64U /* epoll, signals, socket, libraries */
#define CLIENTS_MIN      16U /* even if they and the workers cannot all be there at once */

void file_limit_raise(struct file_limit *limit)
{
        limit->raised = RLIM_INFINITY;
        if (getrlimit(RLIMIT_NOFILE, &limit->files) < 0)
                return;
        struct rlimit raised = {limit->files.rlim_max, limit->files.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
                limit->raised = raised.rlim_cur;
}

unsigned file_limit_clients(const struct file_limit *limit, uint64_t n_workers, unsigned wanted)
{
        rlim_t reserved = FILES_OF_OWN + (rlim_t)n_workers * FILES_PER_WORKER;
        rlim_t room = limit->raised > reserved ? limit->raised - reserved : 0;

        if (room >= wanted)
                return wanted;
        if (room < CLIENTS_MIN)
                room = wanted < CLIENTS_MIN ? wanted : CLIENTS_MIN;
        log_warning(NULL,
                    "the limit of open files is %llu: serving at most %u clients, not %u, since "
                    "the workers may need %llu",
                    (unsigned long long)limit->raised, (unsigned)room, wanted,
                    (unsigned long long)reserved);
        return (unsigned)room;
}
