/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What is known of a program while its options are put together, level over level: the table's
 * defaults, the server's, the set's, its own. Each level is read once, into a draft; the drafts of
 * the next level begin as copies of it. A draft points into the documents that it was read from.
 */
#include "environment.h"
#include "environment_block.h"
#include "options.h"
#include "section.h"

enum draft_kind {
        DRAFT_MODULE,
        DRAFT_PACKAGE,
        DRAFT_KEY_VALUE,
        DRAFT_VARIABLE, /* of the environment */
};

/* One named part; the node's name is its name. */
struct draft_part {
        enum draft_kind kind;
        unsigned level;
        struct json_node node;
};

/* The options by number, to remember where each was set. */
enum draft_option {
#define SERVER_OPTION(...)
#define PROGRAM_OPTION(name, ...) DRAFT_OPTION_##name,
#include "options.def"
#undef SERVER_OPTION
#undef PROGRAM_OPTION
        DRAFT_N_OPTIONS,
};

struct program_draft {
        struct program_options values; /* only the table's */
        struct json_node origins[DRAFT_N_OPTIONS];
        struct json_node main, args, environment, extra_files;
        bool has_wrong_main; /* it is there, and what is wrong with it has been told */
        struct draft_part *parts;
        size_t n_parts;
        unsigned level;
};

/* These return 0 or -ENOMEM; the draft is to be cleared in either case. */
int program_draft_init(struct program_draft *draft);
int program_draft_copy(struct program_draft *draft, const struct program_draft *from);
/* Takes the options of one object over what is there; parts of the same name are replaced. What is
 * wrong with them `errors` tells, and those are left out. */
int program_draft_apply(struct program_draft *draft, enum section section,
                        const struct json_node *object, struct config_errors *errors);
void program_draft_clear(struct program_draft *draft);

/* The next part of a kind, from *index on; NULL past the last. */
const struct draft_part *program_draft_next(const struct program_draft *draft, enum draft_kind kind,
                                            size_t *index);

/* Which environment it names, and that one's absolute path, or its name in the store (to be freed;
 * NULL for the system's). 0 or -ENOMEM. */
int program_draft_environment(const struct program_draft *draft, enum environment_kind *ret_kind,
                              char **ret);
/* The members that an "environment" may have, by kind; NULL for the system's. */
extern const char *const environment_members[];
