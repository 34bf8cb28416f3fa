/* SPDX-License-Identifier: MIT */
#include "pressure.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"

#include <errno.h>
#include <event2/event.h>

#define INTERVAL_USEC 20000
#define STALL_LIMIT   (2 * USEC_PER_SEC)

static void tick_again(struct pressure *pressure)
{
        struct timeval delay = {.tv_usec = INTERVAL_USEC};

        event_add(pressure->timer, &delay);
}

/* It keeps memory in use, and does nothing to set it free. */
static bool is_stalled(const struct client *client, uint64_t now)
{
        /* All others wait for one that is exempt, however busy it is. */
        if (client->is_exempt && now - client->exempted > STALL_LIMIT)
                return true;
        return !buffer_is_empty(&client->out) && now - client->moved > STALL_LIMIT;
}

static void drop_stalled(struct client_surroundings *around, uint64_t now)
{
        struct client *client, *next;

        for (client = TAILQ_FIRST(&around->clients); client; client = next) {
                next = TAILQ_NEXT(client, link);
                if (!is_stalled(client, now))
                        continue;
                log_warning(NULL,
                            "dropping a client (pid %d, uid %u): max_buffered is reached, and it "
                            "has not taken its answers, or not ended its line, for 2 seconds",
                            (int)client->caller.peer.pid, (unsigned)client->caller.peer.uid);
                client_drop(client);
        }
}

static void release_all(struct client_surroundings *around)
{
        struct client *client, *next;

        for (client = TAILQ_FIRST(&around->clients); client; client = next) {
                next = TAILQ_NEXT(client, link);
                if (client->is_held || client->is_exempt)
                        client_release(client, false);
        }
}

/* Lets one client go on to the end of its line, unless one does already. */
static void release_one(struct client_surroundings *around)
{
        struct client *client, *chosen = NULL;

        TAILQ_FOREACH (client, &around->clients, link) {
                if (client->is_exempt)
                        return;
                if (!chosen && client->is_held && client_is_amid_line(client))
                        chosen = client;
        }
        if (!chosen)
                return;
        chosen->exempted = units_now();
        client_release(chosen, true);
}

/* Holds the workers back, or lets them go on, as the answers that wait have it. */
static void update_workers(struct pressure *pressure)
{
        const struct registry *registry = pressure->clients->registry;
        const struct client_surroundings *around = pressure->clients;
        uint64_t now = units_now();
        struct pool *pool;
        bool was_held_back = pressure->workers->is_held_back;

        pressure->workers->is_held_back = around->unsent > around->max_unsent;
        if (!was_held_back || pressure->workers->is_held_back)
                return;
        for (size_t i = 0; i < registry->n_pools; i++)
                pool_resume(registry->pools[i], now);
        LIST_FOREACH(pool, &registry->leaving, leaving)
        pool_resume(pool, now);
}

static void on_tick(evutil_socket_t fd, short what, void *userdata)
{
        struct pressure *pressure = userdata;
        struct client_surroundings *around = pressure->clients;

        (void)fd;
        (void)what;
        update_workers(pressure);
        if (buffer_pool_moving(around->buffers) <= around->max_buffered &&
            around->unsent <= around->max_unsent) {
                log_notice(NULL, "the buffers are below max_buffered again: all goes on");
                pressure->is_on = false;
                release_all(around);
                return;
        }
        drop_stalled(around, units_now());
        release_one(around);
        tick_again(pressure);
}

int pressure_init(struct pressure *pressure, struct client_surroundings *clients,
                  struct surroundings *workers)
{
        *pressure = (struct pressure){.clients = clients, .workers = workers};
        pressure->timer = event_new(clients->base, -1, 0, on_tick, pressure);
        return pressure->timer ? 0 : -ENOMEM;
}

void pressure_clear(struct pressure *pressure)
{
        if (pressure->timer)
                event_free(steal(pressure->timer));
}

void pressure_begin(struct pressure *pressure)
{
        const struct client_surroundings *around = pressure->clients;

        pressure->workers->is_held_back |= around->unsent > around->max_unsent;
        if (pressure->is_on)
                return;
        log_event(LOG_EVENT_BUFFERS_FULL, LOG_WARNING, NULL,
                  "the buffers have reached max_buffered: pausing");
        pressure->is_on = true;
        tick_again(pressure);
}
