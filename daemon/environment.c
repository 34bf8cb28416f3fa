/* SPDX-License-Identifier: MIT */
#include "environment.h"

#include "interpreter.h"

#include "common/env_store.h"
#include "common/path.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* What is found while an environment is looked at. */
struct search {
        struct environment *environment;
        const char *what; /* "venv": how messages call it */
        struct python_version version;
        char *error;
};

_printf_(2, 3) static int wrong(struct search *search, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(search->error, ENVIRONMENT_ERROR_MAX, format, arguments);
        va_end(arguments);
        return 1;
}

static int find_python(struct search *search, const char *path)
{
        char fault[INTERPRETER_FAULT_MAX];

        if (interpreter_judge(path, &search->version, fault) != INTERPRETER_GOOD)
                return wrong(search, "cannot use the Python %.400s: %s", path, fault);
        search->environment->python = strdup(path);
        return search->environment->python ? 0 : -ENOMEM;
}

/* bin/python3 below the folder, or bin/python where there is no such thing. */
static int find_in_bin(struct search *search)
{
        static const char *const names[] = {"python3", "python"};
        char fault[2][INTERPRETER_FAULT_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_free_ char *path = NULL;
                enum interpreter_verdict verdict;

                if (asprintf(&path, "%s/%s", search->environment->bin, names[i]) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                verdict = interpreter_judge(path, &search->version, fault[i]);
                if (verdict == INTERPRETER_GOOD) {
                        search->environment->python = steal(path);
                        return 0;
                }
                if (verdict != INTERPRETER_MISSING)
                        return wrong(search, "the %s has no Python that works: %.400s: %s",
                                     search->what, path, fault[i]);
        }
        return wrong(search, "the %s has no Python that works: %.400s/python3: %s", search->what,
                     search->environment->bin, fault[0]);
}

/* The value in a line "NAME = value", which ends behind it; NULL: it has another name. */
static char *value_of(char *line, const char *name)
{
        size_t length = strcspn(line, " \t=");
        char *value, *end;

        if (strncasecmp(line, name, length) != 0 || name[length] != '\0')
                return NULL;
        value = line + length + strspn(line + length, " \t");
        if (*value++ != '=')
                return NULL;
        value += strspn(value, " \t");
        end = value + strlen(value);
        while (end > value && strchr(" \t\r\n", end[-1]))
                *--end = '\0';
        return value;
}

/* The folder of the Python that the venv was made with. */
static int check_home(struct search *search, const char *folder, unsigned line, const char *home)
{
        struct stat info;

        if (*home != '/' || (stat(home, &info) == 0 && S_ISDIR(info.st_mode)))
                return 0;
        return wrong(search,
                     "the venv has lost its Python: %.300s/pyvenv.cfg:%u: its home, %.300s, is not "
                     "there; the venv must be made anew",
                     folder, line, home);
}

/* Its pyvenv.cfg. The version there is that of the Python that the packages were installed for. */
static int read_venv(struct search *search, const char *folder, struct python_version *ret)
{
        _cleanup_free_ char *path = NULL, *line = NULL;
        _cleanup_fclose_ FILE *file = NULL;
        size_t room = 0;
        char *value;
        int r = 0;

        if (asprintf(&path, "%s/pyvenv.cfg", folder) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        file = fopen(path, "re");
        if (!file)
                return wrong(
                        search,
                        "%.300s is no venv: its pyvenv.cfg: %s; python3 -m venv makes one, and "
                        "a conda environment is a \"prefix\"",
                        folder, strerror(errno));
        for (unsigned number = 1; r == 0 && getline(&line, &room, file) > 0; number++)
                if ((value = value_of(line, "home")))
                        r = check_home(search, folder, number, value);
                else if ((value = value_of(line, "version")) ||
                         (value = value_of(line, "version_info")))
                        python_version_read(value, ret);
        return r;
}

static int check_folder(struct search *search, const char *folder)
{
        struct stat info;
        int r = stat(folder, &info) < 0 ? errno : S_ISDIR(info.st_mode) ? 0 : ENOTDIR;

        return r == 0 ? 0
                      : wrong(search, "cannot use the %s %.400s: %s", search->what, folder,
                              strerror(r));
}

static int find_packages(struct environment *environment, struct python_version version)
{
        if (!python_version_is_known(version))
                return 0;
        if (asprintf(&environment->packages, "%s/lib/python%d.%d/site-packages",
                     environment->folder, version.major, version.minor) >= 0)
                return 0;
        environment->packages = NULL;
        return -ENOMEM;
}

/* After the host's Python has become another one, a venv's link leads to that. */
static int check_version(struct search *search, struct python_version made_for)
{
        const struct environment *environment = search->environment;

        if (!python_version_is_known(search->version))
                search->version = made_for;
        if (python_version_is_old(search->version))
                return wrong(search, "%.400s is a venv of Python %d.%d, %s or newer is needed",
                             environment->folder, search->version.major, search->version.minor,
                             INTERPRETER_OLDEST_TEXT);
        if (!python_version_is_known(made_for) ||
            (made_for.major == search->version.major && made_for.minor == search->version.minor))
                return 0;
        return wrong(search,
                     "%.400s was made with Python %d.%d, but its %s is Python %d.%d now, and finds "
                     "none of its packages; the venv must be made anew",
                     environment->folder, made_for.major, made_for.minor,
                     path_name(environment->python), search->version.major, search->version.minor);
}

static int find_folder(struct search *search, bool is_venv, const char *folder)
{
        struct environment *environment = search->environment;
        struct python_version made_for = {0};
        int r = check_folder(search, folder);

        if (r == 0 && is_venv)
                r = read_venv(search, folder, &made_for);
        if (r != 0)
                return r;
        environment->variable = is_venv ? "VIRTUAL_ENV" : "CONDA_PREFIX";
        environment->folder = strdup(folder);
        if (asprintf(&environment->bin, "%s/bin", folder) < 0)
                environment->bin = NULL;
        if (!environment->folder || !environment->bin)
                return -ENOMEM;
        r = find_in_bin(search);
        if (r == 0)
                r = check_version(search, made_for);
        return r == 0 ? find_packages(environment, search->version) : r;
}

static int tell_unknown(struct search *search, const char *store, const char *name)
{
        _cleanup_free_ char *near = env_store_nearest(store, name), *folder = NULL;

        if (near)
                return wrong(search,
                             "there is no environment \"%s\" in %.400s: did you mean \"%s\"?", name,
                             store, near);
        if (asprintf(&folder, "%s/%s", store, name) < 0) {
                folder = NULL;
                return -ENOMEM;
        }
        return wrong(search, "%s \"%s\" in %.400s: \"jumpbootctl env create %s\" makes it",
                     access(folder, F_OK) == 0 ? "there is but a half-made environment"
                                               : "there is no environment",
                     name, store, name);
}

/* One of the store may be a venv or a prefix. */
static int find_named(struct search *search, const char *folder)
{
        _cleanup_free_ char *store = path_folder(folder), *marker = NULL;
        const char *name = path_name(folder);
        bool is_venv;

        if (!store || asprintf(&marker, "%s/pyvenv.cfg", folder) < 0) {
                marker = NULL;
                return -ENOMEM;
        }
        if (!env_store_has(store, name))
                return tell_unknown(search, store, name);
        is_venv = access(marker, F_OK) == 0;
        return find_folder(search, is_venv, folder);
}

int environment_find(enum environment_kind kind, const char *path, struct environment *ret,
                     char error[static ENVIRONMENT_ERROR_MAX])
{
        struct search search = {.environment = ret, .error = error};
        int r;

        *ret = (struct environment){0};
        search.what = kind == ENVIRONMENT_PREFIX  ? "prefix"
                      : kind == ENVIRONMENT_NAMED ? "environment"
                                                  : "venv";
        if (kind == ENVIRONMENT_SYSTEM || kind == ENVIRONMENT_PYTHON)
                r = find_python(&search,
                                kind == ENVIRONMENT_SYSTEM ? ENVIRONMENT_SYSTEM_PYTHON : path);
        else if (kind == ENVIRONMENT_NAMED)
                r = find_named(&search, path);
        else
                r = find_folder(&search, kind == ENVIRONMENT_VENV, path);
        if (r != 0)
                environment_clear(ret);
        return r;
}

void environment_clear(struct environment *environment)
{
        free(environment->python);
        free(environment->folder);
        free(environment->bin);
        free(environment->packages);
        *environment = (struct environment){0};
}
