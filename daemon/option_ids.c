/* SPDX-License-Identifier: MIT */
/*
 * The types of options that list users or groups.
 */
#include "account.h"
#include "option_type.h"

#include <errno.h>

/* The numbers of all that the array names. */
static int find_ids(struct json_object *array, bool are_users, const char **names, id_t *ids,
                    char fault[static OPTION_FAULT_MAX])
{
        for (size_t i = 0; i < json_object_array_length(array); i++) {
                struct json_object *element = json_object_array_get_idx(array, i);
                struct account account;
                int r;

                if (!json_object_is_type(element, json_type_string)) {
                        snprintf(fault, OPTION_FAULT_MAX,
                                 "each is a name, or a number in quotes: \"1000\"");
                        return UNFIT;
                }
                names[i] = json_object_get_string(element);
                r = are_users ? account_find_user(names[i], &account, fault)
                              : account_find_group(names[i], &ids[i], fault);
                if (r != FIT)
                        return r;
                if (!are_users)
                        continue;
                ids[i] = account.uid;
                account_clear(&account);
        }
        return FIT;
}

static int parse_ids(struct json_object *value, bool are_users, void *field,
                     char fault[static OPTION_FAULT_MAX])
{
        _cleanup_free_ const char **names = NULL;
        _cleanup_free_ id_t *ids = NULL;
        struct id_list *list = NULL, **slot = field;
        size_t n;
        int r;

        if (!json_object_is_type(value, json_type_array))
                return UNFIT;
        n = json_object_array_length(value);
        names = calloc(n + 1, sizeof(*names));
        ids = calloc(n + 1, sizeof(*ids));
        if (!names || !ids)
                return -ENOMEM;
        r = find_ids(value, are_users, names, ids, fault);
        if (r != FIT)
                return r;
        if (n > 0 && !(list = id_list_new(names, ids, n)))
                return -ENOMEM;
        id_list_unref(*slot);
        *slot = list;
        return FIT;
}

static int parse_users(const struct option *option, struct json_object *value, const char *folder,
                       void *field, char fault[static OPTION_FAULT_MAX])
{
        (void)option;
        (void)folder;
        return parse_ids(value, true, field, fault);
}

static int parse_groups(const struct option *option, struct json_object *value, const char *folder,
                        void *field, char fault[static OPTION_FAULT_MAX])
{
        (void)option;
        (void)folder;
        return parse_ids(value, false, field, fault);
}

static int format_ids(const struct option_type *type, const void *field, struct json_object **ret)
{
        const struct id_list *list = *(struct id_list *const *)field;

        (void)type;
        if (!list)
                return 0;
        *ret = json_object_new_array();
        for (size_t i = 0; *ret && i < list->n; i++) {
                struct json_object *name = json_object_new_string(list->names[i]);

                if (name && json_object_array_add(*ret, name) == 0)
                        continue;
                json_object_put(name);
                json_object_put(steal(*ret));
        }
        return *ret ? 0 : -ENOMEM;
}

static int copy_ids(void *to, const void *from)
{
        struct id_list *list = *(struct id_list *const *)from;

        *(struct id_list **)to = list ? id_list_ref(list) : NULL;
        return 0;
}

static void clear_ids(void *field)
{
        struct id_list **list = field;

        *list = id_list_unref(*list);
}

TYPE(USERS, .noun = "an array of users", .parse = parse_users, .format = format_ids,
     .copy = copy_ids, .clear = clear_ids);
TYPE(GROUPS, .noun = "an array of groups", .parse = parse_groups, .format = format_ids,
     .copy = copy_ids, .clear = clear_ids);
