/* SPDX-License-Identifier: MIT */
#include "arguments.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "config.h"
#include "config_errors.h"
#include "sd.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>

#define FILES_PER_WORKER 8U  /* pipes, pidfd, and those of its start */
#define FILES_OF_OWN     64U /* epoll, signals, socket, libraries */
#define CLIENTS_MIN      16U /* even if they and the workers cannot all be there at once */

/*
 * Raises the soft limit of open files to what is allowed. Where that is too little, there are fewer
 * clients: workers must be able to start.
 */
static struct server_limits take_limits(const struct config *config)
{
        struct server_limits limits = {.max_clients = config->server.max_clients};
        rlim_t reserved = FILES_OF_OWN;

        /* Of each program there may be one more for a moment, in the place of another. */
        for (size_t i = 0; i < config->n_programs; i++)
                reserved += ((rlim_t)config->programs[i]->max_workers + 1) * FILES_PER_WORKER;
        if (getrlimit(RLIMIT_NOFILE, &limits.files) < 0)
                return limits;
        struct rlimit raised = {limits.files.rlim_max, limits.files.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) < 0)
                return limits;
        rlim_t room = raised.rlim_cur > reserved ? raised.rlim_cur - reserved : 0;
        if (room >= limits.max_clients)
                return limits;
        limits.max_clients = room > CLIENTS_MIN ? (unsigned)room : CLIENTS_MIN;
        log_warning(NULL,
                    "the limit of open files is %llu: serving at most %u clients, not %u, since "
                    "the workers may need %llu",
                    (unsigned long long)raised.rlim_cur, limits.max_clients,
                    config->server.max_clients, (unsigned long long)reserved);
        return limits;
}

static int serve(const struct config *config)
{
        struct server_limits limits = take_limits(config);
        struct server server;
        struct sigaction ignore = {.sa_handler = SIG_IGN};

        sigaction(SIGPIPE, &ignore, NULL);
        /* What is in the daemon's memory belongs to its clients, not to whoever shares its uid. */
        prctl(PR_SET_DUMPABLE, 0);
        int r = server_init(&server, config, &limits);
        if (r == 0)
                r = server_run(&server);
        server_clear(&server);
        if (r == -ENOMEM)
                log_error(NULL, "out of memory");
        if (r == 0)
                log_notice(NULL, "stopped");
        return r == 0 ? EX_OK : EX_OSERR;
}

/* Loads the config to serve it; what is wrong with it goes to the log. NULL: it is wrong. */
static struct config *load(const char *path)
{
        struct config_errors errors = {0};
        struct config *config = NULL;
        int r = config_load(path, &errors, &config);

        for (size_t i = 0; i < errors.n_messages; i++)
                log_at(errors.messages[i].is_warning ? LOG_WARNING : LOG_ERR, NULL, "%s",
                       errors.messages[i].text);
        if (errors.n_left_out > 0)
                log_error(NULL, "and %zu more", errors.n_left_out);
        config_errors_clear(&errors);
        if (r < 0)
                log_error(NULL, "cannot load the config: %s", strerror(-r));
        if (config)
                config_drop_sources(config);
        return config;
}

/* Whatever is opened later must not take the place of a standard descriptor. */
static void fill_standard_descriptors(void)
{
        int fd;

        do
                fd = open("/dev/null", O_RDWR);
        while (fd >= 0 && fd <= STDERR_FILENO);
        close_fd(fd);
}

int main(int argc, char *argv[])
{
        struct arguments arguments;

        fill_standard_descriptors();
        int status = arguments_read(argc, argv, &arguments);

        if (status >= 0)
                return status;
        if (arguments.mode == ARGUMENTS_CHECK)
                return config_check_command(arguments.config, stdout, stderr);
        if (arguments.mode == ARGUMENTS_DUMP)
                return config_dump_command(arguments.config, stdout, stderr);

        sd_use_journal();
        if (arguments.log_level >= 0)
                log_set_level(arguments.log_level);
        _cleanup_(config_freep) struct config *config = load(arguments.config);
        if (!config)
                return EX_CONFIG;
        if (arguments.log_level < 0)
                log_set_level(config->server.log_level);
        return serve(config);
}
