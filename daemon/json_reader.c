/* SPDX-License-Identifier: MIT */
#include "json_reader.h"

#include "json_slip.h"
#include "json_tree.h"

#include "common/envelope.h"
#include "common/path.h"
#include "common/text.h"
#include "common/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#define READ_STEP 65536U

/* Opening waits for nothing (a FIFO without a writer), reading does (a pipe from a command). */
static int open_file(const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        if (fd >= 0)
                fcntl(fd, F_SETFL, 0);
        return fd < 0 ? -errno : fd;
}

/* Reads to the end; -EFBIG past JSON_FILE_MAX. */
static int read_all(int fd, char **ret, size_t *ret_length)
{
        _cleanup_free_ char *data = NULL;
        size_t length = 0, room = 0;
        ssize_t n;

        do {
                if (room - length < READ_STEP) {
                        char *grown = realloc(data, room = room * 2 + READ_STEP);
                        if (!grown)
                                return -ENOMEM;
                        data = grown;
                }
                n = TEMP_FAILURE_RETRY(read(fd, data + length, room - length));
                if (n < 0)
                        return -errno;
                length += (size_t)n;
                if (length > JSON_FILE_MAX)
                        return -EFBIG;
        } while (n > 0);
        *ret = steal(data);
        *ret_length = length;
        return 0;
}

/* Comments may contain anything that is text; so this looks at them, too. */
static int check_utf8(const struct json_document *document, struct config_errors *errors)
{
        const uint8_t *at = (const uint8_t *)document->source, *end = at + document->length;

        if (text_is_utf8(document->source, document->length))
                return 0;
        while (at < end) {
                size_t length = *at < 0x80 ? 1 : utf8_sequence(at, end);
                if (length == 0)
                        break;
                at += length;
        }
        json_document_error(document, errors, (size_t)((const char *)at - document->source),
                            "the byte 0x%02x cannot stand here: the file must be UTF-8",
                            at < end ? *at : 0);
        return 1;
}

static size_t string_end(const char *text, size_t i)
{
        for (i++; text[i] && text[i] != '"' && text[i] != '\n'; i++)
                if (text[i] == '\\' && text[i + 1] && text[i + 1] != '\n')
                        i++;
        return i;
}

static size_t comment_end(const char *text, size_t i, size_t length)
{
        const char *end = text[i + 1] == '/' ? memchr(text + i, '\n', length - i)
                                             : memmem(text + i + 2, length - i - 2, "*/", 2);

        if (!end)
                return text[i + 1] == '/' ? length : SIZE_MAX;
        return (size_t)(end - text) + (text[i + 1] == '/' ? 0 : 2);
}

/*
 * Blanks comments, and line ends outside strings (the scanner takes them for the end of a message).
 * A line end in a string stays, and ends this: it is a fault, which the scanner will find. Returns
 * where a comment begins that has no end, or SIZE_MAX.
 */
static size_t blank_comments(char *text, size_t length)
{
        for (size_t i = 0; i < length; i++) {
                size_t end;

                if (text[i] == '"') {
                        end = string_end(text, i);
                        if (text[end] != '"')
                                return SIZE_MAX;
                        i = end;
                } else if (text[i] == '\n') {
                        text[i] = ' ';
                } else if (text[i] == '/' && (text[i + 1] == '/' || text[i + 1] == '*')) {
                        end = comment_end(text, i, length);
                        if (end == SIZE_MAX)
                                return i;
                        memset(text + i, ' ', end - i);
                        i = end - 1;
                }
        }
        return SIZE_MAX;
}

static void tell_fault(const struct json_document *document, struct config_errors *errors,
                       const struct envelope *scanner)
{
        char slip[JSON_SLIP_MAX] = "";
        size_t offset = scanner->error_offset;

        if (scanner->error != ENVELOPE_DEPTH)
                offset = json_slip_explain(document->text, document->length, offset, slip);
        json_document_error(document, errors, offset, "not JSON: %s",
                            slip[0] ? slip : envelope_error_text(scanner));
}

static int check_grammar(const struct json_document *document, struct config_errors *errors,
                         size_t open_comment)
{
        static const struct envelope_names no_names = {0};
        struct envelope scanner;
        size_t used;
        int r = 1;

        envelope_init(&scanner, &no_names, 0);
        if (envelope_feed(&scanner, document->text, document->length, &used) == ENVELOPE_MORE)
                envelope_finish(&scanner);
        if (open_comment != SIZE_MAX &&
            (scanner.error == ENVELOPE_OK || scanner.error_offset >= open_comment))
                json_document_error(document, errors, open_comment,
                                    "the comment that begins here has no end: */ is missing");
        else if (scanner.error != ENVELOPE_OK)
                tell_fault(document, errors, &scanner);
        else if (scanner.is_blank)
                json_document_error(document, errors, 0,
                                    "the file is empty; the least that can stand here is {}");
        else
                r = 0;
        envelope_clear(&scanner);
        return r;
}

static int new_document(const char *path, const char *text, size_t length,
                        struct json_document **ret)
{
        _cleanup_(json_document_freep) struct json_document *document = NULL;

        document = calloc(1, sizeof(*document));
        if (!document)
                return -ENOMEM;
        document->path = path_resolve(NULL, path);
        document->folder = document->path ? path_folder(document->path) : NULL;
        document->source = malloc(length + 1);
        document->text = malloc(length + 1);
        if (!document->folder || !document->source || !document->text)
                return -ENOMEM;
        memcpy(document->source, text, length);
        memcpy(document->text, text, length);
        document->source[length] = document->text[length] = '\0';
        document->length = length;
        *ret = steal(document);
        return 0;
}

int json_read_text(const char *path, const char *text, size_t length, struct config_errors *errors,
                   struct json_document **ret)
{
        _cleanup_(json_document_freep) struct json_document *document = NULL;
        size_t open_comment;
        int r;

        r = new_document(path, text, length, &document);
        if (r < 0)
                return r;
        r = check_utf8(document, errors);
        if (r != 0)
                return r;
        open_comment = blank_comments(document->text, length);
        r = check_grammar(document, errors, open_comment);
        if (r != 0)
                return r;
        r = json_tree_build(document, errors);
        if (r < 0)
                return r;
        *ret = steal(document);
        return 0;
}

int json_read_file(const char *path, struct config_errors *errors, struct json_document **ret)
{
        struct config_place place = {.path = path};
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int fd = -1;
        size_t length = 0;
        int r;

        fd = open_file(path);
        r = fd < 0 ? fd : read_all(fd, &text, &length);
        if (r == -ENOMEM)
                return r;
        if (r == -EFBIG)
                config_errors_add(errors, &place, "cannot read this file: it is larger than %u MB",
                                  JSON_FILE_MAX >> 20);
        else if (r < 0)
                config_errors_add(errors, &place, "cannot read this file: %s", strerror(-r));
        return r < 0 ? 1 : json_read_text(path, text, length, errors, ret);
}

struct json_document *json_document_free(struct json_document *document)
{
        if (!document)
                return NULL;
        json_object_put(document->root);
        free(document->text);
        free(document->source);
        free(document->folder);
        free(document->path);
        free(document);
        return NULL;
}
