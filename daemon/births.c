/* SPDX-License-Identifier: MIT */
#include "births.h"

#include "children.h"
#include "common/cleanup.h"
#include "common/fdpass.h"
#include "common/units.h"

#include <errno.h>
#include <event2/event.h>
#include <json-c/json.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ASKED_MAX       16 /* forks under way: what the socket holds for sure */
#define MESSAGE_MAX     4096
#define MESSAGES_A_TURN 64

static void is_not_asked(struct birth *birth)
{
        birth->births->n_asked--;
        children_expect_no_more(birth->process->around->children, birth->process->number);
}

void birth_clear(struct birth *birth)
{
        if (birth->births) {
                TAILQ_REMOVE(&birth->births->list, birth, link);
                if (birth->state == BIRTH_ASKED)
                        is_not_asked(birth);
                birth->births = NULL;
        }
        json_object_put(steal(birth->methods));
}

/* Ends a process that has not come to be. Takes the error. */
static void be_stillborn(struct birth *birth, struct json_object *error)
{
        birth_clear(birth);
        process_stillborn(birth->process, error);
}

static struct json_object *new_error(const char *message)
{
        struct json_object *error = json_object_new_object();

        json_object_object_add(error, "message", json_object_new_string(message));
        return error;
}

static int begin(struct birth *birth, char error[SPAWN_ERROR_MAX])
{
        birth->process->started = units_now();
        return birth->begin(birth, error);
}

static void begin_or_end(struct birth *birth)
{
        char error[SPAWN_ERROR_MAX];

        if (begin(birth, error) < 0)
                be_stillborn(birth, new_error(error));
}

static bool may_ask(const struct births *births)
{
        return births->is_open && births->n_asked < ASKED_MAX;
}

/* Asks for those who have waited. */
static void begin_waiting(struct births *births)
{
        struct birth *birth, *next;

        for (birth = TAILQ_FIRST(&births->list); birth && may_ask(births); birth = next) {
                next = TAILQ_NEXT(birth, link);
                if (birth->state == BIRTH_WAITING && !birth->process->is_ending)
                        begin_or_end(birth);
        }
}

void births_open(struct births *births, struct json_object *methods)
{
        births->methods = methods;
        births->is_open = true;
        begin_waiting(births);
}

void births_spawn(struct births *births)
{
        struct birth *birth, *next;

        births->is_open = false;
        for (birth = TAILQ_FIRST(&births->list); birth; birth = next) {
                next = TAILQ_NEXT(birth, link);
                if (birth->state != BIRTH_WAITING || birth->process->is_ending)
                        continue;
                birth_clear(birth);
                begin_or_end(birth);
        }
}

void births_close(struct births *births)
{
        births->is_open = false;
        shutdown(births->control, SHUT_WR);
}

int births_add(struct births *births, struct birth *birth, char error[SPAWN_ERROR_MAX])
{
        birth->births = births;
        birth->state = BIRTH_WAITING;
        TAILQ_INSERT_TAIL(&births->list, birth, link);
        return may_ask(births) ? begin(birth, error) : 0;
}

static struct birth *find(const struct births *births, uint64_t number)
{
        struct birth *birth;

        TAILQ_FOREACH (birth, &births->list, link)
                if (birth->state == BIRTH_ASKED && birth->process->number == number)
                        return birth;
        return NULL;
}

/* A pidfd of a process that is the daemon's child, and no other than it was when it sent the
 * message: a pid is not given again while its child has not been waited for. */
static int open_child(pid_t pid)
{
        _cleanup_close_ int pidfd = pidfd_open(pid, 0);

        if (pidfd < 0 ||
            waitid(P_PIDFD, (id_t)pidfd, &(siginfo_t){0}, WEXITED | WNOHANG | WNOWAIT) < 0)
                return -errno;
        return steal_fd(&pidfd);
}

/* It is there, and there is no memory to look after it: it is ended, and as nobody knows it then,
 * reaped with what workers leave behind. */
static void lose(struct birth *birth, pid_t pid)
{
        kill(-pid, SIGKILL);
        kill(pid, SIGKILL); /* which may not lead a group yet */
        children_remove(birth->process->around->children, pid, NULL);
        be_stillborn(birth, new_error("out of memory"));
}

