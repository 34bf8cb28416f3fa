/* SPDX-License-Identifier: MIT */
#include "file_access.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifdef SYS_setfsuid32
#define SETFSGID  SYS_setfsgid32
#define SETFSUID  SYS_setfsuid32
#define SETGROUPS SYS_setgroups32
#else
#define SETFSGID  SYS_setfsgid
#define SETFSUID  SYS_setfsuid
#define SETGROUPS SYS_setgroups
#endif

struct question {
        const struct identity *who;
        struct file_access *files;
        size_t n;
        int result;
};

/* As the identity that files are opened with. Before Linux 5.8 nobody could ask: it is told when a
 * worker starts. */
static int may(const char *path, int what)
{
        if (syscall(SYS_faccessat2, AT_FDCWD, path, what, AT_EACCESS) == 0 || errno == ENOSYS)
                return 0;
        return errno;
}

static int may_create(const char *path)
{
        const char *slash = strrchr(path, '/');
        char *folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
        int error = folder ? may(folder, W_OK | X_OK) : ENOMEM;

        free(folder);
        return error;
}

static int look(const struct file_access *file)
{
        static const int rights[] = {[O_RDONLY] = R_OK, [O_WRONLY] = W_OK, [O_RDWR] = R_OK | W_OK};
        struct stat info;

        if (stat(file->path, &info) < 0)
                return errno == ENOENT && (file->flags & O_CREAT) ? may_create(file->path) : errno;
        if (S_ISDIR(info.st_mode))
                return EISDIR;
        if (S_ISSOCK(info.st_mode))
                return ENXIO;
        return may(file->path, rights[file->flags & O_ACCMODE]);
}

static int ask(struct question *question)
{
        for (size_t i = 0; i < question->n; i++)
                question->files[i].error = look(&question->files[i]);
        return 0;
}

/* For a thread that ends afterwards: these calls change the one that makes them, and no other. Only
 * what concerns files is changed, so that nobody gets a right to send this thread a signal. */
static int take_on(const struct identity *who)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

        if (syscall(SETGROUPS, who->n_groups, who->groups) < 0)
                return -errno;
        syscall(SETFSGID, who->gid);
        syscall(SETFSUID, who->uid);
        if (syscall(SETFSGID, -1) != (long)who->gid || syscall(SETFSUID, -1) != (long)who->uid)
                return -EPERM;
        return who->uid != 0 && syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

static void *ask_as(void *userdata)
{
        struct question *question = userdata;

        question->result = take_on(question->who);
        if (question->result == 0)
                question->result = ask(question);
        return NULL;
}

int file_access_ask(const struct identity *who, struct file_access *files, size_t n)
{
        struct question question = {.who = who, .files = files, .n = n};
        pthread_t thread;
        int error;

        if (!who)
                return ask(&question);
        error = pthread_create(&thread, NULL, ask_as, &question);
        if (error != 0)
                return -error;
        pthread_join(thread, NULL);
        return question.result;
}
