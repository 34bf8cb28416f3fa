/* SPDX-License-Identifier: MIT */
#include "server_end.h"

#include "common/log.h"
#include "common/units.h"
#include "server.h"

#include <errno.h>
#include <event2/event.h>

#define FAREWELL    (1 * USEC_PER_SEC) /* for clients to take answers when all else has ended */
#define LAST_RESORT (5 * USEC_PER_SEC) /* past the daemon's own limits, for the service manager */

void end_go_on(struct server *server)
{
        turn_defer(&server->turn, &server->end.proceed);
}

static void arm(struct event *event, uint64_t usec)
{
        struct timeval delay = {(time_t)(usec / USEC_PER_SEC), (suseconds_t)(usec % USEC_PER_SEC)};

        event_add(event, &delay);
}

static void stop_pools(struct server *server, bool hurry)
{
        uint64_t now = units_now();

        server->state = SERVER_STOPPING;
        server->end.is_hurried = hurry;
        service_enter(&server->service, SUMMARY_STOPPING,
                      now + fleet_time_to_stop(&server->fleet) + LAST_RESORT, now);
        fleet_stop(&server->fleet, hurry, now);
        end_go_on(server); /* there may be nobody left to wait for */
}

/* Goes as far towards the end as can be. */
static void proceed_to_end(struct server *server)
{
        bool has_clients =
                !TAILQ_EMPTY(&server->clients.clients) || !TAILQ_EMPTY(&server->clients.husks);

        if (server->state == SERVER_DRAINING && !has_clients) {
                log_debug(NULL, "every client is answered: the workers leave");
                stop_pools(server, false);
        }
        if (server->state != SERVER_STOPPING || fleet_has_workers(&server->fleet))
                return;
        if (!has_clients || server->end.is_hurried)
                event_base_loopbreak(server->base);
        else if (!evtimer_pending(server->end.deadline, NULL))
                arm(server->end.deadline, FAREWELL);
}

void end_begin(struct server *server)
{
        uint64_t limit = server->settings.options.shutdown_timeout, now = units_now();
        struct client *client, *next;

        server->state = SERVER_DRAINING;
        service_enter(&server->service, SUMMARY_DRAINING, limit ? now + limit + LAST_RESORT : 0,
                      now);
        server->control.is_stopping = true;
        reload_end(&server->reload);
        clients_refuse_deferred(&server->clients);
        listeners_end(&server->listeners);
        for (client = TAILQ_FIRST(&server->clients.clients); client; client = next) {
                next = TAILQ_NEXT(client, link);
                client_shut(client);
        }
        if (limit)
                arm(server->end.deadline, limit);
        end_go_on(server);
}

void end_hurry(struct server *server)
{
        stop_pools(server, true);
}

static void on_shutdown_timeout(evutil_socket_t fd, short what, void *userdata)
{
        struct server *server = userdata;

        (void)fd;
        (void)what;
        if (server->state == SERVER_DRAINING) {
                log_event(LOG_EVENT_SHUTDOWN_TIMEOUT, LOG_WARNING, NULL,
                          "shutdown_timeout: giving up on %zu requests",
                          server->clients.n_requests);
                stop_pools(server, false);
        } else if (!fleet_has_workers(&server->fleet)) {
                log_warning(NULL, "leaving %zu clients that have not taken their answers",
                            server->clients.n_clients);
                event_base_loopbreak(server->base);
        }
}

static void on_proceed(struct turn_task *task)
{
        proceed_to_end(CONTAINER_OF(task, struct server, end.proceed));
}

int end_init(struct server *server)
{
        server->end.proceed.run = on_proceed;
        server->end.deadline = evtimer_new(server->base, on_shutdown_timeout, server);
        return server->end.deadline ? 0 : -ENOMEM;
}

void end_clear(struct server *server)
{
        if (server->end.deadline)
                event_free(server->end.deadline);
}
