/* SPDX-License-Identifier: MIT */
#include "package.h"

#include "common/cleanup.h"
#include "common/path.h"
#include "common/text.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

/* What one reading of a tree carries along. */
struct reader {
        const char *const *patterns;
        size_t entries, size;
        char *error;
};

/* A folder being read, and the ones around it: what a loop of symbolic links leads back to. */
struct folder {
        const struct folder *outer;
        unsigned depth;
        dev_t device;
        ino_t inode;
        const char *path;
        struct package *package;
        bool modules; /* false: only data files are looked for */
};

static int read_folder(struct reader *reader, struct folder *folder);

bool package_is_identifier(const char *name, size_t length)
{
        for (size_t i = 0; i < length; i++) {
                unsigned char c = (unsigned char)name[i];
                bool digit = c >= '0' && c <= '9';
                bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';

                if (!letter && c < 0x80 && !(digit && i > 0))
                        return false;
        }
        return length > 0 && text_is_utf8(name, length);
}

struct package *package_new(const char *name, const char *path)
{
        _cleanup_(package_freep) struct package *package = calloc(1, sizeof(*package));

        if (!package)
                return NULL;
        package->name = strdup(name);
        package->path = strdup(path);
        if (!package->name || !package->path)
                return NULL;
        return steal(package);
}

struct package *package_free(struct package *package)
{
        if (!package)
                return NULL;
        for (size_t i = 0; i < package->count; i++)
                package_free(package->packages[i]);
        free(package->packages);
        sources_clear(&package->modules);
        sources_clear(&package->data);
        free(package->name);
        free(package->path);
        free(package);
        return NULL;
}

const struct package *package_find(const struct package *package, const char *name)
{
        for (size_t i = 0; i < package->count; i++) {
                if (strcmp(package->packages[i]->name, name) == 0)
                        return package->packages[i];
        }
        return NULL;
}

int package_insert(struct package *package, struct package *child)
{
        size_t place = package->count;

        if (package_find(package, child->name))
                return -EEXIST;
        if (package->count == package->capacity) {
                size_t capacity = package->capacity ? package->capacity * 2 : 4;
                struct package **larger =
                        reallocarray(package->packages, capacity, sizeof(*larger));

                if (!larger)
                        return -ENOMEM;
                package->packages = larger;
                package->capacity = capacity;
        }
        for (; place > 0 && strcmp(package->packages[place - 1]->name, child->name) > 0; place--)
                package->packages[place] = package->packages[place - 1];
        package->packages[place] = child;
        package->count++;
        return 0;
}

