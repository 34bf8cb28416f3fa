/* SPDX-License-Identifier: MIT */
#include "sd.h"

#include "common/log.h"
#include "common/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>

int sd_take_socket(void)
{
        int n = sd_listen_fds(1), taken = -ENOENT;

        for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++) {
                if (taken < 0 && sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) > 0) {
                        taken = fd;
                } else {
                        log_warning(NULL,
                                    "ignoring descriptor %d of systemd: it is not a "
                                    "listening UNIX stream socket, or one too many",
                                    fd);
                        close(fd);
                }
        }
        return taken;
}

struct fields {
        struct iovec vectors[10];
        char texts[10][512];
        int n;
};

static void add_field(struct fields *fields, const char *format, ...) _printf_(2, 3);
static void add_field(struct fields *fields, const char *format, ...)
{
        char *text = fields->texts[fields->n];
        va_list arguments;

        va_start(arguments, format);
        int length = vsnprintf(text, sizeof(fields->texts[0]), format, arguments);
        va_end(arguments);
        if (length >= (int)sizeof(fields->texts[0]))
                length = sizeof(fields->texts[0]) - 1;
        fields->vectors[fields->n++] = (struct iovec){text, (size_t)length};
}

static void add_context(struct fields *fields, const struct log_context *context)
{
        if (context->program_set)
                add_field(fields, "JUMPBOOT_PROGRAM_SET=%s", context->program_set);
        if (context->program)
                add_field(fields, "JUMPBOOT_PROGRAM=%s", context->program);
        if (context->pid)
                add_field(fields, "JUMPBOOT_WORKER=%d", (int)context->pid);
        if (context->pid && context->slot >= 0)
                add_field(fields, "JUMPBOOT_SLOT=%d", context->slot);
        if (context->request)
                add_field(fields, "JUMPBOOT_REQUEST=%" PRIu64, context->request);
        if (context->function)
                add_field(fields, "JUMPBOOT_FUNCTION=%s", context->function);
        if (context->message_id)
                add_field(fields, "MESSAGE_ID=%s", context->message_id);
}

/* One entry a text, however many lines it has, with what it is about as fields. */
static void journal_sink(void *userdata, int level, const struct log_context *context,
                         const char *text, size_t length)
{
        char message[LOG_TEXT_MAX + 16];
        struct fields fields = {.n = 0};
        size_t prefix = (size_t)snprintf(message, sizeof(message), "MESSAGE=");

        (void)userdata;
        memcpy(message + prefix, text, length);
        add_field(&fields, "PRIORITY=%d", level);
        if (context)
                add_context(&fields, context);
        fields.vectors[fields.n++] = (struct iovec){message, prefix + length};
        sd_journal_sendv(fields.vectors, fields.n);
}

void sd_use_journal(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        struct stat status;
        unsigned long long device, inode;

        if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
                return;
        if (fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode)
                log_set_sink(journal_sink, NULL);
}

void sd_tell_ready(void)
{
        sd_notify(0, "READY=1");
}

void sd_tell_reloading(void)
{
        sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, units_now());
}

void sd_tell_stopping(void)
{
        sd_notify(0, "STOPPING=1");
}

void sd_tell_status(const char *format, ...)
{
        char text[512];
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        sd_notifyf(0, "STATUS=%s", text);
}
