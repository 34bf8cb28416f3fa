/* SPDX-License-Identifier: MIT */
#include "orphans.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"
#include "environment_block.h"
#include "proc.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARK_MAX      64
#define INTERVAL_USEC (50 * USEC_PER_MSEC) /* between looks: one may cost a walk through /proc */
#define ROUNDS_MAX    1000U                /* at the end: one that forks on and on is left */

/* The number of the process that it descends from; 0: it does not say so. */
static uint64_t read_mark(const struct orphans *orphans, pid_t pid)
{
        char mark[MARK_MAX];
        unsigned long long number;
        int parent;

        if (!proc_variable(orphans->proc, pid, ENVIRONMENT_MARK, mark, sizeof(mark)) ||
            sscanf(mark, "%d.%llu", &parent, &number) != 2 || parent != getpid())
                return 0;
        return number;
}

static void reap(struct orphans *orphans, pid_t pid)
{
        const struct child *known = children_find(orphans->known, pid);

        if (waitpid(pid, NULL, WNOHANG) != pid)
                return;
        if (known && known->number == CHILDREN_DYING)
                orphans->n_dying--;
        children_remove(orphans->known, pid, NULL);
}

/* It is a child and not reaped: its pid cannot be anybody else's, nor can that of its group if it
 * leads it. Any other group it may have joined, and there is one that means all processes; who is
 * left in such a one becomes a child in turn. */
static void end(struct orphans *orphans, const struct proc_process *process, uint64_t number)
{
        struct log_context context = {
                .program = children_program_of(orphans->known, number),
                .pid = process->pid,
        };

        log_event(LOG_EVENT_PROCESS_LEFT, LOG_WARNING, &context,
                  "ending it (%s): a worker has left it behind", process->name);
        if (process->group == process->pid)
                kill(-process->pid, SIGKILL);
        kill(process->pid, SIGKILL);
        if (children_add(orphans->known, process->pid, CHILDREN_DYING) == 0)
                orphans->n_dying++;
}

static void arm(struct orphans *orphans, uint64_t usec)
{
        struct timeval delay = {.tv_usec = (suseconds_t)usec};

        if (!event_pending(orphans->timer, EV_TIMEOUT, NULL))
                event_add(orphans->timer, &delay);
}

/* It lives, and nobody knows it. */
static void judge(struct orphans *orphans, const struct proc_process *process, bool is_suspect)
{
        uint64_t number = read_mark(orphans, process->pid);

        if (is_suspect)
                children_remove(orphans->known, process->pid, NULL);
        if (children_has_number(orphans->known, number))
                return;
        /* In the middle of an exec it has no environment yet, and gets a second chance. */
        if (number == 0 && !is_suspect &&
            children_add(orphans->known, process->pid, CHILDREN_SUSPECT) == 0)
                arm(orphans, INTERVAL_USEC);
        else
                end(orphans, process, number);
}

static void look_at(void *userdata, pid_t pid)
{
        struct orphans *orphans = userdata;
        const struct child *known = children_find(orphans->known, pid);
        uint64_t number = known ? known->number : CHILDREN_SUSPECT;
        struct proc_process process;

        if (number != CHILDREN_INHERITED && number < CHILDREN_SUSPECT)
                return;
        if (proc_read(orphans->proc, pid, &process) < 0)
                return;
        if (process.state == 'Z')
                reap(orphans, pid);
        else if (number == CHILDREN_SUSPECT)
                judge(orphans, &process, known != NULL);
}

void orphans_look(struct orphans *orphans)
{
        int r = proc_each_child(orphans->proc, getpid(), look_at, orphans);

        if (r < 0)
                log_warning(NULL, "cannot look for what workers leave behind: %s", strerror(-r));
        orphans->looked = units_now();
}

static void on_look(struct turn_task *task)
{
        struct orphans *orphans = CONTAINER_OF(task, struct orphans, look);
        uint64_t passed = units_now() - orphans->looked;

        if (passed >= INTERVAL_USEC)
                orphans_look(orphans);
        else
                arm(orphans, INTERVAL_USEC - passed);
}

static void look_later(void *userdata)
{
        struct orphans *orphans = userdata;

        turn_defer(orphans->turn, &orphans->look);
}

static void on_event(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd;
        (void)what;
        look_later(userdata);
}

static void leave_alone(void *userdata, pid_t pid)
{
        if (children_add(userdata, pid, CHILDREN_INHERITED) < 0)
                log_warning(NULL, "out of memory: a process that was there before is not known");
}

int orphans_init(struct orphans *orphans, struct event_base *base, struct turn *turn,
                 struct children *known, const char *proc)
{
        *orphans =
                (struct orphans){.known = known, .turn = turn, .look.run = on_look, .proc = proc};
        /* Workers that a template forks become children of the daemon in the same way. */
        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
                return -errno;
        proc_each_child(proc, getpid(), leave_alone, known);
        known->left = look_later;
        known->userdata = orphans;
        orphans->signal = evsignal_new(base, SIGCHLD, on_event, orphans);
        orphans->timer = evtimer_new(base, on_event, orphans);
        if (!orphans->signal || !orphans->timer || event_add(orphans->signal, NULL) < 0)
                return -ENOMEM;
        return 0;
}

void orphans_clear(struct orphans *orphans)
{
        if (!orphans->known)
                return;
        orphans->known->left = NULL;
        turn_forget(&orphans->look);
        orphans_look(orphans);
        orphans_look(orphans);
        /* Whose parent ends becomes a child in turn. */
        for (unsigned i = 0; i < ROUNDS_MAX && orphans->n_dying > 0; i++) {
                waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED | WNOWAIT);
                orphans_look(orphans);
                orphans_look(orphans);
        }
        if (orphans->signal)
                event_free(steal(orphans->signal));
        if (orphans->timer)
                event_free(steal(orphans->timer));
        orphans->known = NULL;
}
