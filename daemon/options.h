/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The options of the server and of a program, as options.def lists them, checked and complete.
 */
#include "json_node.h"

#include "access.h"
#include "bootstrap/cpus.h"
#include "bootstrap/identity.h"
#include "bootstrap/limits.h"
#include "bootstrap/program.h"
#include "extra_files.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum start_method {
        START_SPAWN,      /* each worker is a Python process from its beginning */
        START_FORKSERVER, /* it is forked from a template, which has imported everything */
};

/* What becomes of a request that has been sent, when its client has gone. */
enum on_disconnect {
        ON_DISCONNECT_FINISH,
        ON_DISCONNECT_INTERRUPT,
};

/* The types: what a field holds, and what the file has. */
#define OPTION_FIELD_DURATION      uint64_t /* microseconds; 0: off. "30s" */
#define OPTION_FIELD_SIZE          uint64_t /* bytes. "16M" */
#define OPTION_FIELD_COUNT         unsigned /* 4 */
#define OPTION_FIELD_NUMBER        int      /* -5 */
#define OPTION_FIELD_BOOL          bool     /* true */
#define OPTION_FIELD_MODE          int      /* -1: not set. "0660" */
#define OPTION_FIELD_LEVEL         int      /* of syslog. "info" */
#define OPTION_FIELD_GROUP         char *   /* NULL: not set. The name or the number of one */
#define OPTION_FIELD_FOLDER        char *   /* NULL: not set. Absolute; a folder that exists */
#define OPTION_FIELD_PATH          char *   /* NULL: not set. Absolute; it need not be there */
#define OPTION_FIELD_SOCKET        char *   /* Absolute; no longer than a socket's address may be */
#define OPTION_FIELD_USER          char *   /* NULL: not set. The name or the number of one */
#define OPTION_FIELD_LIMITS        struct limits      /* those that are set. {"nofile": 1024} */
#define OPTION_FIELD_CPUS          struct cpus        /* "0-3,8" */
#define OPTION_FIELD_USERS         struct id_list *   /* NULL: none. ["www-data", "1000"] */
#define OPTION_FIELD_GROUPS        struct id_list *   /* the same */
#define OPTION_FIELD_START_METHOD  enum start_method  /* "spawn" */
#define OPTION_FIELD_ON_DISCONNECT enum on_disconnect /* "finish" */

#define OPTION_FIELD(name, type, ...) OPTION_FIELD_##type name;
#define OPTION_NONE(...)

struct server_options {
#define SERVER_OPTION  OPTION_FIELD
#define PROGRAM_OPTION OPTION_NONE
#include "options.def"
#undef SERVER_OPTION
#undef PROGRAM_OPTION
};

/* Does not change once it is made: the pool, its workers and a reload share it by reference. */
struct program_options {
        unsigned references;
        char *name;
        char *program_set;
        struct program_text *text;
        char *python;          /* absolute */
        char **arguments;      /* NULL-terminated, as is the next */
        char **environment;    /* what all its processes have, NAME=value */
        char **slot_variables; /* NAME=value with "${slot}" in the value: see slot_text.h */
        struct extra_files *extra_files; /* NULL: none */
        struct identity identity;        /* who its processes run as */
        bool is_other_user;              /* than the daemon: they have to become that */
        bool uses_slot;                  /* there are such */
#define SERVER_OPTION  OPTION_NONE
#define PROGRAM_OPTION OPTION_FIELD
#include "options.def"
#undef SERVER_OPTION
#undef PROGRAM_OPTION
};

struct program_options *program_options_new(const char *name, const char *program_set);
struct program_options *program_options_ref(struct program_options *options);
struct program_options *program_options_unref(struct program_options *options);
static inline void program_options_unrefp(struct program_options **options)
{
        *options = program_options_unref(*options);
}

/* Whether the caller may call it; for others there is no such program. */
bool program_options_allow(const struct program_options *options, struct caller *caller);

/* Whether a worker of the one is as good as one of the other. */
bool program_options_equal(const struct program_options *a, const struct program_options *b);

/* The table. */
struct option_type;
struct option {
        const char *name;
        const struct option_type *type;
        size_t offset;                            /* of its field in the struct */
        const char *fallback, *minimum, *maximum; /* JSON */
};
struct option_table {
        const struct option *options;
        size_t n;
};
extern const struct option_table server_option_table, program_option_table;

const struct option *option_find(const struct option_table *table, const char *name);

/* The functions below work on a struct that the table is of. 0 or -ENOMEM; option_set() returns 1
 * if the value will not do, which `errors` tells, and leaves the field as it was. */
int options_set_defaults(const struct option_table *table, void *object);
int option_set(const struct option *option, void *object, const struct json_node *node,
               struct config_errors *errors);
/* `to` is zeroed, or was cleared. */
int options_copy(const struct option_table *table, void *to, const void *from);
void options_clear(const struct option_table *table, void *object);
/* Exchanges the values of two. */
void option_swap(const struct option *option, void *a, void *b);
/* Whether both have the same value. */
bool option_equal(const struct option *option, const void *a, const void *b);
/* The value in the form of the file; NULL in *ret: it has none. 0 or -ENOMEM. */
int option_to_json(const struct option *option, const void *object, struct json_object **ret);
/* Adds each option that has a value to a JSON object, in the form of the file. */
int options_to_json(const struct option_table *table, const void *object, struct json_object *json);