static char *join(const char *folder, const char *name)
{
        char *path;

        return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

static bool is_regular_file(const char *folder, const char *name, int length, const char *ending)
{
        _cleanup_free_ char *path = NULL;
        struct stat st;

        if (asprintf(&path, "%s/%.*s%s", folder, length, name, ending) < 0)
                return path = NULL, false;
        return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* The length of the module's name if this is a module's file, else 0. */
static int module_name_length(const char *file)
{
        size_t length = strlen(file);

        if (length <= 3 || strcmp(file + length - 3, ".py") != 0)
                return 0;
        return package_is_identifier(file, length - 3) ? (int)length - 3 : 0;
}

static bool matches(const struct reader *reader, const char *name)
{
        for (const char *const *p = reader->patterns; p && *p; p++) {
                if (fnmatch(*p, name, FNM_PERIOD) == 0)
                        return true;
        }
        return false;
}

static int read_file(struct reader *reader, struct sources *to, const char *name, const char *path)
{
        struct source source;
        int r;

        r = source_read(&source, name, path, reader->error);
        if (r < 0)
                return r;
        reader->size += source.length;
        if (reader->size > PACKAGE_SIZE_MAX) {
                snprintf(reader->error, SOURCE_ERROR_MAX,
                         "cannot read %.300s: with it, the package is larger than 1 GB", path);
                r = -EFBIG;
        } else {
                r = sources_insert(to, &source);
                if (r < 0)
                        source_fail(reader->error, r, "add", path);
        }
        source_clear(&source);
        return r;
}

/* The Python side knows data files by their names in JSON. */
static int check_data_name(struct reader *reader, const char *name, const char *path)
{
        if (text_is_utf8(name, strlen(name)))
                return 0;
        snprintf(reader->error, SOURCE_ERROR_MAX,
                 "cannot embed %.300s as a data file: its path is not UTF-8", path);
        return -EILSEQ;
}

/* Data files of a folder that is no package go to the package around it. */
static int take_data(struct reader *reader, struct package *package, struct package *from)
{
        for (size_t i = 0; i < from->data.count; i++) {
                struct source *source = &from->data.items[i];
                char *name = join(from->name, source->name);
                int r;

                if (!name)
                        return source_fail(reader->error, -ENOMEM, "add", source->path);
                free(source->name);
                source->name = name;
                r = check_data_name(reader, name, source->path);
                if (r < 0)
                        return r;
                r = sources_insert(&package->data, source);
                if (r < 0)
                        return source_fail(reader->error, r, "add", name);
        }
        return 0;
}

static int read_subfolder(struct reader *reader, const struct folder *outer, const char *name,
                          const char *path, const struct stat *st)
{
        _cleanup_(package_freep) struct package *package = NULL;
        struct folder folder = {.outer = outer, .depth = outer->depth + 1, .path = path};
        int r;

        folder.modules = outer->modules && package_is_identifier(name, strlen(name)) &&
                         (is_regular_file(path, "__init__.py", -1, "") ||
                          !is_regular_file(outer->path, name, -1, ".py"));
        if (!folder.modules && !reader->patterns)
                return 0;
        folder.device = st->st_dev;
        folder.inode = st->st_ino;
        for (const struct folder *around = outer; around; around = around->outer) {
                if (around->device == st->st_dev && around->inode == st->st_ino)
                        return 0;
        }

        folder.package = package = package_new(name, path);
        if (!package)
                return source_fail(reader->error, -ENOMEM, "read", path);
        r = read_folder(reader, &folder);
        if (r < 0)
                return r;
        if (package->modules.count == 0 && package->count == 0)
                return take_data(reader, outer->package, package);
        r = package_insert(outer->package, package);
        if (r < 0)
                return source_fail(reader->error, r, "add", path);
        package = NULL;
        return 0;
}

static int read_entry(struct reader *reader, const struct folder *folder, const char *name)
{
        _cleanup_free_ char *path = join(folder->path, name);
        int length = folder->modules ? module_name_length(name) : 0;
        bool wanted = length > 0 || matches(reader, name);
        struct stat st;
        int r;

        if (!path)
                return source_fail(reader->error, -ENOMEM, "read", name);
        if (stat(path, &st) < 0)
                return wanted ? source_fail(reader->error, -errno, "read", path) : 0;
        if (S_ISDIR(st.st_mode)) {
                if (name[0] == '.' || strcmp(name, "__pycache__") == 0)
                        return 0;
                return read_subfolder(reader, folder, name, path, &st);
        }
        if (!S_ISREG(st.st_mode) || !wanted)
                return 0;
        if (length > 0) {
                _cleanup_free_ char *module = strndup(name, (size_t)length);

                if (!module)
                        return source_fail(reader->error, -ENOMEM, "read", path);
                if (is_regular_file(folder->path, module, length, "/__init__.py"))
                        return 0;
                return read_file(reader, &folder->package->modules, module, path);
        }
        r = check_data_name(reader, name, path);
        if (r < 0)
                return r;
        return read_file(reader, &folder->package->data, name, path);
}

/* Then lists are filled at their ends, and of two errors it is always the same that is found. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_itself(const struct dirent *entry)
{
        return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int read_folder(struct reader *reader, struct folder *folder)
{
        struct dirent **entries = NULL;
        int count, r = 0;

        if (folder->depth > PACKAGE_DEPTH_MAX) {
                snprintf(reader->error, SOURCE_ERROR_MAX,
                         "cannot read %.300s: folders are nested deeper than %u", folder->path,
                         PACKAGE_DEPTH_MAX);
                return -ELOOP;
        }
        count = scandir(folder->path, &entries, not_itself, by_name);
        if (count < 0)
                return source_fail(reader->error, -errno, "read", folder->path);
        reader->entries += (size_t)count;
        if (reader->entries > PACKAGE_ENTRIES_MAX) {
                snprintf(reader->error, SOURCE_ERROR_MAX,
                         "cannot read %.300s: with it, the package has more than %u files",
                         folder->path, PACKAGE_ENTRIES_MAX);
                r = -E2BIG;
        }
        for (int i = 0; i < count; i++) {
                if (r >= 0)
                        r = read_entry(reader, folder, entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
        return r;
}

int package_read(const char *name, const char *folder, const char *const *data_patterns,
                 struct package **ret, char error[static SOURCE_ERROR_MAX])
{
        _cleanup_(package_freep) struct package *package = NULL;
        _cleanup_free_ char *path = path_resolve(NULL, folder);
        struct reader reader = {.error = error};
        struct folder top = {.depth = 1, .modules = true};
        struct stat st;
        int r;

        if (data_patterns && *data_patterns)
                reader.patterns = data_patterns;
        if (!path)
                return source_fail(error, -ENOMEM, "read", folder);
        if (stat(path, &st) < 0)
                return source_fail(error, -errno, "read", path);
        if (!S_ISDIR(st.st_mode))
                return source_fail(error, -ENOTDIR, "read", path);

        top.path = path;
        top.device = st.st_dev;
        top.inode = st.st_ino;
        top.package = package = package_new(name, path);
        if (!package)
                return source_fail(error, -ENOMEM, "read", path);
        r = read_folder(&reader, &top);
        if (r < 0)
                return r;
        if (package->modules.count == 0 && package->count == 0 && package->data.count == 0)
                return source_fail(error, -ENOENT, "find a Python module (*.py) in", path);
        *ret = steal(package);
        return 0;
}
