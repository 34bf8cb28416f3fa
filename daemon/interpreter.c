/* SPDX-License-Identifier: MIT */
#include "interpreter.h"

#include "common/cleanup.h"
#include "common/path.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define LINKS_MAX 40 /* as many as the kernel follows */

bool python_version_read(const char *text, struct python_version *ret)
{
        struct python_version version;

        if (sscanf(text, "%3d.%3d", &version.major, &version.minor) != 2 || version.major < 1 ||
            version.minor < 0)
                return false;
        *ret = version;
        return true;
}

bool python_version_is_known(struct python_version version)
{
        return version.major != 0;
}

bool python_version_is_old(struct python_version version)
{
        return python_version_is_known(version) &&
               (version.major < INTERPRETER_MAJOR ||
                (version.major == INTERPRETER_MAJOR && version.minor < INTERPRETER_OLDEST));
}

/* The path that a link leads to, behind all links; to be freed. NULL: it is none. */
static char *follow(const char *path)
{
        char *at = NULL;

        for (int i = 0; i < LINKS_MAX; i++) {
                _cleanup_free_ char *folder = path_folder(at ? at : path);
                char target[PATH_MAX];
                ssize_t length = readlink(at ? at : path, target, sizeof(target) - 1);

                if (length < 0 || !folder)
                        break;
                target[length] = '\0';
                free(at);
                at = path_resolve(folder, target);
                if (!at)
                        break;
        }
        return at;
}

/* 0 if the file can be executed by this process, else an errno. */
static int check_executable(const char *path)
{
        struct stat info;

        if (stat(path, &info) < 0)
                return errno;
        if (S_ISDIR(info.st_mode))
                return EISDIR;
        if (!S_ISREG(info.st_mode))
                return EACCES;
        return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? errno : 0;
}

static bool has_text(const char *data, size_t length, const char *text)
{
        return memmem(data, length, text, strlen(text));
}

/* Every Python has one of these in it, be it in one piece or with its code in a library. */
static bool speaks_of_python(const char *data, size_t length)
{
        static const char *const signs[] = {"Py_BytesMain", "Py_Main", "PYTHONHOME", "libpython",
                                            "libpypy"};

        for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
                if (has_text(data, length, signs[i]))
                        return true;
        return false;
}

/* NULL, or what is wrong with what stands in the file. A script may be anything: some put one in
 * front of their Python. */
static const char *content_fault(const char *path)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        const char *fault = NULL;
        struct stat info;
        char *data;

        /* Who may execute it need not be allowed to read it. */
        if (fd < 0 || fstat(fd, &info) < 0)
                return NULL;
        if (info.st_size < 2)
                return "it is no program";
        data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
                return NULL;
        if (info.st_size >= SELFMAG && memcmp(data, ELFMAG, SELFMAG) == 0)
                fault = speaks_of_python(data, (size_t)info.st_size) ? NULL : "it is no Python";
        else if (memcmp(data, "#!", 2) != 0)
                fault = "it is no program";
        munmap(data, (size_t)info.st_size);
        return fault;
}

/* By the name that interpreters have: python3.11. */
static struct python_version version_of(const char *path)
{
        _cleanup_free_ char *real = realpath(path, NULL);
        struct python_version version = {0};
        const char *name = real ? path_name(real) : "";

        if (strncmp(name, "python", strlen("python")) == 0)
                python_version_read(name + strlen("python"), &version);
        return version;
}

enum interpreter_verdict interpreter_judge(const char *path, struct python_version *ret,
                                           char fault[static INTERPRETER_FAULT_MAX])
{
        _cleanup_free_ char *target = follow(path);
        const char *wrong;
        int r = check_executable(path);

        *ret = (struct python_version){0};
        if (r == ENOENT && target) {
                snprintf(fault, INTERPRETER_FAULT_MAX, "it leads to %.400s, which is not there",
                         target);
                return INTERPRETER_BROKEN;
        }
        if (r != 0) {
                snprintf(fault, INTERPRETER_FAULT_MAX, "%s", strerror(r));
                return r == ENOENT ? INTERPRETER_MISSING : INTERPRETER_BROKEN;
        }
        wrong = content_fault(path);
        if (wrong) {
                snprintf(fault, INTERPRETER_FAULT_MAX, "%s", wrong);
                return INTERPRETER_BROKEN;
        }
        *ret = version_of(path);
        if (!python_version_is_old(*ret))
                return INTERPRETER_GOOD;
        snprintf(fault, INTERPRETER_FAULT_MAX, "it is Python %d.%d, %s or newer is needed",
                 ret->major, ret->minor, INTERPRETER_OLDEST_TEXT);
        return INTERPRETER_OLD;
}
