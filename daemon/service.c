/* SPDX-License-Identifier: MIT */
#include "service.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "sd.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX (SUMMARY_MAX + 256)

/* It is at something that has an end. */
static bool is_passing(const struct service *service)
{
        return service->phase != SUMMARY_SERVING;
}

static bool is_stopping(const struct service *service)
{
        return service->phase == SUMMARY_DRAINING || service->phase == SUMMARY_STOPPING;
}

/* Looks how the daemon is. */
static void look_around(struct service *service, uint64_t now)
{
        struct summary summary;

        service->look(service->userdata, &summary);
        summary_text(&summary, service->phase, service->text);
        if (summary.moved != service->moved || service->moved_at == 0)
                service->moved_at = now;
        service->moved = summary.moved;
        /* Without a limit of its own it is requests alone that may hold it up. */
        if (service->phase == SUMMARY_DRAINING && service->until == 0 &&
            summary.n_running + summary.n_waiting > 0)
                service->moved_at = now;
        if (is_passing(service))
                service->look_at = now + SERVICE_TICK;
        else if (strcmp(service->text, service->told) != 0)
                service->look_at = now + SERVICE_INTERVAL;
        else
                service->look_at = 0;
}

static bool gets_on(const struct service *service, uint64_t now)
{
        if (is_stopping(service) && service->until != 0)
                return now < service->until;
        return is_passing(service) && now < service->moved_at + SERVICE_PATIENCE;
}

/* What the manager has to know of a phase. */
static const char *word_of(enum summary_phase phase)
{
        static const char *const words[] = {
                [SUMMARY_STARTING] = "",
                [SUMMARY_SERVING] = "READY=1\n",
                [SUMMARY_LOADING] = "RELOADING=1\n",
                [SUMMARY_SETTLING] = "RELOADING=1\n",
                [SUMMARY_DRAINING] = "STOPPING=1\n",
                [SUMMARY_STOPPING] = "STOPPING=1\n",
        };

        return words[phase];
}

/* Lines for all that is due. False: nothing is. */
static bool write_lines(const struct service *service, char lines[LINES_MAX], bool is_look_due,
                        bool is_ping_due, uint64_t now)
{
        int n = 0;

        lines[0] = '\0';
        if (service->is_word_due)
                n += snprintf(lines, LINES_MAX, "%sMONOTONIC_USEC=%" PRIu64 "\n",
                              word_of(service->phase), now);
        if (strcmp(service->text, service->told) != 0)
                n += snprintf(lines + n, LINES_MAX - (size_t)n, "STATUS=%s\n", service->text);
        if (is_look_due && gets_on(service, now))
                n += snprintf(lines + n, LINES_MAX - (size_t)n, "EXTEND_TIMEOUT_USEC=%llu\n",
                              SERVICE_EXTENSION);
        if (is_ping_due)
                n += snprintf(lines + n, LINES_MAX - (size_t)n, "WATCHDOG=1\n");
        return n > 0;
}

static void take_note(struct service *service, bool is_ping_due, uint64_t now)
{
        service->is_word_due = false;
        service->is_silent = false;
        strcpy(service->told, service->text);
        if (is_ping_due)
                service->ping_at = now + service->watchdog / 2;
}

/* Tells what is due; returns when to try again, if that is needed. */
static uint64_t tell(struct service *service, bool is_look_due, bool is_ping_due, uint64_t now)
{
        char lines[LINES_MAX];

        if (!write_lines(service, lines, is_look_due, is_ping_due, now))
                return 0;
        int r = sd_tell(lines);
        if (r == 0) {
                take_note(service, is_ping_due, now);
                return 0;
        }
        if (r != -EAGAIN && !service->is_silent) {
                log_warning(NULL, "cannot tell the service manager anything: %s; trying again",
                            strerror(-r));
                service->is_silent = true;
        }
        return now + (r == -EAGAIN ? SERVICE_RETRY : SERVICE_INTERVAL);
}

static void arm(const struct service *service, uint64_t when, uint64_t now)
{
        uint64_t wait = when > now ? when - now : 0;
        struct timeval delay = {(time_t)(wait / USEC_PER_SEC), (suseconds_t)(wait % USEC_PER_SEC)};

        if (when)
                event_add(service->timer, &delay);
        else
                event_del(service->timer);
}

static uint64_t update(struct service *service, bool is_timer, uint64_t now)
{
        bool is_ping_due = is_timer && service->ping_at != 0 && service->ping_at <= now;
        bool is_look_due = service->look_at != 0 && service->look_at <= now;

        if (!service->has_manager)
                return 0;
        if (is_look_due)
                look_around(service, now);
        uint64_t retry_at = tell(service, is_look_due, is_ping_due, now);
        uint64_t next = retry_at ? retry_at : service->ping_at;
        next = units_sooner(next, service->look_at);
        arm(service, next, now);
        return next;
}

uint64_t service_maintain(struct service *service, uint64_t now)
{
        return update(service, true, now);
}

void service_look(struct service *service, uint64_t now)
{
        if (service->look_at == 0)
                service->look_at = now;
        update(service, false, now);
}

void service_enter(struct service *service, enum summary_phase phase, uint64_t until, uint64_t now)
{
        service->is_word_due |= strcmp(word_of(phase), word_of(service->phase)) != 0;
        service->phase = phase;
        service->until = until;
        service->moved_at = 0;
        service->look_at = now;
        update(service, false, now);
}

static void on_timer(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd;
        (void)what;
        service_maintain(userdata, units_now());
}

int service_init(struct service *service, struct event_base *base,
                 void (*look)(void *userdata, struct summary *ret), void *userdata)
{
        *service = (struct service){
                .look = look,
                .userdata = userdata,
                .has_manager = getenv("NOTIFY_SOCKET") != NULL,
                .watchdog = sd_watchdog(),
        };
        service->timer = evtimer_new(base, on_timer, service);
        if (service->watchdog)
                service->ping_at = units_now();
        return service->timer ? 0 : -ENOMEM;
}

void service_clear(struct service *service)
{
        if (service->timer)
                event_free(steal(service->timer));
}

void service_tell_failure(int error, const char *reason)
{
        char text[SUMMARY_MAX], lines[LINES_MAX];

        summary_tame(reason, text, sizeof(text));
        snprintf(lines, sizeof(lines), "STATUS=%s\nERRNO=%d\n", text, error);
        sd_tell(lines);
}
