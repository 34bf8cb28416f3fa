/* SPDX-License-Identifier: MIT */
/*
 * relay SOCKET N COMMAND...: hands the lines of all clients to N workers and their answers back,
 * and does nothing else: no look into a line, no limit, no time, no fault that is dealt with. What
 * a daemon between clients and workers costs at least.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_SIZE   65536
#define EVENTS_MAX  64
#define FIFO_SIZE   131072U /* lines that a worker may have at one time */
#define WORKERS_MAX 64

struct bytes {
        char *data;
        size_t begin, end, size;
};

/* A client, or a worker, which has two descriptors. */
struct peer {
        int in, out;
        unsigned is_worker : 1, is_blocked : 1, is_queued : 1;
        size_t searched; /* of what was read */
        struct bytes read, written;
        struct peer **asked; /* of a worker: whose lines it has, in their order */
        unsigned first, n_asked;
};

static int epoll;
static struct peer *workers[WORKERS_MAX], *queued[EVENTS_MAX * 64];
static unsigned n_workers, n_queued;

static void make_room(struct bytes *bytes, size_t length)
{
        if (bytes->begin == bytes->end)
                bytes->begin = bytes->end = 0;
        if (bytes->size - bytes->end >= length)
                return;
        if (bytes->begin > 0) {
                bytes->end -= bytes->begin;
                memmove(bytes->data, bytes->data + bytes->begin, bytes->end);
                bytes->begin = 0;
        }
        if (bytes->size - bytes->end >= length)
                return;
        bytes->size = 2 * (bytes->end + length);
        bytes->data = realloc(bytes->data, bytes->size);
        if (!bytes->data)
                err(1, "realloc");
}

static void watch(struct peer *peer, int operation, unsigned events, int fd)
{
        struct epoll_event event = {.events = events, .data.ptr = peer};

        if (epoll_ctl(epoll, operation, fd, &event) < 0)
                err(1, "epoll_ctl");
}

static void flush(struct peer *peer)
{
        struct bytes *out = &peer->written;
        ssize_t n = write(peer->out, out->data + out->begin, out->end - out->begin);

        if (n < 0 && errno != EAGAIN)
                out->begin = out->end; /* it has left */
        out->begin += n > 0 ? (size_t)n : 0;
        unsigned is_blocked = out->begin < out->end;
        if (is_blocked == peer->is_blocked)
                return;
        peer->is_blocked = is_blocked;
        if (!peer->is_worker)
                watch(peer, EPOLL_CTL_MOD, EPOLLIN | (is_blocked ? EPOLLOUT : 0U), peer->in);
        else
                watch(peer, is_blocked ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, EPOLLOUT, peer->out);
}

/* It is written to once all that was read has been dealt with. */
static void put_line(struct peer *peer, const char *line, size_t length)
{
        make_room(&peer->written, length);
        memcpy(peer->written.data + peer->written.end, line, length);
        peer->written.end += length;
        if (!peer->is_queued && !peer->is_blocked) {
                peer->is_queued = 1;
                queued[n_queued++] = peer;
        }
}

static struct peer *least_asked(void)
{
        struct peer *least = workers[0];

        for (unsigned i = 1; i < n_workers; i++)
                if (workers[i]->n_asked < least->n_asked)
                        least = workers[i];
        return least;
}

static void relay_line(struct peer *from, const char *line, size_t length)
{
        if (from->is_worker) {
                put_line(from->asked[from->first++ % FIFO_SIZE], line, length);
                from->n_asked--;
                return;
        }
        struct peer *worker = least_asked();
        if (worker->n_asked == FIFO_SIZE)
                errx(1, "too many lines at one time");
        worker->asked[(worker->first + worker->n_asked++) % FIFO_SIZE] = from;
        put_line(worker, line, length);
}

/* False: the peer has left. */
static int receive(struct peer *peer)
{
        struct bytes *in = &peer->read;
        char *newline;

        make_room(in, READ_SIZE);
        ssize_t n = read(peer->in, in->data + in->end, in->size - in->end);
        if (n <= 0)
                return 0;
        in->end += (size_t)n;
        size_t from = in->begin + peer->searched;
        while ((newline = memchr(in->data + from, '\n', in->end - from))) {
                from = (size_t)(newline - in->data) + 1;
                relay_line(peer, in->data + in->begin, from - in->begin);
                in->begin = from;
        }
        peer->searched = in->end - in->begin;
        return 1;
}

static struct peer *add_peer(int in, int out, unsigned is_worker)
{
        struct peer *peer = calloc(1, sizeof(*peer));

        if (!peer)
                err(1, "calloc");
        *peer = (struct peer){.in = in, .out = out, .is_worker = is_worker & 1U};
        fcntl(in, F_SETFL, O_NONBLOCK);
        fcntl(out, F_SETFL, O_NONBLOCK);
        watch(peer, EPOLL_CTL_ADD, EPOLLIN, in);
        return peer;
}

static void add_worker(char **command)
{
        int calls[2], answers[2];

        if (pipe2(calls, O_CLOEXEC) < 0 || pipe2(answers, O_CLOEXEC) < 0)
                err(1, "pipe2");
        if (fork() == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                dup2(calls[0], STDIN_FILENO);
                dup2(answers[1], STDOUT_FILENO);
                execvp(command[0], command);
                err(127, "%s", command[0]);
        }
        close(calls[0]);
        close(answers[1]);
        workers[n_workers] = add_peer(answers[0], calls[1], 1);
        workers[n_workers]->asked = calloc(FIFO_SIZE, sizeof(struct peer *));
        n_workers++;
}

static int listen_on(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct epoll_event event = {.events = EPOLLIN};

        if (strlen(path) >= sizeof(address.sun_path))
                errx(64, "the path is too long: %s", path);
        strcpy(address.sun_path, path);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            listen(fd, 4096) < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
                err(1, "%s", path);
        return fd;
}

static void handle(struct peer *peer, unsigned events, int listener)
{
        if (!peer) {
                int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                if (fd >= 0)
                        add_peer(fd, fd, 0);
                return;
        }
        if (events & EPOLLOUT)
                flush(peer);
        /* A load ends all its connections at once: one that has left with lines under way stays,
         * and what is written to it fails. */
        if ((events & ~(unsigned)EPOLLOUT) && !receive(peer)) {
                if (peer->is_worker)
                        errx(1, "a worker ended");
                epoll_ctl(epoll, EPOLL_CTL_DEL, peer->in, NULL);
                shutdown(peer->in, SHUT_RDWR);
        }
}

int main(int argc, char **argv)
{
        struct epoll_event events[EVENTS_MAX];

        if (argc < 4)
                errx(64, "usage: relay SOCKET N COMMAND...");
        signal(SIGPIPE, SIG_IGN);
        epoll = epoll_create1(EPOLL_CLOEXEC);
        int n = atoi(argv[2]), listener = listen_on(argv[1]);
        for (int i = 0; i < n && i < WORKERS_MAX; i++)
                add_worker(argv + 3);
        while ((n = epoll_wait(epoll, events, EVENTS_MAX, -1)) >= 0) {
                for (int i = 0; i < n; i++)
                        handle(events[i].data.ptr, events[i].events, listener);
                for (unsigned i = 0; i < n_queued; i++) {
                        queued[i]->is_queued = 0;
                        flush(queued[i]);
                }
                n_queued = 0;
        }
        err(1, "epoll_wait");
}
