/* SPDX-License-Identifier: MIT */
#include "pool_templates.h"

#include "common/units.h"
#include "death.h"
#include "pool.h"

static void on_changed(void *owner)
{
        struct pool *pool = owner;

        turn_defer(pool->around->turn, &pool->maintain);
}

static bool is_in_use(const struct pool *pool, const struct template *template)
{
        return template == pool->templates.current || template == pool->templates.trial;
}

/* Another one is started when it is wanted. */
static void leave_out(struct pool *pool, const struct template *template)
{
        if (pool->templates.current == template)
                pool->templates.current = NULL;
        if (pool->templates.trial == template)
                pool->templates.trial = NULL;
}

static void discard(struct pool *pool, struct template *template)
{
        leave_out(pool, template);
        TAILQ_REMOVE(&pool->templates.all, template, link);
        turn_bury(pool->around->turn, &template->grave);
        turn_defer(pool->around->turn, &pool->maintain);
}

static void on_ended(void *owner, struct template *template)
{
        const struct process *process = &template->process;
        char text[DEATH_TEXT_MAX];

        /* One that was not ready has made workers fail, which is told. */
        bool is_told = !process->is_asked && process->ready;
        log_event(is_told ? LOG_EVENT_WORKER_DIED : LOG_EVENT_NONE, is_told ? LOG_ERR : LOG_DEBUG,
                  &process->context, "the template %s", death_text(process, text));
        discard(owner, template);
}

static const struct template_events template_events = {on_changed, on_ended};

void templates_init(struct pool *pool)
{
        TAILQ_INIT(&pool->templates.all);
}

void templates_clear(struct pool *pool)
{
        struct template *template;

        while ((template = TAILQ_FIRST(&pool->templates.all))) {
                TAILQ_REMOVE(&pool->templates.all, template, link);
                template_free(template);
        }
}

/* The template that stands there, if it is good for anything, or else a new one. */
static int get(struct pool *pool, struct program_options *options, struct template **place,
               uint64_t now, char error[SPAWN_ERROR_MAX])
{
        if (*place && ((*place)->state == TEMPLATE_UNFIT || !(*place)->process.is_ending))
                return 0;
        *place = NULL;
        int r = template_new(pool->around, options, &template_events, pool, now, place, error);
        if (r < 0)
                return r;
        (*place)->process.quota = &pool->quota;
        TAILQ_INSERT_TAIL(&pool->templates.all, *place, link);
        return 0;
}

int templates_current(struct pool *pool, uint64_t now, struct template **ret,
                      char error[SPAWN_ERROR_MAX])
{
        int r = 0;

        if (pool->options->start_method == START_FORKSERVER)
                r = get(pool, pool->options, &pool->templates.current, now, error);
        *ret = pool->templates.current;
        return r;
}

int templates_trial(struct pool *pool, struct program_options *options, uint64_t now,
                    struct template **ret, char error[SPAWN_ERROR_MAX])
{
        int r = 0;

        pool->templates.trial = NULL;
        if (options->start_method == START_FORKSERVER)
                r = get(pool, options, &pool->templates.trial, now, error);
        *ret = pool->templates.trial;
        return r;
}

void templates_adopt_trial(struct pool *pool)
{
        pool->templates.current = pool->templates.trial;
        pool->templates.trial = NULL;
}

void templates_drop_trial(struct pool *pool)
{
        pool->templates.trial = NULL;
}

/* One that is not in use stays as long as its workers: what it registered for its end may take
 * away what they use. */
static uint64_t maintain(struct pool *pool, struct template *template, uint64_t now)
{
        bool is_needed =
                !template_is_alone(template) || (is_in_use(pool, template) && !pool->is_stopping);

        if (!is_needed && template_has_ended(template)) {
                discard(pool, template);
                return 0;
        }
        if (!is_needed)
                template_stop(template, false, now);
        return template_maintain(template, now);
}

uint64_t templates_maintain(struct pool *pool, uint64_t now)
{
        struct template *template, *next;
        uint64_t when = 0;

        for (template = TAILQ_FIRST(&pool->templates.all); template; template = next) {
                next = TAILQ_NEXT(template, link);
                when = units_sooner(when, maintain(pool, template, now));
        }
        return when;
}

void templates_stop(struct pool *pool, bool hurry, uint64_t now)
{
        struct template *template;

        TAILQ_FOREACH (template, &pool->templates.all, link)
                if (hurry || template_is_alone(template))
                        template_stop(template, hurry, now);
}

bool templates_are_there(const struct pool *pool)
{
        return !TAILQ_EMPTY(&pool->templates.all);
}
