/* SPDX-License-Identifier: MIT */
/*
 * The types of options that are text: names of users and groups, and paths.
 */
#include "option_type.h"

#include "account.h"

#include "common/cleanup.h"
#include "common/path.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

/* What a text field holds is replaced; takes the text. */
static int set_text(void *field, char *text)
{
        char **slot = field;

        free(*slot);
        *slot = text;
        return FIT;
}

static int parse_user(const struct option *option, struct json_object *value, const char *folder,
                      void *field, char fault[static OPTION_FAULT_MAX])
{
        const char *name = json_object_get_string(value);
        struct account account;
        char *copy;
        int r;

        (void)option;
        (void)folder;
        if (!json_object_is_type(value, json_type_string) || !*name)
                return UNFIT;
        r = account_find_user(name, &account, fault);
        if (r != FIT)
                return r;
        account_clear(&account);
        copy = strdup(name);
        return copy ? set_text(field, copy) : -ENOMEM;
}

static int parse_group(const struct option *option, struct json_object *value, const char *folder,
                       void *field, char fault[static OPTION_FAULT_MAX])
{
        const char *name = json_object_get_string(value);
        char *copy;
        gid_t group;
        int r;

        (void)option;
        (void)folder;
        if (!json_object_is_type(value, json_type_string) || !*name)
                return UNFIT;
        r = account_find_group(name, &group, fault);
        if (r != FIT)
                return r;
        copy = strdup(name);
        return copy ? set_text(field, copy) : -ENOMEM;
}

static int resolve(struct json_object *value, const char *folder, char **ret)
{
        const char *path = json_object_get_string(value);

        if (!json_object_is_type(value, json_type_string) || !*path)
                return UNFIT;
        *ret = path_resolve(folder, path);
        return *ret ? FIT : -errno;
}

static int parse_folder(const struct option *option, struct json_object *value, const char *folder,
                        void *field, char fault[static OPTION_FAULT_MAX])
{
        _cleanup_free_ char *path = NULL;
        struct stat info;
        int r;

        (void)option;
        r = resolve(value, folder, &path);
        if (r != FIT)
                return r;
        r = stat(path, &info) < 0 ? errno : S_ISDIR(info.st_mode) ? 0 : ENOTDIR;
        if (r == 0)
                return set_text(field, steal(path));
        snprintf(fault, OPTION_FAULT_MAX, "cannot use %.400s: %s", path, strerror(r));
        return UNFIT;
}

static int parse_path(const struct option *option, struct json_object *value, const char *folder,
                      void *field, char fault[static OPTION_FAULT_MAX])
{
        char *path;
        int r;

        (void)option;
        (void)fault;
        r = resolve(value, folder, &path);
        return r == FIT ? set_text(field, path) : r;
}

static int parse_socket(const struct option *option, struct json_object *value, const char *folder,
                        void *field, char fault[static OPTION_FAULT_MAX])
{
        const size_t longest = sizeof((struct sockaddr_un){0}.sun_path) - 1;
        _cleanup_free_ char *path = NULL;
        int r;

        (void)option;
        r = resolve(value, folder, &path);
        if (r != FIT)
                return r;
        if (strlen(path) > longest) {
                snprintf(fault, OPTION_FAULT_MAX,
                         "the path of a socket has %zu bytes at most, %.200s has %zu", longest,
                         path, strlen(path));
                return UNFIT;
        }
        return set_text(field, steal(path));
}

static int format_text(const struct option_type *type, const void *field, struct json_object **ret)
{
        const char *text = *(char *const *)field;

        (void)type;
        return text ? option_new_text(text, ret) : 0;
}

static int copy_text(void *to, const void *from)
{
        const char *text = *(char *const *)from;

        if (text)
                *(char **)to = strdup(text);
        return text && !*(char **)to ? -ENOMEM : 0;
}

static void clear_text(void *field)
{
        char **text = field;

        free(steal(*text));
}

TYPE(USER, .noun = "the name of a user, or its number in quotes", .parse = parse_user,
     .format = format_text, .copy = copy_text, .clear = clear_text);
TYPE(GROUP, .noun = "the name of a group, or its number in quotes", .parse = parse_group,
     .format = format_text, .copy = copy_text, .clear = clear_text);
TYPE(FOLDER, .noun = "the path of a folder", .parse = parse_folder, .format = format_text,
     .copy = copy_text, .clear = clear_text);
TYPE(PATH, .noun = "a path", .parse = parse_path, .format = format_text, .copy = copy_text,
     .clear = clear_text);
TYPE(SOCKET, .noun = "the path of a socket", .parse = parse_socket, .format = format_text,
     .copy = copy_text, .clear = clear_text);
