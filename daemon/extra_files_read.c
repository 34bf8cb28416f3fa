/* SPDX-License-Identifier: MIT */
#include "extra_files_read.h"

#include "file_access.h"

#include "common/cleanup.h"
#include "common/path.h"
#include "common/units.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define FORM                "a path, \"memfd:64M\", {\"path\": \"...\", \"mode\": \"r\"} or {\"memfd\": \"64M\"}"
#define MEMFD_PREFIX        "memfd:"
#define MEMFD_MAX           ((uint64_t)1 << 40)
#define NAME_MAX_LENGTH     64
#define DEFAULT_PERMISSIONS 0666

/* As fopen(3) calls them, but none empties the file: workers come and go. */
static const struct mode {
        const char *name;
        int flags;
        bool creates;
        const char *purpose;
} modes[] = {
        {"r", O_RDONLY, false, "for reading"},
        {"r+", O_RDWR, false, "for reading and writing"},
        {"w", O_WRONLY, true, "for writing"},
        {"w+", O_RDWR, true, "for reading and writing"},
        {"a", O_WRONLY | O_APPEND, true, "for appending"},
        {"a+", O_RDWR | O_APPEND, true, "for reading and appending"},
};

static const struct mode *find_mode(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
                if (strcmp(modes[i].name, name) == 0)
                        return &modes[i];
        return NULL;
}

static int wrong(const struct json_node *node, struct config_errors *errors, const char *form)
{
        char description[JSON_DESCRIPTION_MAX];

        json_node_error(node, errors, "%s must be %s, not %s", node->name ? node->name : "a file",
                        form, json_node_describe(node, description));
        return 1;
}

static int set_size(const struct json_node *node, const char *text, struct config_errors *errors,
                    struct extra_files_entry *entry)
{
        if (units_parse_size(text, &entry->size) == 0 && entry->size > 0 &&
            entry->size <= MEMFD_MAX)
                return 0;
        json_node_error(node, errors,
                        "memfd must be a size with its unit, like \"64K\" or \"16M\", from \"1B\" "
                        "to \"1T\", not \"%.64s\"",
                        text);
        return 1;
}

static int set_path(const struct json_node *node, struct extra_files_entry *entry)
{
        entry->path = path_resolve(node->document->folder, json_node_string(node));
        return entry->path ? 0 : -ENOMEM;
}

static bool is_name(const char *name)
{
        static const char right[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "_.-";

        return *name && strlen(name) <= NAME_MAX_LENGTH && strspn(name, right) == strlen(name);
}

static int set_name(const struct json_node *node, struct config_errors *errors,
                    struct extra_files_entry *entry)
{
        if (!json_node_is(node, json_type_string) || !is_name(json_node_string(node)))
                return wrong(node, errors,
                             "letters, digits, _, . and -, at most 64 of them, in quotes");
        entry->name = strdup(json_node_string(node));
        return entry->name ? 0 : -ENOMEM;
}

static int set_permissions(const struct json_node *node, struct config_errors *errors,
                           struct extra_files_entry *entry)
{
        const char *text = json_node_is(node, json_type_string) ? json_node_string(node) : "";
        size_t length = strlen(text);

        if (length == 0 || length > 4 || strspn(text, "01234567") != length ||
            strtol(text, NULL, 8) > 0777)
                return wrong(node, errors, "an octal mode in quotes, like \"0640\"");
        entry->permissions = (mode_t)strtol(text, NULL, 8);
        return 0;
}

static int set_mode(const struct json_node *node, struct config_errors *errors,
                    struct extra_files_entry *entry)
{
        const struct mode *mode =
                find_mode(json_node_exists(node) && json_node_is(node, json_type_string)
                                  ? json_node_string(node)
                                  : "");

        if (!mode)
                return wrong(node, errors, "one of \"r\", \"r+\", \"w\", \"w+\", \"a\" and \"a+\"");
        entry->mode = mode->name;
        entry->flags = mode->flags;
        entry->creates = mode->creates;
        return 0;
}

static int set_create(const struct json_node *node, struct config_errors *errors,
                      struct extra_files_entry *entry)
{
        if (!json_node_is(node, json_type_boolean))
                return wrong(node, errors, "true or false");
        entry->creates = json_object_get_boolean(node->value);
        return 0;
}

typedef int set_fn(const struct json_node *node, struct config_errors *errors,
                   struct extra_files_entry *entry);

static int set_path_member(const struct json_node *node, struct config_errors *errors,
                           struct extra_files_entry *entry)
{
        if (!json_node_is(node, json_type_string) || !*json_node_string(node))
                return wrong(node, errors, "a path");
        return set_path(node, entry);
}

static int set_size_member(const struct json_node *node, struct config_errors *errors,
                           struct extra_files_entry *entry)
{
        if (!json_node_is(node, json_type_string))
                return wrong(node, errors, "a size with its unit, like \"64K\" or \"16M\"");
        return set_size(node, json_node_string(node), errors, entry);
}

/* In the order in which they are read: what the mode says of `create` may be changed. */
static const struct member {
        const char *name;
        bool of_path;
        set_fn *set;
} members[] = {
        {"path", true, set_path_member},   {"mode", true, set_mode},
        {"create", true, set_create},      {"permissions", true, set_permissions},
        {"memfd", false, set_size_member}, {"name", false, set_name},
};

static bool is_member(const char *name, bool of_path)
{
        for (size_t i = 0; i < ARRAY_SIZE(members); i++)
                if (members[i].of_path == of_path && strcmp(members[i].name, name) == 0)
                        return true;
        return false;
}

static int check_names(const struct json_node *node, bool of_path, struct config_errors *errors)
{
        struct json_cursor cursor = {0};
        struct json_node member;
        int r = 0;

        while (json_node_next(node, &cursor, &member)) {
                if (is_member(member.name, of_path))
                        continue;
                json_node_name_error(&member, errors, "\"%.100s\" is unknown here; %s may have %s",
                                     member.name, of_path ? "a path" : "a memfd",
                                     of_path ? "\"mode\", \"create\" and \"permissions\""
                                             : "a \"name\"");
                r = 1;
        }
        return r;
}

static int read_object(const struct json_node *node, struct config_errors *errors,
                       struct extra_files_entry *entry)
{
        struct json_node path, memfd, member;
        bool has_path = json_node_member(node, "path", &path);
        int r;

        if (has_path == json_node_member(node, "memfd", &memfd)) {
                json_node_error(node, errors,
                                "an object here has either a \"path\" or a \"memfd\"");
                return 1;
        }
        r = check_names(node, has_path, errors);
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(members); i++) {
                if (members[i].of_path != has_path ||
                    !json_node_member(node, members[i].name, &member))
                        continue;
                int next = members[i].set(&member, errors, entry);
                r = next < 0 ? next : r | next;
        }
        return r;
}

