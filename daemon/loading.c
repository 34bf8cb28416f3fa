/* SPDX-License-Identifier: MIT */
#include "loading.h"

#include "common/cleanup.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>

enum job_state {
        JOB_RUNS,
        JOB_DONE,     /* by the thread: the loop has it from now on */
        JOB_LEFT_OFF, /* by the loop: the thread frees it */
};

/* What the thread works on. */
struct job {
        _Atomic enum job_state state;
        int eventfd;
        char *path;
        struct loaded loaded;
};

struct loading {
        struct job *job;
        pthread_t thread;
        struct event *event;
        void (*done)(void *userdata, struct loaded *loaded);
        void *userdata;
        bool is_running; /* the thread was not joined yet */
};

void loaded_clear(struct loaded *loaded)
{
        config_errors_clear(&loaded->errors);
        loaded->config = config_free(loaded->config);
}

static struct job *job_free(struct job *job)
{
        if (!job)
                return NULL;
        loaded_clear(&job->loaded);
        close_fd(job->eventfd);
        free(job->path);
        free(job);
        return NULL;
}

static struct job *job_new(const char *path)
{
        struct job *job = calloc(1, sizeof(*job));

        if (!job)
                return NULL;
        job->path = strdup(path);
        job->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return job->path && job->eventfd >= 0 ? job : job_free(job);
}

static void *run(void *userdata)
{
        struct job *job = userdata;
        struct loaded *loaded = &job->loaded;

        loaded->result = config_load(job->path, &loaded->errors, &loaded->config);
        if (loaded->config)
                config_drop_sources(loaded->config);
        if (atomic_exchange(&job->state, JOB_DONE) == JOB_LEFT_OFF)
                job_free(job);
        else
                eventfd_write(job->eventfd, 1);
        return NULL;
}

/* Signals are the loop's. */
static int start_thread(struct loading *loading)
{
        sigset_t all, before;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int r = -pthread_create(&loading->thread, NULL, run, loading->job);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        loading->is_running = r == 0;
        return r;
}

static void on_done(evutil_socket_t fd, short what, void *userdata)
{
        struct loading *loading = userdata;

        (void)fd;
        (void)what;
        /* It has nothing left to do but to return. */
        pthread_join(loading->thread, NULL);
        loading->is_running = false;
        loading->done(loading->userdata, &loading->job->loaded);
}

int loading_new(struct event_base *base, const char *path,
                void (*done)(void *userdata, struct loaded *loaded), void *userdata,
                struct loading **ret)
{
        struct loading *loading = calloc(1, sizeof(*loading));

        if (!loading)
                return -ENOMEM;
        loading->done = done;
        loading->userdata = userdata;
        loading->job = job_new(path);
        if (loading->job)
                loading->event = event_new(base, loading->job->eventfd, EV_READ, on_done, loading);
        int r = loading->event && event_add(loading->event, NULL) == 0 ? 0 : -ENOMEM;
        if (r == 0)
                r = start_thread(loading);
        if (r < 0)
                loading = loading_free(loading);
        *ret = loading;
        return r;
}

struct loading *loading_free(struct loading *loading)
{
        if (!loading)
                return NULL;
        if (loading->event)
                event_free(loading->event);
        if (loading->is_running) {
                if (atomic_exchange(&loading->job->state, JOB_LEFT_OFF) == JOB_DONE) {
                        pthread_join(loading->thread, NULL);
                } else {
                        pthread_detach(loading->thread);
                        loading->job = NULL;
                }
        }
        job_free(loading->job);
        free(loading);
        return NULL;
}
