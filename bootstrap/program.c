/* SPDX-License-Identifier: MIT */
#include "program.h"

#include "builtin.h"
#include "package.h"
#include "source.h"
#include "spawn.h"
#include "writer.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(PROGRAM_ERROR_MAX == SOURCE_ERROR_MAX, "errors are written by source.h");

#define BUILTIN_PACKAGE "jumpboot"

struct program {
        char *name;
        struct source main;
        struct package *top;       /* its modules and packages are the program's own */
        struct sources key_values; /* JSON texts, NUL-terminated */
        uint64_t max_response_size, max_request_size;
        struct extra_file *extra_files;
        size_t n_extra_files;
        unsigned debug_port;
        bool breaks_on_start;
        bool is_forked;
};

struct program *program_new(const char *name)
{
        _cleanup_(program_freep) struct program *program = calloc(1, sizeof(*program));

        if (!program)
                return NULL;
        program->name = strdup(name);
        program->top = package_new("", "");
        if (!program->name || !program->top)
                return NULL;
        return steal(program);
}

struct program *program_free(struct program *program)
{
        if (!program)
                return NULL;
        source_clear(&program->main);
        package_free(program->top);
        sources_clear(&program->key_values);
        for (size_t i = 0; i < program->n_extra_files; i++)
                free((char *)(uintptr_t)program->extra_files[i].path);
        free(program->extra_files);
        free(program->name);
        free(program);
        return NULL;
}

static const char *const keywords[] = {
        "False", "None",     "True",  "and",    "as",   "assert", "async",  "await",    "break",
        "class", "continue", "def",   "del",    "elif", "else",   "except", "finally",  "for",
        "from",  "global",   "if",    "import", "in",   "is",     "lambda", "nonlocal", "not",
        "or",    "pass",     "raise", "return", "try",  "while",  "with",   "yield",
};

static const char *part_fault(const char *part, size_t length)
{
        if (length == 0)
                return "a name or a part of it is empty";
        if (!package_is_identifier(part, length))
                return "it is not a Python identifier (letters, digits and _, no digit first)";
        for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
                if (strlen(keywords[i]) == length && memcmp(part, keywords[i], length) == 0)
                        return "it is a keyword of Python, and cannot be imported";
        }
        return NULL;
}

const char *program_name_fault(const char *name, int dotted)
{
        const char *fault;
        size_t length;

        if (!dotted)
                return part_fault(name, strlen(name));
        do {
                length = strcspn(name, ".");
                fault = part_fault(name, length);
                name += length + 1;
        } while (!fault && name[-1] == '.');
        return fault;
}

/* "jumpboot", or a name within it. */
static bool is_builtin(const char *name)
{
        size_t length = strlen(BUILTIN_PACKAGE);

        return strncmp(name, BUILTIN_PACKAGE, length) == 0 &&
               (name[length] == '\0' || name[length] == '.');
}

/* Modules and packages share one space of names, and the built-in package stands in it. */
static int check_name(const struct program *program, const char *name)
{
        if (program_name_fault(name, 1))
                return -EINVAL;
        if (is_builtin(name) || sources_find(&program->top->modules, name) ||
            package_find(program->top, name))
                return -EEXIST;
        return 0;
}

static int check_name_error(const struct program *program, const char *name,
                            char error[PROGRAM_ERROR_MAX])
{
        int r = check_name(program, name);

        if (r == -EINVAL)
                snprintf(error, PROGRAM_ERROR_MAX, "cannot add \"%.100s\": %s", name,
                         program_name_fault(name, 1));
        else if (r < 0 && is_builtin(name))
                snprintf(error, PROGRAM_ERROR_MAX,
                         "cannot add \"%.100s\": this name is the built-in package's", name);
        else if (r < 0)
                snprintf(error, PROGRAM_ERROR_MAX,
                         "cannot add \"%.100s\": a module or package of this name is there already",
                         name);
        return r;
}

static int replace_main(struct program *program, struct source *source)
{
        source_clear(&program->main);
        program->main = *source;
        return 0;
}

int program_set_main_file(struct program *program, const char *path, char error[PROGRAM_ERROR_MAX])
{
        struct source source;
        int r;

        r = source_read(&source, program->name, path, error);
        return r < 0 ? r : replace_main(program, &source);
}

int program_set_main_source(struct program *program, const char *text, size_t length)
{
        struct source source;
        int r;

        r = source_set(&source, program->name, text, length);
        return r < 0 ? r : replace_main(program, &source);
}

