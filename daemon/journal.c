/* SPDX-License-Identifier: MIT */
#include "journal.h"

#include "common/cleanup.h"
#include "common/fdpass.h"
#include "common/log.h"
#include "common/log_line.h"
#include "common/log_outlet.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SEALS          (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

/* It belongs to the log, of which a process has one. */
static struct {
        const char *path;
        int fd;
} journal = {.path = JOURNAL_SOCKET, .fd = -1};

static void put_size(struct log_line *line, size_t at, size_t size)
{
        uint64_t wire = htole64(size);

        if (!line->is_failed)
                memcpy(line->bytes + at, &wire, sizeof(wire));
}

/* In the form for values of any kind, whose length is told. Returns where the value begins. */
static size_t begin_value(struct log_line *line, const char *name)
{
        static const char size[sizeof(uint64_t)];

        log_line_put_string(line, name);
        log_line_put(line, "\n", 1);
        log_line_put(line, size, sizeof(size));
        return line->length;
}

static void end_value(struct log_line *line, size_t begin)
{
        put_size(line, begin - sizeof(uint64_t), line->length - begin);
        log_line_put(line, "\n", 1);
}

/* A value that may come from anybody. */
static void put_text(struct log_line *line, const char *name, const char *value)
{
        if (!value)
                return;
        size_t begin = begin_value(line, name);
        log_line_put_string(line, value);
        end_value(line, begin);
}

static void put_number(struct log_line *line, const char *name, uint64_t number)
{
        char text[64];

        snprintf(text, sizeof(text), "%s=%" PRIu64 "\n", name, number);
        log_line_put_string(line, text);
}

static void put_fields(struct log_line *line, const struct log_context *context)
{
        put_text(line, "JUMPBOOT_PROGRAM_SET", context->program_set);
        put_text(line, "JUMPBOOT_PROGRAM", context->program);
        if (context->pid)
                put_number(line, "JUMPBOOT_WORKER", (uint64_t)context->pid);
        if (context->pid && context->slot >= 0)
                put_number(line, "JUMPBOOT_SLOT", (uint64_t)context->slot);
        if (context->request)
                put_number(line, "JUMPBOOT_REQUEST", context->request);
        put_text(line, "JUMPBOOT_FUNCTION", context->function);
        put_text(line, "JUMPBOOT_STREAM", context->stream);
        put_text(line, "MESSAGE_ID", log_event_id(context->event));
}

/* One entry a text, however many lines it has. */
static void format(struct log_line *line, int level, const struct log_context *context,
                   const char *text, size_t length)
{
        log_line_put_string(line, "SYSLOG_IDENTIFIER=jumpbootd\n");
        put_number(line, "PRIORITY", (uint64_t)level);
        if (context)
                put_fields(line, context);
        size_t begin = begin_value(line, "MESSAGE");
        if (context)
                log_line_put_context(line, context);
        log_line_put_text(line, text, length, "\n");
        end_value(line, begin);
}

void journal_close(void)
{
        journal.fd = close_fd(journal.fd);
}

/* A connected socket becomes writable as soon as journald has read something. */
static int connect_socket(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (strlen(journal.path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, journal.path);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        journal.fd = steal_fd(&fd);
        return 0;
}

static int write_all(int fd, const char *bytes, size_t length)
{
        while (length > 0) {
                ssize_t n = write(fd, bytes, length);
                if (n < 0 && errno != EINTR)
                        return -errno;
                bytes += n > 0 ? n : 0;
                length -= n > 0 ? (size_t)n : 0;
        }
        return 0;
}

/* Too large for a datagram: journald gets a file, which nobody can change any more. -EMSGSIZE:
 * there can be no such file. */
static int send_file(const char *bytes, size_t length)
{
        _cleanup_close_ int fd = memfd_create("jumpbootd-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        int r = fd < 0 ? -errno : write_all(fd, bytes, length);

        if (r == 0 && fcntl(fd, F_ADD_SEALS, SEALS) < 0)
                r = -errno;
        return r == 0 ? fdpass_send(journal.fd, NULL, 0, &fd, 1) : -EMSGSIZE;
}

static int send_entry(const char *bytes, size_t length)
{
        int r;

        do
                r = fdpass_send(journal.fd, bytes, length, NULL, 0);
        while (r == -EINTR);
        return r == -EMSGSIZE || r == -ENOBUFS ? send_file(bytes, length) : r;
}

static enum log_written outcome_of(int r, size_t length, size_t *done)
{
        switch (r) {
        case 0:
                *done = length;
                return LOG_WRITTEN;
        case -EAGAIN:
                return LOG_BUSY;
        case -EMSGSIZE:
                return LOG_DROPPED;
        default:
                journal_close();
                return LOG_GONE;
        }
}

/* A journald that has started anew may have another socket: that is tried at once. */
static enum log_written write_entry(const char *bytes, size_t length, size_t *done)
{
        bool was_open = journal.fd >= 0;
        int r = was_open ? 0 : connect_socket();

        if (r == 0)
                r = send_entry(bytes, length);
        if (was_open && r < 0 && r != -EAGAIN && r != -EMSGSIZE) {
                journal_close();
                r = connect_socket();
                if (r == 0)
                        r = send_entry(bytes, length);
        }
        return outcome_of(r, length, done);
}

static int descriptor(void)
{
        return journal.fd;
}

static const struct log_outlet outlet = {format, write_entry, descriptor};

bool journal_is_stderr(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat status;

        return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
               fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
               status.st_ino == inode;
}

void journal_use(const char *path)
{
        journal_close();
        journal.path = path ? path : JOURNAL_SOCKET;
        log_set_outlet(&outlet);
        connect_socket(); /* else the first line does */
}
