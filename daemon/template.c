/* SPDX-License-Identifier: MIT */
#include "template.h"

#include "common/cleanup.h"
#include "common/units.h"
#include "death.h"
#include "process_spawn.h"

#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED_MAX   2                  /* refused forks, one after the other, that are enough */
#define GIVE_UP_GRACE (1 * USEC_PER_SEC) /* for what it forked just before it ended */

/* Nothing is forked any more. */
static void become_unfit(struct template *template, const char *reason)
{
        if (template->state == TEMPLATE_UNFIT || template->process.is_ending)
                return;
        log_event(LOG_EVENT_NOT_FORKED, LOG_WARNING, &template->process.context,
                  "its workers are spawned, not forked: %s", reason);
        template->state = TEMPLATE_UNFIT;
        births_spawn(&template->births);
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
                template->state = TEMPLATE_READY;
                births_open(&template->births,
                            json_object_get(json_object_object_get(line, "methods")));
                template->events->changed(template->owner);
        }
}

static void nothing_to_do(void *owner)
{
        (void)owner;
}

static void on_changed(void *owner)
{
        struct template *template = owner;

        template->events->changed(template->owner);
}

static void on_exited(void *owner)
{
        struct template *template = owner;

        /* Another turn shows whether anybody else has the control socket. */
        template->give_up_at = units_now() + GIVE_UP_GRACE;
        births_watch(&template->births);
        template->events->changed(template->owner);
}

static const struct process_events process_events = {
        .ready = on_ready,
        .ending = nothing_to_do,
        .leaving = on_changed,
        .drain = nothing_to_do,
        .exited = on_exited,
};

static struct json_object *new_error(const struct process *process)
{
        char text[DEATH_TEXT_MAX], message[DEATH_TEXT_MAX + 64];

        if (!process->ready)
                return death_start_error(process);
        snprintf(message, sizeof(message), "the template it was to be forked from %s",
                 death_text(process, text));
        struct json_object *error = json_object_new_object();
        json_object_object_add(error, "message", json_object_new_string(message));
        return error;
}

/* It has exited, and nothing comes from those that it has forked. */
static void end(struct template *template)
{
        template->give_up_at = 0;
        births_end(&template->births, new_error(&template->process));
        if (template->state == TEMPLATE_UNFIT) {
                template->events->changed(template->owner);
                return;
        }
        template->state = TEMPLATE_ENDED;
        template->events->ended(template->owner, template);
}

static void on_refused(void *owner, const char *reason)
{
        struct template *template = owner;

        if (template->births.n_refused >= REFUSED_MAX)
                become_unfit(template, reason);
}

static void on_broken(void *owner, const char *reason)
{
        struct template *template = owner;

        process_fail(&template->process, reason);
}

static void on_closed(void *owner)
{
        struct template *template = owner;

        if (template->process.has_exited)
                end(template);
        else
                process_closed(&template->process, "it closed its control socket");
}

static const struct births_events births_events = {on_changed, on_refused, on_broken, on_closed};

static void bury(struct turn_task *grave)
{
        template_free(CONTAINER_OF(grave, struct template, grave));
}

static int start(struct template *template, char error[SPAWN_ERROR_MAX])
{
        struct process *process = &template->process;
        _cleanup_(spawned_close) struct spawned ends = SPAWNED_NONE;
        _cleanup_close_ int theirs = -1;
        int r = births_init(&template->births, process->around->base, process, &births_events,
                            template, &theirs);

        if (r == 0)
                r = pages_open(&template->pages);
        if (r < 0)
                snprintf(error, SPAWN_ERROR_MAX, "cannot prepare a template: %s", strerror(-r));
        else
                r = process_spawn(process, template->pages.fd, theirs, &ends, error);
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
        template->pages = (struct pages)PAGES_NONE;
        template->grave.run = bury;
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
        if (!template)
                return NULL;
        turn_forget(&template->grave);
        births_clear(&template->births);
        process_clear(&template->process);
        pages_clear(&template->pages);
        program_options_unref(template->options);
        free(template);
        return NULL;
}

int template_bear(struct template *template, struct birth *birth, char error[SPAWN_ERROR_MAX])
{
        return template->state == TEMPLATE_UNFIT ? birth->begin(birth, error)
                                                 : births_add(&template->births, birth, error);
}

bool template_is_alone(const struct template *template)
{
        return TAILQ_EMPTY(&template->births.list);
}

bool template_has_ended(const struct template *template)
{
        return template->process.has_exited && template->give_up_at == 0;
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
                births_close(&template->births);
        }
}

/* It came up, and did not fork, within startup_timeout; returns when the first of these is due. */
static uint64_t keep_limits(struct template *template, uint64_t now)
{
        struct process *process = &template->process;
        uint64_t limit = template->options->startup_timeout, next;
        bool is_late = false;

        next = births_maintain(&template->births, limit, now, &is_late);
        if (is_late)
                process_fail(process, "it has not forked a worker within startup_timeout");
        if (template->state != TEMPLATE_STARTING || limit == 0 || process->is_ending)
                return next;
        if (process->started + limit > now)
                return units_sooner(next, process->started + limit);
        process_fail(process, PROCESS_LATE);
        return next;
}

uint64_t template_maintain(struct template *template, uint64_t now)
{
        uint64_t next;

        if (template_has_ended(template))
                return 0;
        next = keep_limits(template, now);
        next = units_sooner(next, process_escalate(&template->process, now));
        if (template->give_up_at == 0 || template->give_up_at > now)
                return units_sooner(next, template->give_up_at);
        end(template);
        return 0;
}
