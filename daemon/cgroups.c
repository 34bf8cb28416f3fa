/* SPDX-License-Identifier: MIT */
#include "cgroups.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "json_put.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define OWN_NAME "jumpbootd"

/* Whatever is notified is looked at as a whole. */
#define NOTICES_SIZE 4096

static void set_reason(struct cgroups *groups, const char *what, const char *path, int r)
{
        snprintf(groups->reason, sizeof(groups->reason), "cannot %s %.300s: %s", what, path,
                 strerror(-r));
}

/* Gives the controllers to all groups below: each by itself, since one that cannot be had must not
 * keep the others away. */
static void enable_controllers(struct cgroups *groups)
{
        for (enum cgroup_kind kind = 0; kind < CGROUP_KINDS; kind++) {
                const char *controller = cgroup_kinds[kind].controller;
                char text[32];

                snprintf(text, sizeof(text), "+%s", controller);
                groups->faults[kind] =
                        cgroup_lists(groups->root, "cgroup.controllers", controller)
                                ? -cgroup_write(groups->root, "cgroup.subtree_control", text)
                                : ENOENT;
        }
}

/* From here on the process is where it does not stand in the way of controllers. */
static int settle(struct cgroups *groups, const struct delegation *delegation)
{
        int r = cgroup_open(delegation->path, delegation->folder, &groups->root);

        if (r < 0) {
                set_reason(groups, "use the control group", delegation->path, r);
                return r;
        }
        r = cgroup_make(groups->root, OWN_NAME, &groups->own);
        if (r < 0) {
                set_reason(groups, "make a control group in", delegation->path, r);
                return r;
        }
        r = cgroup_write(groups->own, "cgroup.procs", "0");
        if (r < 0)
                set_reason(groups, "move into the control group", groups->own->path, r);
        return r;
}

void cgroups_init(struct cgroups *groups, struct event_base *base, const char *proc)
{
        _cleanup_(delegation_clear) struct delegation delegation = {0};

        *groups = (struct cgroups){.base = base, .watch = -1};
        LIST_INIT(&groups->programs);
        LIST_INIT(&groups->leaving);
        int r = delegation_find(proc, &delegation, groups->reason);
        if (r == 0)
                r = settle(groups, &delegation);
        if (r == -ENOMEM)
                snprintf(groups->reason, sizeof(groups->reason), "out of memory");
        if (r == 0) {
                enable_controllers(groups);
                log_info(NULL, "each program gets a control group in %s", groups->root->path);
                return;
        }
        groups->own = cgroup_free(groups->own);
        groups->root = cgroup_free(groups->root);
        log_debug(NULL, "programs get no control groups: %s", groups->reason);
}

static void forget(struct cgroup *group)
{
        LIST_REMOVE(group, link);
        cgroup_free(group);
}

static void stop_watching(struct cgroups *groups)
{
        if (groups->emptied)
                event_free(steal(groups->emptied));
        groups->watch = close_fd(groups->watch);
}

static void remove_leaving(struct cgroups *groups)
{
        struct cgroup *group, *next;

        for (group = LIST_FIRST(&groups->leaving); group; group = next) {
                next = LIST_NEXT(group, link);
                if (cgroup_remove(group) == 0)
                        forget(group);
        }
}

static void on_emptied(evutil_socket_t fd, short what, void *userdata)
{
        char notices[NOTICES_SIZE];
        struct cgroups *groups = userdata;

        (void)what;
        while (read(fd, notices, sizeof(notices)) > 0)
                ;
        remove_leaving(groups);
        if (LIST_EMPTY(&groups->leaving))
                stop_watching(groups);
}

/* The kernel tells when the last process has left. Where this does not work, cgroups_refresh()
 * looks after it. */
static void watch(struct cgroups *groups, const struct cgroup *group)
{
        char path[PATH_MAX];

        if (groups->watch < 0)
                groups->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (groups->watch >= 0 && !groups->emptied) {
                groups->emptied = event_new(groups->base, groups->watch, EV_READ | EV_PERSIST,
                                            on_emptied, groups);
                if (groups->emptied)
                        event_add(groups->emptied, NULL);
        }
        snprintf(path, sizeof(path), "%s/cgroup.events", group->folder);
        inotify_add_watch(groups->watch, path, IN_MODIFY);
}

static struct cgroup *find(const struct cgroup_list *list, const char *name)
{
        struct cgroup *group;

        LIST_FOREACH(group, list, link)
        if (strcmp(group->name, name) == 0)
                return group;
        return NULL;
}

struct cgroup *cgroups_find(const struct cgroups *groups, const char *program)
{
        return groups ? find(&groups->programs, program) : NULL;
}

/* What is there already was left by a daemon before this one. One worker that is killed for memory
 * must not take the others with it, which is also what a new group does by itself. */
static struct cgroup *make(struct cgroups *groups, const struct log_context *context)
{
        struct cgroup *group = find(&groups->leaving, context->program);
        int r;

