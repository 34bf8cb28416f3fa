/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The config: jumpbootd.conf and the program sets that it names, read, checked and complete. It
 * does not change; a reload builds a new one.
 */
#include "options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct config_sources;

struct config {
        char *path; /* of jumpbootd.conf, absolute */
        struct server_options server;
        struct program_options **programs; /* in the order of the files */
        size_t n_programs;
        struct config_sources *sources; /* what config_dump() needs besides; NULL: dropped */
};

/*
 * 0; or 1 if anything is wrong, all of which `errors` tells; or -ENOMEM. There may be warnings in
 * either case. The errors are the caller's to clear.
 */
int config_load(const char *path, struct config_errors *errors, struct config **ret);
/* Reads the same files for the server's options and the drafts of the programs, which stand in the
 * sources; no program is built, and nothing that they name is looked at. What is wrong `errors`
 * tells, and there is a config all the same, of what could be read. 0 or -ENOMEM. */
int config_survey(const char *path, struct config_errors *errors, struct config **ret);
struct config *config_free(struct config *config);
static inline void config_freep(struct config **config)
{
        *config = config_free(*config);
}
/* Gives back the memory of what only config_dump() needs: the daemon does not. */
void config_drop_sources(struct config *config);

/*
 * What --check-config, --dump-config and --dump-environments do. They return an exit status of
 * sysexits.h: EX_OK, EX_CONFIG, EX_OSERR if there is no memory, or EX_IOERR. Errors and warnings go
 * to `err`; to `out` how many programs there are, the config as JSON with all that was left to
 * defaults, or what jumpbootctl env needs to know of it, errors included.
 */
int config_check_command(const char *path, FILE *out, FILE *err);
int config_dump_command(const char *path, FILE *out, FILE *err);
int config_environments_command(const char *path, FILE *out, FILE *err);
