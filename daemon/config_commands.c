/* SPDX-License-Identifier: MIT */
#include "config_dump.h"

#include "config_errors.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

static int load(const char *path, FILE *err, struct config **ret)
{
        _cleanup_(config_errors_clear) struct config_errors errors = {0};
        int r;

        r = config_load(path, &errors, ret);
        config_errors_print(&errors, err);
        if (r < 0)
                fprintf(err, "cannot load %s: %s\n", path, strerror(-r));
        return r < 0 ? EX_OSERR : r > 0 ? EX_CONFIG : EX_OK;
}

static size_t count_sets(const struct config *config)
{
        size_t n = 0;

        for (size_t i = 0; i < config->n_programs; i++)
                n += i == 0 || strcmp(config->programs[i]->program_set,
                                      config->programs[i - 1]->program_set) != 0;
        return n;
}

static int finish(FILE *out, FILE *err)
{
        if (fflush(out) == 0 && !ferror(out))
                return EX_OK;
        fprintf(err, "cannot write to standard output: %s\n", strerror(errno));
        return EX_IOERR;
}

int config_check_command(const char *path, FILE *out, FILE *err)
{
        _cleanup_(config_freep) struct config *config = NULL;
        int status = load(path, err, &config);
        size_t n_sets;

        if (status != EX_OK)
                return status;
        n_sets = count_sets(config);
        fprintf(out, "%s is right: %zu program%s in %zu program set%s\n", config->path,
                config->n_programs, config->n_programs == 1 ? "" : "s", n_sets,
                n_sets == 1 ? "" : "s");
        return finish(out, err);
}

int config_dump_command(const char *path, FILE *out, FILE *err)
{
        _cleanup_(config_freep) struct config *config = NULL;
        _cleanup_free_ char *text = NULL;
        int status = load(path, err, &config);

        if (status != EX_OK)
                return status;
        if (config_dump(config, &text) < 0) {
                fprintf(err, "cannot print %s: %s\n", path, strerror(ENOMEM));
                return EX_OSERR;
        }
        fprintf(out, "%s\n", text);
        return finish(out, err);
}

int config_environments_command(const char *path, FILE *out, FILE *err)
{
        _cleanup_(config_errors_clear) struct config_errors errors = {0};
        _cleanup_(config_freep) struct config *config = NULL;
        _cleanup_free_ char *text = NULL;
        int r = config_survey(path, &errors, &config);

        if (r == 0)
                r = config_dump_environments(config, &errors, &text);
        if (r < 0) {
                fprintf(err, "cannot load %s: %s\n", path, strerror(-r));
                return EX_OSERR;
        }
        fprintf(out, "%s\n", text);
        return finish(out, err);
}
