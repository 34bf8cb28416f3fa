/* SPDX-License-Identifier: MIT */
#include "server.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"
#include "sd.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>

#define TRIM_SECONDS 10 /* how often an idle daemon gives memory back */

static void arm(struct event *event, uint64_t usec)
{
        struct timeval delay = {(time_t)(usec / USEC_PER_SEC), (suseconds_t)(usec % USEC_PER_SEC)};

        event_add(event, &delay);
}

static void stop_pools(struct server *server, bool hurry)
{
        uint64_t now = units_now();

        server->state = SERVER_STOPPING;
        clients_refuse_deferred(&server->clients);
        for (size_t i = 0; i < server->registry.n_pools; i++)
                pool_stop(server->registry.pools[i], hurry, now);
        turn_defer(&server->turn, &server->proceed); /* there may be nobody left to wait for */
}

static bool has_workers(const struct server *server)
{
        for (size_t i = 0; i < server->registry.n_pools; i++)
                if (pool_has_workers(server->registry.pools[i]))
                        return true;
        return false;
}

/* Goes as far towards the end as can be. */
static void proceed_to_end(struct server *server)
{
        if (server->state == SERVER_DRAINING && TAILQ_EMPTY(&server->clients.clients) &&
            TAILQ_EMPTY(&server->clients.husks)) {
                log_debug(NULL, "every client is answered: the workers leave");
                stop_pools(server, false);
        }
        if (server->state == SERVER_STOPPING && !has_workers(server))
                event_base_loopbreak(server->base);
}

static void drain(struct server *server)
{
        struct client *client, *next;

        server->state = SERVER_DRAINING;
        server->control.is_stopping = true;
        clients_refuse_deferred(&server->clients);
        listener_clear(&server->listener);
        for (client = TAILQ_FIRST(&server->clients.clients); client; client = next) {
                next = TAILQ_NEXT(client, link);
                client_shut(client);
        }
        if (server->config->server.shutdown_timeout)
                arm(server->deadline, server->config->server.shutdown_timeout);
        turn_defer(&server->turn, &server->proceed);
}

static void on_stop_signal(evutil_socket_t number, short what, void *userdata)
{
        struct server *server = userdata;

        (void)what;
        if (server->state == SERVER_RUNNING) {
                log_notice(NULL, "%s: answering what is under way, then stopping",
                           number == SIGTERM ? "SIGTERM" : "SIGINT");
                sd_tell_stopping();
                sd_tell_status("Stopping: %zu requests in flight", server->clients.n_requests);
                drain(server);
        } else {
                log_notice(NULL, "another signal: stopping at once");
                stop_pools(server, true);
        }
}

static void on_hangup_signal(evutil_socket_t number, short what, void *userdata)
{
        (void)number;
        (void)what;
        (void)userdata;
        log_notice(NULL, "SIGHUP: ignoring it; a changed config needs a restart");
}

static void on_shutdown_timeout(evutil_socket_t fd, short what, void *userdata)
{
        struct server *server = userdata;

        (void)fd;
        (void)what;
        if (server->state != SERVER_DRAINING)
                return;
        log_warning(NULL, "shutdown_timeout: giving up on %zu requests",
                    server->clients.n_requests);
        stop_pools(server, false);
}

static void on_trim(evutil_socket_t fd, short what, void *userdata)
{
        struct server *server = userdata;

        (void)fd;
        (void)what;
        oom_refresh(&server->oom);
        if (server->clients.n_requests > 0 || server->buffers.n_free_chunks == 0)
                return;
        buffer_pool_trim(&server->buffers);
        malloc_trim(0);
}

static void on_proceed(struct turn_task *task)
{
        proceed_to_end(CONTAINER_OF(task, struct server, proceed));
}

static void on_accepted(void *userdata, int fd)
{
        struct server *server = userdata;
        struct client *client;

        if (client_new(&server->clients, fd, &client) < 0)
                log_error(NULL, "dropping a new client: out of memory");
        if (server->clients.n_clients >= server->max_clients) {
                if (!server->is_full_told)
                        log_warning(NULL, "max_clients (%u) is reached: the next ones wait",
                                    server->max_clients);
                server->is_full_told = true;
                listener_pause(&server->listener);
        }
}

static void on_client_gone(void *userdata)
{
        struct server *server = userdata;

        if (server->state != SERVER_RUNNING)
                turn_defer(&server->turn, &server->proceed);
        else if (server->clients.n_clients < server->max_clients)
                listener_resume(&server->listener);
        if (server->clients.n_clients < server->max_clients / 2)
                server->is_full_told = false;
}

static void on_client_held(void *userdata)
{
        struct server *server = userdata;

        pressure_begin(&server->pressure);
}

static enum control_outcome on_control(void *userdata, const struct call *call,
                                       struct request *request, struct rpc_answer *answer)
{
        const struct server *server = userdata;

        return control_call(&server->control, call, request, answer);
}

static void announce(struct server *server)
{
        size_t failing = 0;

        for (size_t i = 0; i < server->registry.n_pools; i++)
                if (pool_is_unavailable(server->registry.pools[i]))
                        failing++;
        log_notice(NULL, "serving %zu programs on %s%s", server->registry.n_pools,
                   server->config->server.listen, failing ? ", some of which fail to start" : "");
        sd_tell_status("%zu programs, %zu of them failing to start", server->registry.n_pools,
                       failing);
        sd_tell_ready();
}

