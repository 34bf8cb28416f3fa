/* SPDX-License-Identifier: MIT */
#include "template.h"

#include "common/cleanup.h"
#include "common/fdpass.h"
#include "common/units.h"
#include "death.h"
#include "process_environment.h"

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
#define REFUSED_MAX     2  /* refused forks, one after the other, after which none is asked for */
#define MESSAGE_MAX     4096
#define MESSAGES_A_TURN 64
#define GIVE_UP_GRACE   (1 * USEC_PER_SEC) /* for what it forked just before it ended */

void birth_clear(struct birth *birth)
{
        if (birth->template) {
                TAILQ_REMOVE(&birth->template->births, birth, link);
                if (birth->state == BIRTH_ASKED)
                        birth->template->n_asked--;
                birth->template = NULL;
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

/* Asks for those who have waited. */
static void begin_waiting(struct template *template)
{
        struct birth *birth, *next;

        for (birth = TAILQ_FIRST(&template->births); birth; birth = next) {
                next = TAILQ_NEXT(birth, link);
                if (template->state != TEMPLATE_READY || template->n_asked >= ASKED_MAX)
                        return;
                if (birth->state == BIRTH_WAITING && !birth->process->is_ending)
                        begin_or_end(birth);
        }
}

/* Nothing is forked any more: those who wait are spawned. */
static void become_unfit(struct template *template, const char *reason)
{
        struct birth *birth, *next;

        if (template->state == TEMPLATE_UNFIT || template->state == TEMPLATE_ENDED)
                return;
        log_warning(&template->process.context, "its workers are spawned, not forked: %s", reason);
        template->state = TEMPLATE_UNFIT;
        for (birth = TAILQ_FIRST(&template->births); birth; birth = next) {
                next = TAILQ_NEXT(birth, link);
                if (birth->state != BIRTH_WAITING || birth->process->is_ending)
                        continue;
                birth_clear(birth);
                begin_or_end(birth);
        }
        template_stop(template, false, units_now());
        template->events->changed(template->owner);
}

static void on_ready(void *owner, struct json_object *line)
{
        struct template *template = owner;
        struct json_object *unfit = json_object_object_get(line, "unfit");
        const char *message = json_object_get_string(json_object_object_get(line, "message"));

        if (strcmp(message, "template") != 0) {
                become_unfit(template, "its main module has a loop of its own");
        } else if (unfit) {
                become_unfit(template, json_object_get_string(unfit));
        } else {
                log_info(&template->process.context, "template ready after %.1f ms",
                         (double)(template->process.ready - template->process.started) / 1e3);
                template->methods = json_object_get(json_object_object_get(line, "methods"));
                template->state = TEMPLATE_READY;
                begin_waiting(template);
                template->events->changed(template->owner);
        }
}

static struct birth *find_birth(const struct template *template, uint64_t number)
{
        struct birth *birth;

        TAILQ_FOREACH (birth, &template->births, link)
                if (birth->state == BIRTH_ASKED && birth->process->number == number)
                        return birth;
        return NULL;
}

static bool is_known(const struct template *template, pid_t pid)
{
        struct birth *birth;

        TAILQ_FOREACH (birth, &template->births, link)
                if (birth->process->pid == pid)
                        return true;
        return pid == template->process.pid;
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

static void take_born(struct template *template, struct birth *birth, pid_t pid)
{
        _cleanup_close_ int pidfd = is_known(template, pid) ? -EEXIST : open_child(pid);

        if (pidfd < 0) {
                log_warning(&template->process.context,
                            "ignoring process %d, which it forked off: %s", (int)pid,
                            strerror(-pidfd));
        } else if (!birth) { /* nobody waits for it any more */
                pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
        } else if (process_born(birth->process, pid, steal_fd(&pidfd)) < 0) {
                kill(pid, SIGKILL);
                be_stillborn(birth, new_error("out of memory"));
        } else {
                birth->state = BIRTH_BORN;
                template->n_asked--;
                template->n_refused = 0;
        }
}

static void take_refusal(struct template *template, struct birth *birth, const char *reason)
{
        if (birth)
                be_stillborn(birth, new_error(reason));
        if (++template->n_refused >= REFUSED_MAX)
                become_unfit(template, reason);
}

static void take_message(struct template *template, const char *text, pid_t sender)
{
        struct json_object *message = json_tokener_parse(text), *number = NULL, *error = NULL;

        json_object_object_get_ex(message, "number", &number);
        json_object_object_get_ex(message, "error", &error);
        if (!json_object_is_type(number, json_type_int)) {
                process_fail(&template->process, "it wrote what no template writes");
        } else {
                struct birth *birth = find_birth(template, (uint64_t)json_object_get_int64(number));
                if (error && sender == template->process.pid)
                        take_refusal(template, birth, json_object_get_string(error));
                else
                        take_born(template, birth, sender);
        }
        json_object_put(message);
}

/* It has ended, and nobody else has its end of the control socket: nothing comes any more. */
static void end_births(struct template *template)
{
        char text[DEATH_TEXT_MAX], message[DEATH_TEXT_MAX + 64];
        struct birth *birth, *next;

        snprintf(message, sizeof(message), "the template it was to be forked from %s",
                 death_text(&template->process, text));
        struct json_object *error = template->process.ready ? new_error(message)
                                                            : death_start_error(&template->process);
        for (birth = TAILQ_FIRST(&template->births); birth; birth = next) {
                next = TAILQ_NEXT(birth, link);
                if (birth->state == BIRTH_BORN)
                        birth_clear(birth);
                else
                        be_stillborn(birth, json_object_get(error));
        }
        json_object_put(error);
}

static void close_control(struct template *template)
{
        if (template->control_event)
                event_free(steal(template->control_event));
        template->control = close_fd(template->control);
}

static void end(struct template *template)
{
        bool was_unfit = template->state == TEMPLATE_UNFIT;

        close_control(template);
        template->give_up_at = 0;
        end_births(template);
        if (was_unfit) {
                template->events->changed(template->owner);
                return;
        }
        template->state = TEMPLATE_ENDED;
        template->events->ended(template->owner, template);
}

/* Takes what has come, and gives false at the socket's end. */
static bool read_control(struct template *template)
{
        char text[MESSAGE_MAX + 1];
        ssize_t n = 1;
        pid_t sender;

        for (int i = 0; i < MESSAGES_A_TURN && n > 0; i++) {
                n = fdpass_receive(template->control, text, MESSAGE_MAX, &sender);
                if (n > 0) {
                        text[n] = '\0';
                        take_message(template, text, sender);
                }
        }
        if (n == -EMSGSIZE || n == -EPROTO)
                process_fail(&template->process, "it wrote what no template writes");
        return n != 0;
}

bool birth_is_over(struct birth *birth)
{
        if (birth->template && birth->state == BIRTH_ASKED)
                read_control(birth->template);
        return !birth->template || birth->state == BIRTH_BORN;
}

static void on_control(evutil_socket_t fd, short what, void *userdata)
{
        struct template *template = userdata;

        (void)fd;
        (void)what;
        if (read_control(template)) {
                begin_waiting(template);
                template->events->changed(template->owner);
        } else if (template->process.has_exited) {
                end(template);
        } else {
                event_del(template->control_event);
                process_closed(&template->process, "it closed its control socket");
        }
}

static void on_exited(void *owner)
{
        struct template *template = owner;

        /* Another turn shows whether anybody else has the control socket. */
        template->give_up_at = units_now() + GIVE_UP_GRACE;
        event_add(template->control_event, NULL);
        template->events->changed(template->owner);
}

static void on_ending(void *owner)
{
        (void)owner;
}

static void on_leaving(void *owner)
{
        struct template *template = owner;

        template->events->changed(template->owner);
}

static const struct process_events process_events = {
        .ready = on_ready,
        .ending = on_ending,
        .leaving = on_leaving,
        .drain = on_ending,
        .exited = on_exited,
};

static void bury(struct turn_task *grave)
{
        template_free(CONTAINER_OF(grave, struct template, grave));
}

static int start(struct template *template, char error[SPAWN_ERROR_MAX])
{
        struct event_base *base = template->process.around->base;
        _cleanup_(spawned_close) struct spawned ends = SPAWNED_NONE;
        _cleanup_close_ int theirs = -1;
        int pair[2], r = pages_open(&template->pages);

        if (r == 0)
                r = fdpass_pair(pair);
        if (r < 0) {
                snprintf(error, SPAWN_ERROR_MAX, "cannot prepare a template: %s", strerror(-r));
                return r;
        }
        template->control = pair[0];
        theirs = pair[1];
        template->control_event =
                event_new(base, template->control, EV_READ | EV_PERSIST, on_control, template);
        if (!template->control_event || event_add(template->control_event, NULL) < 0)
                return -ENOMEM;
        r = process_spawn(&template->process, template->pages.fd, &theirs, 1, &ends, error);
        pages_close_wanted(&template->pages);
        return r;
}

int template_new(const struct surroundings *around, struct program_options *options,
                 const struct template_events *events, void *owner, uint64_t now,
                 struct template **ret, char error[SPAWN_ERROR_MAX])
{
        struct template *template = calloc(1, sizeof(*template));

        snprintf(error, SPAWN_ERROR_MAX, "out of memory");
        if (!template)
                return -ENOMEM;
        template->events = events;
        template->owner = owner;
        template->options = program_options_ref(options);
        template->control = -1;
        template->pages = (struct pages)PAGES_NONE;
        template->grave.run = bury;
        TAILQ_INIT(&template->births);
        process_init(&template->process, around, options, -1, &process_events, template, now);
        int r = start(template, error);
        if (r < 0) {
                template_free(template);
                return r;
        }
        *ret = template;
        return 0;
}

struct template *template_free(struct template *template)
{
        struct birth *birth;

        if (!template)
                return NULL;
        while ((birth = TAILQ_FIRST(&template->births)))
                birth_clear(birth);
        turn_forget(&template->grave);
        process_clear(&template->process);
        close_control(template);
        pages_clear(&template->pages);
        json_object_put(template->methods);
        program_options_unref(template->options);
        free(template);
        return NULL;
}

int template_bear(struct template *template, struct birth *birth, char error[SPAWN_ERROR_MAX])
{
        birth->state = BIRTH_WAITING;
        if (template->state == TEMPLATE_UNFIT)
                return begin(birth, error);
        birth->template = template;
        TAILQ_INSERT_TAIL(&template->births, birth, link);
        if (template->state == TEMPLATE_READY && template->n_asked < ASKED_MAX)
                return begin(birth, error);
        return 0;
}

/* The variables, which are cut at their "=". */
static struct json_object *new_environment(char **variables)
{
        struct json_object *environment = json_object_new_object();

        for (; *variables; variables++) {
                char *value = strchr(*variables, '=');
                *value = '\0';
                json_object_object_add(environment, *variables, json_object_new_string(value + 1));
        }
        return environment;
}

/* NULL: out of memory. */
static struct json_object *new_command(const struct process *process)
{
        _cleanup_free_ char **variables =
                process_environment_new(process->options, process->context.slot, process->number);

        if (!variables)
                return NULL;
        struct json_object *command = json_object_new_object();
        json_object_object_add(command, "number", json_object_new_int64((int64_t)process->number));
        json_object_object_add(command, "parent", json_object_new_int64(getpid()));
        json_object_object_add(
                command, "environment",
                new_environment(process_environment_own(variables, process->options)));
        return command;
}

static int ask(struct birth *birth, const int *fds, size_t n_fds)
{
        struct json_object *command = new_command(birth->process);
        size_t length;

        if (!command)
                return -ENOMEM;
        const char *text =
                json_object_to_json_string_length(command, JSON_C_TO_STRING_PLAIN, &length);
        int r = fdpass_send(birth->template->control, text, length, fds, n_fds);
        json_object_put(command);
        return r;
}

int template_fork(struct birth *birth, const int *page_fds, struct spawned *ends,
                  char error[SPAWN_ERROR_MAX])
{
        int theirs[SPAWN_PIPES + PAGES_COUNT];
        int r = spawn_pipes(ends, theirs, error);

        memcpy(&theirs[SPAWN_PIPES], page_fds, PAGES_COUNT * sizeof(*page_fds));
        if (r == 0) {
                r = ask(birth, theirs, ARRAY_SIZE(theirs));
                if (r < 0)
                        snprintf(error, SPAWN_ERROR_MAX, "cannot ask the template for it: %s",
                                 strerror(-r));
        }
        for (size_t i = 0; i < SPAWN_PIPES; i++)
                close_fd(theirs[i]);
        if (r < 0)
                return r;
        birth->state = BIRTH_ASKED;
        birth->template->n_asked++;
        birth->methods = json_object_get(birth->template->methods);
        snprintf(error, SPAWN_ERROR_MAX, "out of memory");
        return process_attach(birth->process, ends);
}

bool template_is_alone(const struct template *template)
{
        return TAILQ_EMPTY(&template->births);
}

bool template_has_exited(const struct template *template)
{
        return template->process.has_exited && template->control < 0;
}

void template_stop(struct template *template, bool hurry, uint64_t now)
{
        struct process *process = &template->process;

        if (process->has_exited)
                return;
        if (hurry) {
                process_kill(process);
        } else if (!process->is_ending) {
                process->is_asked = true;
                process_expect_end(process, SIGTERM, now + template->options->terminate_timeout);
                shutdown(template->control, SHUT_WR);
        }
}

/* An unborn process that is to be ended has no signals to wait for; if it comes all the same, it is
 * killed at once. */
static uint64_t maintain_birth(struct birth *birth, uint64_t now)
{
        struct process *process = birth->process;
        uint64_t limit = birth->template->options->startup_timeout;

        if (birth->state == BIRTH_BORN)
                return 0;
        if (process->is_ending && process->signal_at > now)
                return process->signal_at;
        if (birth->state == BIRTH_ASKED && limit && process->started + limit <= now)
                process_fail(&birth->template->process,
                             "it has not forked a worker within startup_timeout");
        if (process->is_ending)
                be_stillborn(birth, NULL);
        return 0;
}

uint64_t template_maintain(struct template *template, uint64_t now)
{
        struct process *process = &template->process;
        uint64_t limit = template->options->startup_timeout, next = 0;
        struct birth *birth, *after;

        if (template->state == TEMPLATE_STARTING && limit && !process->is_ending) {
                if (process->started + limit <= now)
                        process_fail(process, "it was not ready within startup_timeout");
                else
                        next = process->started + limit;
        }
        for (birth = TAILQ_FIRST(&template->births); birth; birth = after) {
                after = TAILQ_NEXT(birth, link);
                next = units_sooner(next, maintain_birth(birth, now));
        }
        next = units_sooner(next, process_escalate(process, now));
        if (template->give_up_at == 0 || template->give_up_at > now)
                return units_sooner(next, template->give_up_at);
        end(template);
        return 0;
}