int program_add_module_file(struct program *program, const char *name, const char *path,
                            char error[PROGRAM_ERROR_MAX])
{
        struct source source;
        int r;

        r = check_name_error(program, name, error);
        if (r < 0)
                return r;
        r = source_read(&source, name, path, error);
        if (r < 0)
                return r;
        r = sources_insert(&program->top->modules, &source);
        if (r < 0)
                source_fail(error, r, "add", path);
        source_clear(&source);
        return r;
}

int program_add_module_source(struct program *program, const char *name, const char *text,
                              size_t length)
{
        struct source source;
        int r;

        r = check_name(program, name);
        if (r < 0)
                return r;
        r = source_set(&source, name, text, length);
        if (r < 0)
                return r;
        r = sources_insert(&program->top->modules, &source);
        source_clear(&source);
        return r;
}

int program_add_package(struct program *program, const char *name, const char *folder,
                        const char *const *data_patterns, char error[PROGRAM_ERROR_MAX])
{
        struct package *package;
        int r;

        r = check_name_error(program, name, error);
        if (r < 0)
                return r;
        r = package_read(name, folder, data_patterns, &package, error);
        if (r < 0)
                return r;
        r = package_insert(program->top, package);
        if (r < 0) {
                source_fail(error, r, "add", folder);
                package_free(package);
        }
        return r;
}

int program_add_key_value(struct program *program, const char *name, const char *json)
{
        struct source source;
        int r;

        r = source_set(&source, name, json, strlen(json) + 1);
        if (r < 0)
                return r;
        sources_remove(&program->key_values, name);
        r = sources_insert(&program->key_values, &source);
        source_clear(&source);
        return r;
}

void program_set_max_sizes(struct program *program, uint64_t response, uint64_t request)
{
        program->max_response_size = response;
        program->max_request_size = request;
}