        if (group) {
                LIST_REMOVE(group, link);
        } else {
                r = cgroup_make(groups->root, context->program, &group);
                if (r < 0) {
                        log_warning(context,
                                    "it runs without a control group: cannot make one in %s: %s",
                                    groups->root->path, strerror(-r));
                        return NULL;
                }
        }
        if (cgroup_is_populated(group))
                cgroup_kill(group);
        cgroup_write(group, "memory.oom.group", "0");
        LIST_INSERT_HEAD(&groups->programs, group, link);
        return group;
}

struct cgroup *cgroups_join(struct cgroups *groups, const struct log_context *context,
                            const struct cgroup_limits *limits)
{
        struct cgroup *group;

        if (!groups || !groups->root)
                return NULL;
        group = find(&groups->programs, context->program);
        if (!group)
                group = make(groups, context);
        if (!group)
                return NULL;
        group->users++;
        cgroups_limit(groups, group, context, limits);
        return group;
}

void cgroups_leave(struct cgroups *groups, struct cgroup *group)
{
        if (!group || --group->users > 0)
                return;
        LIST_REMOVE(group, link);
        LIST_INSERT_HEAD(&groups->leaving, group, link);
        watch(groups, group);
        cgroup_kill(group);
        remove_leaving(groups);
        if (LIST_EMPTY(&groups->leaving))
                stop_watching(groups);
}

void cgroups_limit(struct cgroups *groups, const struct cgroup *group,
                   const struct log_context *context, const struct cgroup_limits *limits)
{
        for (enum cgroup_kind kind = 0; group && kind < CGROUP_KINDS; kind++) {
                int r = groups->faults[kind] ? 0 : cgroup_limits_write(limits, kind, group);
                if (r < 0)
                        log_warning(context, "%s is not in force: cannot write %s/%s: %s",
                                    cgroup_kinds[kind].option, group->path, cgroup_kinds[kind].file,
                                    strerror(-r));
        }
}

static void warn(unsigned kinds, const char *reason)
{
        char names[CGROUP_NAMES_MAX];
        bool is_one = (kinds & (kinds - 1)) == 0;

        log_warning(NULL, "%s %s no effect: %s", cgroup_kinds_text(kinds, false, names),
                    is_one ? "has" : "have", reason);
}

static void warn_of_absent(const struct cgroups *groups, unsigned kinds)
{
        char names[CGROUP_NAMES_MAX], reason[DELEGATION_REASON_MAX];
        bool is_one = (kinds & (kinds - 1)) == 0;

        snprintf(reason, sizeof(reason),
                 "the control group %.300s does not have the controller%s %s", groups->root->path,
                 is_one ? "" : "s", cgroup_kinds_text(kinds, true, names));
        warn(kinds, reason);
}

static void warn_of_fault(const struct cgroups *groups, enum cgroup_kind kind)
{
        char reason[DELEGATION_REASON_MAX];

        snprintf(reason, sizeof(reason), "the control group %.300s cannot hand on %s: %s",
                 groups->root->path, cgroup_kinds[kind].controller, strerror(groups->faults[kind]));
        warn(CGROUP_BIT(kind), reason);
}

void cgroups_want(struct cgroups *groups, unsigned kinds)
{
        unsigned missing = kinds & ~groups->told, absent = 0;

        groups->told |= missing;
        if (missing && !groups->root) {
                warn(missing, groups->reason);
                return;
        }
        for (enum cgroup_kind kind = 0; kind < CGROUP_KINDS; kind++) {
                if (!(missing & CGROUP_BIT(kind)) || !groups->faults[kind])
                        continue;
                if (groups->faults[kind] == ENOENT)
                        absent |= CGROUP_BIT(kind);
                else
                        warn_of_fault(groups, kind);
        }
        if (absent)
                warn_of_absent(groups, absent);
}

void cgroups_refresh(struct cgroups *groups)
{
        struct cgroup *group;

        LIST_FOREACH(group, &groups->programs, link)
        oom_refresh(&group->oom);
        remove_leaving(groups);
}

static void put_use(struct json_object *object, const char *key, const struct cgroup *group,
                    const char *file)
{
        uint64_t value;

        if (cgroup_read(group, file, &value) == 0)
                json_put_number(object, key, value);
}

struct json_object *cgroup_status(const struct cgroup *group)
{
        struct json_object *status;

        if (!group)
                return NULL;
        status = json_object_new_object();
        json_put_text(status, "path", group->path);
        put_use(status, "memory", group, "memory.current");
        put_use(status, "tasks", group, "pids.current");
        return status;
}

static void clear_list(struct cgroup_list *list)
{
        struct cgroup *group;

        while ((group = LIST_FIRST(list))) {
                cgroup_kill(group);
                cgroup_remove(group);
                forget(group);
        }
}

void cgroups_clear(struct cgroups *groups)
{
        stop_watching(groups);
        clear_list(&groups->programs);
        clear_list(&groups->leaving);
        groups->own = cgroup_free(groups->own);
        groups->root = cgroup_free(groups->root);
}