static void take_born(struct births *births, struct birth *birth, pid_t pid)
{
        struct children *children = births->template->around->children;
        _cleanup_close_ int pidfd = children_find(children, pid) ? -EEXIST : open_child(pid);

        if (pidfd < 0) {
                log_warning(&births->template->context,
                            "ignoring that it has forked process %d: %s", (int)pid,
                            strerror(-pidfd));
        } else if (!birth) { /* nobody waits for it any more */
                pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
        } else if (process_born(birth->process, pid, steal_fd(&pidfd)) < 0) {
                lose(birth, pid);
        } else {
                is_not_asked(birth);
                birth->state = BIRTH_BORN;
                births->n_refused = 0;
        }
}

static void take_refusal(struct births *births, struct birth *birth, const char *reason)
{
        births->n_refused++;
        if (birth)
                be_stillborn(birth, new_error(reason));
        births->events->refused(births->owner, reason);
}

static void take_message(struct births *births, const char *text, pid_t sender)
{
        struct json_object *message = json_tokener_parse(text), *number = NULL, *error = NULL;

        json_object_object_get_ex(message, "number", &number);
        json_object_object_get_ex(message, "error", &error);
        if (!json_object_is_type(number, json_type_int)) {
                births->events->broken(births->owner, "it wrote what no template writes");
        } else {
                struct birth *birth = find(births, (uint64_t)json_object_get_int64(number));
                if (error && sender == births->template->pid)
                        take_refusal(births, birth, json_object_get_string(error));
                else
                        take_born(births, birth, sender);
        }
        json_object_put(message);
}

/* Takes what has come, and gives false at the socket's end. */
static bool read_control(struct births *births)
{
        char text[MESSAGE_MAX + 1];
        ssize_t n = 1;
        pid_t sender;

        for (int i = 0; i < MESSAGES_A_TURN && n > 0; i++) {
                n = fdpass_receive(births->control, text, MESSAGE_MAX, &sender);
                if (n > 0) {
                        text[n] = '\0';
                        take_message(births, text, sender);
                }
        }
        if (n == -EMSGSIZE || n == -EPROTO)
                births->events->broken(births->owner, "it wrote what no template writes");
        return n != 0;
}

bool birth_is_over(struct birth *birth)
{
        if (birth->births && birth->state == BIRTH_ASKED)
                read_control(birth->births);
        return !birth->births || birth->state == BIRTH_BORN;
}

static void on_control(evutil_socket_t fd, short what, void *userdata)
{
        struct births *births = userdata;

        (void)fd;
        (void)what;
        if (read_control(births)) {
                begin_waiting(births);
                births->events->changed(births->owner);
        } else {
                event_del(births->event);
                births->events->closed(births->owner);
        }
}

void births_watch(struct births *births)
{
        event_add(births->event, NULL);
}

int births_init(struct births *births, struct event_base *base, struct process *template,
                const struct births_events *events, void *owner, int *ret_theirs)
{
        int pair[2], r = fdpass_pair(pair);

        *births = (struct births){
                .events = events, .owner = owner, .template = template, .control = pair[0]};
        TAILQ_INIT(&births->list);
        *ret_theirs = pair[1];
        if (r < 0)
                return r;
        births->event = event_new(base, pair[0], EV_READ | EV_PERSIST, on_control, births);
        return births->event && event_add(births->event, NULL) == 0 ? 0 : -ENOMEM;
}

void births_clear(struct births *births)
{
        struct birth *birth;

        while ((birth = TAILQ_FIRST(&births->list)))
                birth_clear(birth);
        if (births->event)
                event_free(steal(births->event));
        births->control = close_fd(births->control);
        json_object_put(steal(births->methods));
}

void births_end(struct births *births, struct json_object *error)
{
        struct birth *birth, *next;

        for (birth = TAILQ_FIRST(&births->list); birth; birth = next) {
                next = TAILQ_NEXT(birth, link);
                if (birth->state == BIRTH_BORN)
                        birth_clear(birth);
                else
                        be_stillborn(birth, json_object_get(error));
        }
        json_object_put(error);
        births_clear(births);
}

/* An unborn process that is to be ended has no signals to wait for; if it comes all the same, it is
 * killed at once. */
uint64_t births_maintain(struct births *births, uint64_t limit, uint64_t now, bool *ret_late)
{
        struct birth *birth, *after;
        uint64_t next = 0;

        for (birth = TAILQ_FIRST(&births->list); birth; birth = after) {
                const struct process *process = birth->process;

                after = TAILQ_NEXT(birth, link);
                if (birth->state == BIRTH_BORN)
                        continue;
                if (birth->state == BIRTH_ASKED && limit && process->started + limit <= now)
                        *ret_late = true;
                if (process->is_ending && process->signal_at > now)
                        next = units_sooner(next, process->signal_at);
                else if (process->is_ending)
                        be_stillborn(birth, NULL);
        }
        return next;
}