static void on_pool_changed(void *userdata, struct pool *pool)
{
        struct server *server = userdata;

        (void)pool;
        if (server->state != SERVER_RUNNING)
                turn_defer(&server->turn, &server->proceed);
        else if (++server->n_settled == server->registry.n_pools)
                announce(server);
}

static const struct pool_events pool_events = {.changed = on_pool_changed};

static int make_pools(struct server *server)
{
        const struct config *config = server->config;

        server->workers.base = server->base;
        server->workers.turn = &server->turn;
        server->workers.buffers = &server->buffers;
        server->workers.children = &server->children;
        server->workers.oom = &server->oom;
        server->workers.max_response_size = config->server.max_response_size;
        for (size_t i = 0; i < config->n_programs; i++) {
                _cleanup_(pool_freep) struct pool *pool = NULL;
                int r = pool_new(&server->workers, config->programs[i], &pool_events, server,
                                 &pool);
                if (r == 0)
                        r = registry_add(&server->registry, pool);
                if (r < 0)
                        return r;
                pool = NULL;
        }
        return 0;
}

static void prepare_clients(struct server *server)
{
        const struct server_options *options = &server->config->server;

        server->clients = (struct client_surroundings){
                .base = server->base,
                .turn = &server->turn,
                .buffers = &server->buffers,
                .registry = &server->registry,
                .max_requests = options->max_client_requests,
                .max_request_size = options->max_request_size,
                .max_buffered = options->max_buffered,
                .max_unsent = options->max_buffered / 2,
                .control = on_control,
                .gone = on_client_gone,
                .held = on_client_held,
                .userdata = server,
        };
        TAILQ_INIT(&server->clients.clients);
        TAILQ_INIT(&server->clients.husks);
        server->control = (struct control){
                .registry = &server->registry,
                .clients = &server->clients,
                .listen = options->listen,
                .admins = {options->admin_users, options->admin_groups},
                .started = units_now(),
        };
}

static int make_listener(struct server *server)
{
        const struct server_options *options = &server->config->server;
        char error[LISTENER_ERROR_MAX];
        const char *path = NULL;
        int fd = sd_take_socket();

        if (fd < 0) {
                path = options->listen;
                fd = listener_open(path, (mode_t)options->listen_mode, options->listen_group,
                                   error);
                if (fd < 0)
                        log_error(NULL, "%s", error);
        }
        if (fd < 0)
                return fd;
        return listener_init(&server->listener, server->base, fd, path, on_accepted, server);
}

static int make_events(struct server *server)
{
        static const struct {
                int number;
                event_callback_fn callback;
        } signals[] = {
                {SIGTERM, on_stop_signal}, {SIGINT, on_stop_signal}, {SIGHUP, on_hangup_signal}};

        for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
                server->signals[i] =
                        evsignal_new(server->base, signals[i].number, signals[i].callback, server);
                if (!server->signals[i] || event_add(server->signals[i], NULL) < 0)
                        return -ENOMEM;
        }
        server->deadline = evtimer_new(server->base, on_shutdown_timeout, server);
        server->trim = event_new(server->base, -1, EV_PERSIST, on_trim, server);
        if (!server->deadline || !server->trim)
                return -ENOMEM;
        arm(server->trim, TRIM_SECONDS * USEC_PER_SEC);
        return 0;
}

int server_init(struct server *server, const struct config *config,
                const struct server_limits *limits)
{
        *server = (struct server){.config = config, .listener.fd = -1, .proceed.run = on_proceed};
        server->base = event_base_new();
        if (!server->base)
                return -ENOMEM;
        int r = turn_init(&server->turn, server->base);
        oom_init(&server->oom, "/proc", "/sys/fs/cgroup");
        prepare_clients(server);
        if (r == 0)
                r = make_listener(server);
        if (r == 0)
                r = make_events(server);
        if (r == 0)
                r = pressure_init(&server->pressure, &server->clients, &server->workers);
        if (r == 0)
                r = orphans_init(&server->orphans, server->base, &server->turn, &server->children,
                                 "/proc");
        server->workers.files_limit = limits->files;
        server->max_clients = limits->max_clients;
        return r == 0 ? make_pools(server) : r;
}

int server_run(struct server *server)
{
        if (server->registry.n_pools == 0)
                announce(server);
        return event_base_dispatch(server->base) < 0 ? -EIO : 0;
}

void server_clear(struct server *server)
{
        struct client_surroundings *clients = &server->clients;

        if (!server->base)
                return;
        turn_end(&server->turn);
        while (!TAILQ_EMPTY(&clients->clients))
                client_free(TAILQ_FIRST(&clients->clients));
        while (!TAILQ_EMPTY(&clients->husks))
                client_free(TAILQ_FIRST(&clients->husks));
        registry_clear(&server->registry);
        orphans_clear(&server->orphans);
        children_clear(&server->children);
        pressure_clear(&server->pressure);
        listener_clear(&server->listener);
        for (size_t i = 0; i < ARRAY_SIZE(server->signals); i++)
                if (server->signals[i])
                        event_free(server->signals[i]);
        if (server->deadline)
                event_free(server->deadline);
        if (server->trim)
                event_free(server->trim);
        event_base_free(steal(server->base));
        buffer_pool_trim(&server->buffers);
}
