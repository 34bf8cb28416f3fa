/* SPDX-License-Identifier: MIT */
#include "arguments.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"
#include "config.h"
#include "config_errors.h"
#include "journal.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>

#define LAST_LINES (1 * USEC_PER_SEC) /* how long whoever reads the log may take for them */

/* A signal that has the config read anew ends nothing before there is one: it waits. */
static void hold_hangup(int how)
{
        sigset_t mask;

        sigemptyset(&mask);
        sigaddset(&mask, SIGHUP);
        sigprocmask(how, &mask, NULL);
}

/* Takes the config over. */
static int serve(struct config *config, bool keeps_log_level)
{
        struct file_limit file_limit;
        struct server server;
        struct sigaction ignore = {.sa_handler = SIG_IGN};

        sigaction(SIGPIPE, &ignore, NULL);
        /* What is in the daemon's memory belongs to its clients, not to whoever shares its uid. */
        prctl(PR_SET_DUMPABLE, 0);
        file_limit_raise(&file_limit);
        int r = server_init(&server, config, &file_limit, keeps_log_level);
        hold_hangup(SIG_UNBLOCK);
        config_free(config);
        if (r == 0)
                r = server_run(&server);
        server_clear(&server);
        if (r == -ENOMEM)
                log_error(NULL, "out of memory");
        if (r == 0)
                log_notice(NULL, "stopped");
        return r == 0 ? EX_OK : EX_OSERR;
}

/* The first error goes to whoever has started the daemon. */
static void tell_failure(const struct config_errors *errors, int code)
{
        const char *text = strerror(code);

        for (size_t i = errors->n_messages; i-- > 0;)
                if (!errors->messages[i].is_warning)
                        text = errors->messages[i].text;
        service_tell_failure(code, text);
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
        if (r < 0)
                log_error(NULL, "cannot load the config: %s", strerror(-r));
        if (!config)
                tell_failure(&errors, r < 0 ? -r : EINVAL);
        config_errors_clear(&errors);
        if (config)
                config_drop_sources(config);
        return config;
}

static int load_and_serve(const struct arguments *arguments)
{
        struct config *config;

        if (journal_is_stderr())
                journal_use(getenv("JUMPBOOT_JOURNAL_SOCKET"));
        if (arguments->log_level >= 0)
                log_set_level(arguments->log_level);
        config = load(arguments->config);
        return config ? serve(config, arguments->log_level >= 0) : EX_CONFIG;
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
        if (arguments.mode == ARGUMENTS_DUMP_ENVIRONMENTS)
                return config_environments_command(arguments.config, stdout, stderr);

        hold_hangup(SIG_BLOCK);
        status = load_and_serve(&arguments);
        log_finish(LAST_LINES);
        return status;
}