static int read_entry(const struct json_node *node, struct config_errors *errors,
                      struct extra_files_entry *entry)
{
        const char *text = json_node_is(node, json_type_string) ? json_node_string(node) : "";
        int r = 0;

        *entry = (struct extra_files_entry){.mode = "r", .permissions = DEFAULT_PERMISSIONS};
        if (json_node_is(node, json_type_object))
                r = read_object(node, errors, entry);
        else if (strncmp(text, MEMFD_PREFIX, strlen(MEMFD_PREFIX)) == 0)
                r = set_size(node, text + strlen(MEMFD_PREFIX), errors, entry);
        else if (*text)
                r = set_path(node, entry);
        else
                r = wrong(node, errors, FORM);
        if (entry->creates)
                entry->flags |= O_CREAT;
        return r;
}

/* Names of areas have to tell them apart. */
static int check_name(const struct json_node *node, const struct extra_files *files,
                      struct config_errors *errors)
{
        const struct extra_files_entry *last = &files->entries[files->n - 1];

        for (size_t i = 0; last->name && i + 1 < files->n; i++) {
                if (!files->entries[i].name || strcmp(files->entries[i].name, last->name) != 0)
                        continue;
                json_node_error(node, errors, "there is another memfd of the name \"%s\"",
                                last->name);
                return 1;
        }
        return 0;
}

int extra_files_read(const struct json_node *array, struct config_errors *errors,
                     struct extra_files **ret)
{
        _cleanup_(extra_files_freep) struct extra_files *files = NULL;
        struct json_cursor cursor = {0};
        struct json_node element;
        size_t n;
        int r = 0;

        if (!json_node_is(array, json_type_array))
                return wrong(array, errors, "an array of files: " FORM);
        n = json_object_array_length(array->value);
        if (n > EXTRA_FILES_MAX) {
                json_node_error(array, errors, "extra_files has %d files at most, not %zu",
                                EXTRA_FILES_MAX, n);
                return 1;
        }
        files = calloc(1, sizeof(*files) + n * sizeof(*files->entries));
        if (!files)
                return -ENOMEM;
        while (r >= 0 && json_node_next(array, &cursor, &element)) {
                int next = read_entry(&element, errors, &files->entries[files->n++]);

                if (next == 0)
                        next = check_name(&element, files, errors);
                r = next < 0 ? next : r | next;
        }
        if (r == 0)
                *ret = steal(files);
        return r;
}

static int tell_access(const struct json_node *node, const struct extra_files_entry *entry,
                       const struct identity *who, int error, struct config_errors *errors)
{
        char user[48] = "";

        if (error == 0)
                return 0;
        if (who)
                snprintf(user, sizeof(user), " as the user %u", (unsigned)who->uid);
        json_node_error(node, errors, "cannot open %s %s%s: %s", entry->path,
                        find_mode(entry->mode)->purpose, user, strerror(error));
        return 1;
}

static int make_area(const struct json_node *node, struct extra_files_entry *entry,
                     struct config_errors *errors)
{
        int r = extra_files_make_area(entry);

        if (r == 0 || r == -ENOMEM)
                return r;
        json_node_error(node, errors, "cannot make a memfd of this size: %s", strerror(-r));
        return 1;
}

int extra_files_check(const struct json_node *array, const struct identity *who,
                      struct config_errors *errors, struct extra_files *files)
{
        struct file_access asked[EXTRA_FILES_MAX];
        struct json_cursor cursor = {0};
        struct json_node element;
        size_t n = 0;
        int r;

        for (size_t i = 0; i < files->n; i++)
                if (files->entries[i].path)
                        asked[n++] = (struct file_access){.path = files->entries[i].path,
                                                          .flags = files->entries[i].flags};
        r = file_access_ask(who, asked, n);
        if (r < 0)
                json_node_error(array, errors, "cannot see which files can be opened: %s",
                                strerror(-r));
        if (r < 0)
                return r == -ENOMEM ? r : 1;
        for (size_t i = 0, at = 0; r >= 0 && json_node_next(array, &cursor, &element); i++) {
                struct extra_files_entry *entry = &files->entries[i];
                int next = entry->path
                                   ? tell_access(&element, entry, who, asked[at++].error, errors)
                                   : make_area(&element, entry, errors);
                r = next < 0 ? next : r | next;
        }
        return r;
}