int program_add_extra_file(struct program *program, const char *path, int flags,
                           unsigned permissions)
{
        size_t n = program->n_extra_files;
        struct extra_file *grown = reallocarray(program->extra_files, n + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        program->extra_files = grown;
        grown[n] = (struct extra_file){
                .path = path ? strdup(path) : NULL, .flags = flags, .permissions = permissions};
        if (path && !grown[n].path)
                return -ENOMEM;
        program->n_extra_files++;
        return 0;
}

void program_set_debug(struct program *program, unsigned port, bool breaks_on_start)
{
        program->debug_port = port;
        program->breaks_on_start = breaks_on_start;
}

void program_set_forked(struct program *program)
{
        program->is_forked = true;
}

/* Whether it is the virtual path of a source text; a file's begins with a slash. */
static bool is_of_text(const char *path)
{
        return path[0] == '<';
}

/* A member if there is a key, else an element of a list. */
static void write_module(struct writer *writer, const char *key, const char *name, const char *path,
                         const void *data, size_t length)
{
        writer_open(writer, key, '{');
        writer_string(writer, "Name", name);
        if (path)
                writer_string(writer, "Path", path);
        if (path && is_of_text(path))
                writer_json(writer, "Text", "true");
        writer_base64(writer, "Source", data, length);
        writer_close(writer, '}');
}

static void write_sources(struct writer *writer, const char *name, const struct sources *sources,
                          bool with_path)
{
        writer_open(writer, name, '[');
        for (size_t i = 0; i < sources->count; i++) {
                const struct source *source = &sources->items[i];

                write_module(writer, NULL, source->name, with_path ? source->path : NULL,
                             source->data, source->length);
        }
        writer_close(writer, ']');
}

static void write_package(struct writer *writer, const struct package *package)
{
        writer_open(writer, NULL, '{');
        writer_string(writer, "Name", package->name);
        writer_string(writer, "Path", package->path);
        write_sources(writer, "Modules", &package->modules, true);
        writer_open(writer, "Packages", '[');
        for (size_t i = 0; i < package->count; i++)
                write_package(writer, package->packages[i]);
        writer_close(writer, ']');
        write_sources(writer, "Data", &package->data, false);
        writer_close(writer, '}');
}

static void write_builtin_package(struct writer *writer)
{
        char path[128];

        writer_open(writer, NULL, '{');
        writer_string(writer, "Name", BUILTIN_PACKAGE);
        writer_string(writer, "Path", "<" BUILTIN_PACKAGE ">");
        writer_open(writer, "Modules", '[');
        for (size_t i = 0; i < builtin_package_count; i++) {
                const struct builtin_module *module = &builtin_package[i];

                snprintf(path, sizeof(path), "<" BUILTIN_PACKAGE ">/%s.py", module->name);
                write_module(writer, NULL, module->name, path, module->text, module->length);
        }
        writer_close(writer, ']');
        writer_open(writer, "Packages", '[');
        writer_close(writer, ']');
        writer_open(writer, "Data", '[');
        writer_close(writer, ']');
        writer_close(writer, '}');
}

/* For a worker that is forked: it opens for itself what its template has opened. */
static void write_extra_files(struct writer *writer, const struct program *program)
{
        writer_open(writer, "ExtraFiles", '[');
        for (size_t i = 0; i < program->n_extra_files; i++) {
                const struct extra_file *file = &program->extra_files[i];

                if (!file->path) {
                        writer_json(writer, NULL, "null");
                        continue;
                }
                writer_open(writer, NULL, '{');
                writer_string(writer, "Path", file->path);
                writer_number(writer, "Flags", (uint64_t)file->flags);
                writer_number(writer, "Permissions", file->permissions);
                writer_close(writer, '}');
        }
        writer_close(writer, ']');
}

static void write_program(struct writer *writer, const struct program *program)
{
        const struct package *top = program->top;

        writer_open(writer, NULL, '{');
        writer_string(writer, "Name", program->name);
        writer_string(writer, "Path", program->main.path);
        write_module(writer, "Program", program->main.name, program->main.path, program->main.data,
                     program->main.length);
        write_sources(writer, "Modules", &top->modules, true);
        writer_open(writer, "Packages", '[');
        write_builtin_package(writer);
        for (size_t i = 0; i < top->count; i++)
                write_package(writer, top->packages[i]);
        writer_close(writer, ']');
        writer_open(writer, "KVPairs", '{');
        for (size_t i = 0; i < program->key_values.count; i++)
                writer_json(writer, program->key_values.items[i].name,
                            program->key_values.items[i].data);
        writer_close(writer, '}');
        writer_number(writer, "PipeIn", SPAWN_FD_PIPE_IN);
        writer_number(writer, "PipeOut", SPAWN_FD_PIPE_OUT);
        writer_number(writer, "StatusIn", SPAWN_FD_STATUS_IN);
        writer_number(writer, "Counters", SPAWN_FD_COUNTERS);
        writer_number(writer, "Wanted", SPAWN_FD_WANTED);
        if (program->is_forked) {
                writer_number(writer, "Control", SPAWN_FD_EXTRA + program->n_extra_files);
                write_extra_files(writer, program);
        }
        if (program->debug_port) {
                writer_number(writer, "DebugPort", program->debug_port);
                writer_json(writer, "BreakOnStart", program->breaks_on_start ? "true" : "false");
        }
        writer_number(writer, "MaxResponseSize", program->max_response_size);
        writer_number(writer, "MaxRequestSize", program->max_request_size);
        writer_close(writer, '}');
}

int program_to_text(const struct program *program, struct program_text **ret)
{
        struct writer counter = {0}, writer = {0};
        struct program_text *text;

        if (!program->main.name)
                return -ENOENT;
        write_program(&counter, program);
        text = malloc(sizeof(*text) + counter.length + 1);
        if (!text)
                return -ENOMEM;
        writer.out = text->data;
        write_program(&writer, program);
        text->data[writer.length] = '\0';
        text->length = writer.length;
        *ret = text;
        return 0;
}

struct program_text *program_text_free(struct program_text *text)
{
        free(text);
        return NULL;
}

struct visit {
        int (*take)(void *userdata, const char *path);
        void *userdata;
};

/* What was given as a text has no path. */
static int visit_source(const struct visit *visit, const struct source *source)
{
        return source->path && source->path[0] == '/' ? visit->take(visit->userdata, source->path)
                                                      : 0;
}

static int visit_package(const struct visit *visit, const struct package *package)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < package->modules.count; i++)
                r = visit_source(visit, &package->modules.items[i]);
        for (size_t i = 0; r == 0 && i < package->data.count; i++)
                r = visit_source(visit, &package->data.items[i]);
        for (size_t i = 0; r == 0 && i < package->count; i++)
                r = visit_package(visit, package->packages[i]);
        return r;
}

int program_each_path(const struct program *program, int (*take)(void *userdata, const char *path),
                      void *userdata)
{
        const struct visit visit = {take, userdata};
        int r = visit_source(&visit, &program->main);

        return r == 0 ? visit_package(&visit, program->top) : r;
}
