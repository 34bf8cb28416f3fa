/* SPDX-License-Identifier: MIT */
/*
 * Buffers against plain bytes: what goes in comes out, whoever shares it, and the memory of all of
 * it is back in the end.
 */
#include "common/buffer.h"

#include "fixture_loop.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static uint8_t pattern[8 * BUFFER_CHUNK_SIZE];

static void setup(void)
{
        loop_begin();
        for (size_t i = 0; i < sizeof(pattern); i++)
                pattern[i] = (uint8_t)(i * 31 + i / 251);
}

static void check_holds(const struct buffer *buffer, const void *data, size_t length)
{
        _cleanup_free_ uint8_t *bytes = malloc(length + 1);

        ck_assert_uint_eq(buffer->length, length);
        ck_assert_int_eq(buffer_is_empty(buffer), length == 0);
        buffer_copy(buffer, 0, length, bytes);
        ck_assert_int_eq(memcmp(bytes, data, length), 0);
        if (length == 0) {
                ck_assert_ptr_null(buffer->head);
                ck_assert_ptr_null(buffer->tail);
        }
}

static void fill(struct buffer *buffer, size_t length)
{
        buffer_init(buffer, &buffers);
        ck_assert_int_eq(buffer_append(buffer, pattern, length), 0);
}

START_TEST(what_is_appended_is_there_across_chunks)
{
        const size_t lengths[] = {
                1, 5, 4095, BUFFER_CHUNK_SIZE - 1, BUFFER_CHUNK_SIZE, BUFFER_CHUNK_SIZE + 1, 200000,
        };
        struct buffer buffer;
        size_t total = 0;

        buffer_init(&buffer, &buffers);
        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
                ck_assert_int_eq(buffer_append(&buffer, pattern + total, lengths[i]), 0);
                total += lengths[i];
                check_holds(&buffer, pattern, total);
        }
        buffer_clear(&buffer);
        check_holds(&buffer, "", 0);
}
END_TEST

START_TEST(appending_nothing_owns_nothing)
{
        struct buffer buffer;

        buffer_init(&buffer, &buffers);
        ck_assert_int_eq(buffer_append(&buffer, "", 0), 0);
        ck_assert_int_eq(buffer_share(&buffer, &buffer, 0, 0), 0);
        check_holds(&buffer, "", 0);
        ck_assert_uint_eq(buffers.memory, 0);
}
END_TEST

/* The story: each request copied its few bytes of params into a whole chunk of 64 KB, so that a
 * queue of a thousand small requests held 64 MB. */
START_TEST(a_few_bytes_take_little_memory)
{
        struct buffer many[1000], from;

        fill(&from, 20);
        for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
                buffer_init(&many[i], &buffers);
                ck_assert_int_eq(buffer_share(&many[i], &from, 0, from.length), 0);
        }
        ck_assert_uint_le(buffers.memory, ARRAY_SIZE(many) * 1024);
        for (size_t i = 0; i < ARRAY_SIZE(many); i++)
                buffer_clear(&many[i]);
        buffer_clear(&from);
}
END_TEST

START_TEST(many_small_appends_make_few_chunks)
{
        struct buffer buffer;
        size_t slices = 0;

        buffer_init(&buffer, &buffers);
        for (size_t i = 0; i < sizeof(pattern); i += 16)
                ck_assert_int_eq(buffer_append(&buffer, pattern + i, 16), 0);
        for (const struct slice *slice = buffer.head; slice; slice = slice->next)
                slices++;
        ck_assert_uint_le(slices, sizeof(pattern) / BUFFER_CHUNK_SIZE + 10);
        check_holds(&buffer, pattern, sizeof(pattern));
        buffer_clear(&buffer);
}
END_TEST

START_TEST(a_long_range_is_shared_and_a_short_one_is_copied)
{
        struct buffer from, to;

        fill(&from, 3 * BUFFER_CHUNK_SIZE);
        size_t memory = buffers.memory;
        buffer_init(&to, &buffers);
        ck_assert_int_eq(buffer_share(&to, &from, 100, 2 * BUFFER_CHUNK_SIZE), 0);
        ck_assert_uint_eq(buffers.memory, memory);
        buffer_clear(&from);
        check_holds(&to, pattern + 100, 2 * BUFFER_CHUNK_SIZE);
        buffer_clear(&to);
        ck_assert_uint_eq(buffers.memory, 0);

        fill(&from, 3 * BUFFER_CHUNK_SIZE);
        ck_assert_int_eq(buffer_share(&to, &from, BUFFER_CHUNK_SIZE - 10, BUFFER_SHARE_MIN - 1), 0);
        buffer_clear(&from);
        ck_assert_uint_lt(buffers.memory, BUFFER_CHUNK_SIZE);
        check_holds(&to, pattern + BUFFER_CHUNK_SIZE - 10, BUFFER_SHARE_MIN - 1);
        buffer_clear(&to);
}
END_TEST

/* Both slices end where the chunk's bytes do: only the first to grow may take what lies behind. */
START_TEST(of_two_that_end_in_a_chunk_one_grows_into_it)
{
        struct buffer first, second;

        fill(&first, 5000);
        buffer_init(&second, &buffers);
        ck_assert_int_eq(buffer_share(&second, &first, 0, 5000), 0);
        ck_assert_int_eq(buffer_append(&second, "second", 6), 0);
        ck_assert_int_eq(buffer_append(&first, "first", 5), 0);
        ck_assert_int_eq(buffer_append(&second, "!", 1), 0);

        const char *text = buffer_text(&first);
        ck_assert_int_eq(memcmp(text, pattern, 5000), 0);
        ck_assert_str_eq(text + 5000, "first");
        text = buffer_text(&second);
        ck_assert_int_eq(memcmp(text, pattern, 5000), 0);
        ck_assert_str_eq(text + 5000, "second!");
        buffer_clear(&first);
        buffer_clear(&second);
}
END_TEST

START_TEST(reading_does_not_touch_what_another_shares)
{
        struct buffer reader, shared;
        int ends[2];

        make_pipe(&ends[0], &ends[1]);
        buffer_init(&reader, &buffers);
        buffer_init(&shared, &buffers);
        write_all(ends[1], pattern, 5000);
        ck_assert_int_eq(buffer_read(&reader, ends[0], BUFFER_CHUNK_SIZE), 5000);
        ck_assert_int_eq(buffer_share(&shared, &reader, 0, 5000), 0);
        ck_assert_int_eq(buffer_append(&shared, "mine", 4), 0);
        write_text(ends[1], "read");
        ck_assert_int_eq(buffer_read(&reader, ends[0], BUFFER_CHUNK_SIZE), 4);
        ck_assert_str_eq(buffer_text(&reader) + 5000, "read");
        ck_assert_str_eq(buffer_text(&shared) + 5000, "mine");
        buffer_clear(&reader);
        buffer_clear(&shared);
        close(ends[0]);
        close(ends[1]);
}
END_TEST

START_TEST(moving_empties_the_one_and_fills_the_other)
{
        struct buffer from, to;

        fill(&from, 70000);
        buffer_init(&to, &buffers);
        buffer_move(&to, &from);
        check_holds(&from, "", 0);
        check_holds(&to, pattern, 70000);
        buffer_move(&to, &from);
        check_holds(&to, pattern, 70000);
        ck_assert_int_eq(buffer_append(&from, pattern + 70000, 100), 0);
        buffer_move(&to, &from);
        check_holds(&to, pattern, 70100);
        buffer_clear(&to);
}
END_TEST

START_TEST(dropping_gives_chunks_back)
{
        struct buffer buffer;
        size_t dropped = 0;

        fill(&buffer, 5 * BUFFER_CHUNK_SIZE);
        for (size_t step = 1; !buffer_is_empty(&buffer); step = step * 3 + 1) {
                step = step < buffer.length ? step : buffer.length;
                buffer_drop(&buffer, step);
                dropped += step;
                check_holds(&buffer, pattern + dropped, sizeof(pattern) / 8 * 5 - dropped);
                ck_assert_uint_le(buffers.memory, buffer.length + 2 * BUFFER_CHUNK_SIZE);
        }
        ck_assert_uint_eq(buffers.memory, 0);
}
END_TEST

START_TEST(peeking_runs_over_all_bytes)
{
        struct buffer buffer;
        const uint8_t *data;
        size_t offset = 0, length;

        fill(&buffer, 200000);
        while ((length = buffer_peek(&buffer, offset, &data)) > 0) {
                ck_assert_int_eq(memcmp(data, pattern + offset, length), 0);
                offset += length;
        }
        ck_assert_uint_eq(offset, 200000);
        ck_assert_uint_eq(buffer_peek(&buffer, 200001, &data), 0);
        buffer_clear(&buffer);
        ck_assert_uint_eq(buffer_peek(&buffer, 0, &data), 0);
}
END_TEST

START_TEST(a_small_rest_is_made_compact)
{
        struct buffer buffer;

        fill(&buffer, 2 * BUFFER_CHUNK_SIZE);
        buffer_drop(&buffer, 2 * BUFFER_CHUNK_SIZE - 100);
        buffer_compact(&buffer);
        ck_assert_uint_eq(buffers.memory, 100);
        check_holds(&buffer, pattern + 2 * BUFFER_CHUNK_SIZE - 100, 100);
        buffer_compact(&buffer);
        ck_assert_uint_eq(buffers.memory, 100);
        ck_assert_int_eq(buffer_append(&buffer, "more", 4), 0);
        ck_assert_str_eq(buffer_text(&buffer) + 100, "more");
        buffer_clear(&buffer);

        fill(&buffer, BUFFER_SHARE_MIN + 1);
        struct slice *slice = buffer.head;
        buffer_compact(&buffer);
        ck_assert_ptr_eq(buffer.head, slice);
        buffer_clear(&buffer);
        buffer_compact(&buffer);
        ck_assert_ptr_null(buffer.head);
}
END_TEST

START_TEST(reading_keeps_to_its_limit_and_tells_the_end)
{
        struct buffer buffer;
        int ends[2];

        make_pipe(&ends[0], &ends[1]);
        buffer_init(&buffer, &buffers);
        ck_assert_int_eq(buffer_read(&buffer, ends[0], 100), -EAGAIN);
        ck_assert_uint_eq(buffers.memory, 0);
        write_all(ends[1], pattern, 30000);
        ck_assert_int_eq(buffer_read(&buffer, ends[0], 100), 100);
        ck_assert_int_eq(buffer_read(&buffer, ends[0], 20000), 20000);
        ck_assert_int_eq(buffer_read(&buffer, ends[0], 20000), 9900);
        check_holds(&buffer, pattern, 30000);
        close(ends[1]);
        ck_assert_int_eq(buffer_read(&buffer, ends[0], 100), 0);
        ck_assert_int_eq(buffer_read(&buffer, -1, 100), -EBADF);
        check_holds(&buffer, pattern, 30000);
        buffer_clear(&buffer);
        close(ends[0]);
}
END_TEST

START_TEST(one_read_fills_many_chunks)
{
        struct buffer buffer;
        int ends[2];

        make_pipe(&ends[0], &ends[1]);
        ck_assert_int_gt(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20), 0);
        buffer_init(&buffer, &buffers);
        write_all(ends[1], pattern, 300000);
        ck_assert_int_eq(buffer_read(&buffer, ends[0], 10), 10);
        ck_assert_int_eq(buffer_read(&buffer, ends[0], 4 * BUFFER_CHUNK_SIZE),
                         4 * BUFFER_CHUNK_SIZE);
        ck_assert_int_eq(buffer_read(&buffer, ends[0], 4 * BUFFER_CHUNK_SIZE),
                         300000 - 10 - 4 * (int)BUFFER_CHUNK_SIZE);
        check_holds(&buffer, pattern, 300000);
        buffer_clear(&buffer);
        close(ends[0]);
        close(ends[1]);
}
END_TEST

START_TEST(a_full_pipe_takes_a_part)
{
        struct buffer buffer, received;
        int ends[2];

        make_pipe(&ends[0], &ends[1]);
        fill(&buffer, sizeof(pattern));
        buffer_init(&received, &buffers);
        while (received.length < sizeof(pattern)) {
                ssize_t r = buffer_is_empty(&buffer) ? -EAGAIN : buffer_write(&buffer, ends[1]);
                ck_assert(r > 0 || r == -EAGAIN);
                ssize_t got = buffer_read(&received, ends[0], 10000);
                ck_assert(got > 0 || got == -EAGAIN);
        }
        check_holds(&buffer, "", 0);
        check_holds(&received, pattern, sizeof(pattern));
        buffer_clear(&received);
        close(ends[0]);

        ck_assert_int_eq(buffer_append(&buffer, "x", 1), 0);
        ck_assert_int_eq(buffer_write(&buffer, ends[1]), -EPIPE);
        check_holds(&buffer, "x", 1);
        buffer_clear(&buffer);
        close(ends[1]);
}
END_TEST

/* A reader who was as fast as the daemon wrote once had an answer of 10 MB written to him in one
 * go, while all others waited for 50 ms. */
START_TEST(a_turn_ends_however_much_the_reader_takes)
{
        static const char part[BUFFER_CHUNK_SIZE] = "x";
        struct buffer buffer;
        int ends[2], error;
        size_t written = 0;

        make_pipe(&ends[0], &ends[1]);
        if (fcntl(ends[1], F_SETPIPE_SZ, 4 * BUFFER_TURN) < 0) {
                close(ends[0]);
                close(ends[1]);
                return; /* the user has too many pipes */
        }
        buffer_init(&buffer, &buffers);
        while (buffer.length < 2 * BUFFER_TURN)
                ck_assert_int_eq(buffer_append(&buffer, part, sizeof(part)), 0);
        const size_t whole = buffer.length;
        written = buffer_write_turn(&buffer, ends[1], &error);
        ck_assert_int_eq(error, 0);
        ck_assert_uint_ge(written, BUFFER_TURN);
        ck_assert_uint_le(written, BUFFER_TURN + BUFFER_CHUNK_SIZE);
        ck_assert_uint_eq(buffer.length, whole - written);
        written += buffer_write_turn(&buffer, ends[1], &error);
        written += buffer_write_turn(&buffer, ends[1], &error);
        ck_assert_int_eq(error, 0);
        ck_assert_uint_eq(written, whole);
        ck_assert(buffer_is_empty(&buffer));
        close(ends[0]);
        ck_assert_int_eq(buffer_append(&buffer, "x", 1), 0);
        ck_assert_uint_eq(buffer_write_turn(&buffer, ends[1], &error), 0);
        ck_assert_int_eq(error, -EPIPE);
        buffer_clear(&buffer);
        close(ends[1]);
}
END_TEST

START_TEST(free_lists_are_used_and_trimmed)
{
        /* One of each size, and what is as large as several of the largest. */
        const size_t lengths[] = {1, 300, 1000, 4096, 40000, BUFFER_CHUNK_SIZE, sizeof(pattern)};
        struct buffer buffer;

        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
                fill(&buffer, lengths[i]);
                size_t taken = buffers.memory;
                buffer_clear(&buffer);
                ck_assert_uint_ge(buffers.free_memory, taken);

                size_t kept = buffers.free_memory;
                fill(&buffer, lengths[i]);
                ck_assert_uint_eq(buffers.memory, taken);
                ck_assert_uint_eq(buffers.free_memory, kept - taken);
                buffer_clear(&buffer);
        }
        ck_assert_ptr_nonnull(buffer_extend(&buffer, 100));
        ck_assert_uint_eq(buffers.n_free_chunks[0], 0);
        buffer_clear(&buffer);

        buffer_pool_trim(&buffers);
        ck_assert_uint_eq(buffers.free_memory, 0);
        ck_assert_uint_eq(buffers.n_free_slices, 0);
        for (size_t i = 0; i < BUFFER_SIZES; i++)
                ck_assert_ptr_null(buffers.free_chunks[i]);
}
END_TEST

/* What a rush has left behind is bounded, and what was made to measure is not kept. */
START_TEST(free_lists_have_a_limit)
{
        enum { MANY = 100 };
        struct buffer some[MANY];

        for (size_t i = 0; i < MANY; i++)
                fill(&some[i], BUFFER_CHUNK_SIZE);
        size_t taken = buffers.memory;
        for (size_t i = 0; i < MANY; i++)
                buffer_clear(&some[i]);
        ck_assert_uint_gt(buffers.free_memory, 0);
        ck_assert_uint_lt(buffers.free_memory, taken);
        buffer_pool_trim(&buffers);

        fill(&some[0], 300);
        buffer_drop(&some[0], 1);
        buffer_compact(&some[0]);
        size_t kept = buffers.free_memory;
        buffer_clear(&some[0]);
        ck_assert_uint_eq(buffers.free_memory, kept);
        buffer_pool_trim(&buffers);
}
END_TEST

START_TEST(blocks_are_used_again_unless_they_are_large)
{
        void *small = buffer_block_new(&buffers, 1), *large = buffer_block_new(&buffers, 100000);

        memset(small, 'x', 1);
        memset(large, 'x', 100000);
        buffer_block_free(&buffers, small, 1);
        buffer_block_free(&buffers, large, 100000);
        ck_assert_uint_eq(buffers.n_free_blocks, 1);

        void *other = buffer_block_new(&buffers, 400);
        memset(other, 'y', 400);
        ck_assert_ptr_eq(other, small);
        ck_assert_uint_eq(buffers.n_free_blocks, 0);
        buffer_block_free(&buffers, other, 400);
        buffer_pool_trim(&buffers);
        ck_assert_uint_eq(buffers.n_free_blocks, 0);
        ck_assert_ptr_null(buffers.free_blocks);
}
END_TEST

/* The model: each buffer has a plain array that says what must be in it. */
#define MODELS    4
#define MODEL_MAX 400000U

static struct model {
        struct buffer buffer;
        uint8_t bytes[MODEL_MAX];
        size_t length;
} models[MODELS];

static size_t up_to(size_t most)
{
        /* Small and large ones alike. */
        size_t reach = (size_t)1 << (rand() % 18);

        return (size_t)rand() % ((reach < most ? reach : most) + 1);
}

static void append_random(struct model *model)
{
        size_t length = up_to(MODEL_MAX - model->length);
        const uint8_t *from = pattern + (size_t)rand() % (sizeof(pattern) - length);

        ck_assert_int_eq(buffer_append(&model->buffer, from, length), 0);
        memcpy(model->bytes + model->length, from, length);
        model->length += length;
}

static void extend_random(struct model *model)
{
        size_t most = MODEL_MAX - model->length;
        size_t length = up_to(most < BUFFER_SHARE_MIN ? most : BUFFER_SHARE_MIN);
        const uint8_t *from = pattern + (size_t)rand() % (sizeof(pattern) - length);

        if (length == 0)
                return;
        memcpy(buffer_extend(&model->buffer, length), from, length);
        memcpy(model->bytes + model->length, from, length);
        model->length += length;
}

static void share_random(struct model *model, const struct model *from)
{
        size_t offset = up_to(from->length);
        size_t length = up_to(from->length - offset);

        if (model == from || model->length + length > MODEL_MAX)
                return;
        ck_assert_int_eq(buffer_share(&model->buffer, &from->buffer, offset, length), 0);
        memcpy(model->bytes + model->length, from->bytes + offset, length);
        model->length += length;
}

static void move_random(struct model *model, struct model *from)
{
        if (model == from || model->length + from->length > MODEL_MAX)
                return;
        buffer_move(&model->buffer, &from->buffer);
        memcpy(model->bytes + model->length, from->bytes, from->length);
        model->length += from->length;
        from->length = 0;
}

static void drop_random(struct model *model, size_t length)
{
        buffer_drop(&model->buffer, length);
        memmove(model->bytes, model->bytes + length, model->length - length);
        model->length -= length;
}

/* Through a socket from one to the other. */
static void pass_random(struct model *to, struct model *from, const int ends[2])
{
        uint8_t seen[8 * BUFFER_CHUNK_SIZE];

        if (to == from || from->length == 0)
                return;
        ssize_t written = buffer_write(&from->buffer, ends[0]);
        ck_assert_int_gt(written, 0);
        ck_assert_int_le(written, (ssize_t)sizeof(seen));
        memcpy(seen, from->bytes, (size_t)written);
        memmove(from->bytes, from->bytes + written, from->length - (size_t)written);
        from->length -= (size_t)written;
        for (size_t done = 0; done < (size_t)written;) {
                size_t room = MODEL_MAX - to->length;
                if (room == 0) {
                        drop_random(to, to->length);
                        continue;
                }
                ssize_t got = buffer_read(&to->buffer, ends[1], 1 + up_to(room - 1));
                ck_assert_int_gt(got, 0);
                memcpy(to->bytes + to->length, seen + done, (size_t)got);
                to->length += (size_t)got;
                done += (size_t)got;
        }
}

START_TEST(random_operations_agree_with_plain_bytes)
{
        const char *given = getenv("JUMPBOOT_SEED");
        unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
        int ends[2];

        printf("test_buffer: JUMPBOOT_SEED=%u\n", seed);
        srand(seed);
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends),
                         0);
        for (size_t i = 0; i < MODELS; i++)
                buffer_init(&models[i].buffer, &buffers);
        for (int round = 0; round < 20000; round++) {
                struct model *model = &models[rand() % MODELS], *other = &models[rand() % MODELS];
                switch (rand() % 8) {
                case 0:
                        append_random(model);
                        break;
                case 1:
                        share_random(model, other);
                        break;
                case 2:
                        move_random(model, other);
                        break;
                case 3:
                        drop_random(model, up_to(model->length));
                        break;
                case 4:
                        buffer_compact(&model->buffer);
                        break;
                case 5:
                        pass_random(model, other, ends);
                        break;
                case 6:
                        extend_random(model);
                        break;
                default:
                        drop_random(model, rand() % 16 ? 0 : model->length);
                }
                check_holds(&model->buffer, model->bytes, model->length);
                if (round % 64 == 0)
                        check_holds(&other->buffer, other->bytes, other->length);
        }
        for (size_t i = 0; i < MODELS; i++) {
                check_holds(&models[i].buffer, models[i].bytes, models[i].length);
                buffer_clear(&models[i].buffer);
        }
        close(ends[0]);
        close(ends[1]);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("buffer");
        TCase *tcase = loop_case(suite, setup, loop_end);

        tcase_add_test(tcase, what_is_appended_is_there_across_chunks);
        tcase_add_test(tcase, appending_nothing_owns_nothing);
        tcase_add_test(tcase, a_few_bytes_take_little_memory);
        tcase_add_test(tcase, many_small_appends_make_few_chunks);
        tcase_add_test(tcase, a_long_range_is_shared_and_a_short_one_is_copied);
        tcase_add_test(tcase, of_two_that_end_in_a_chunk_one_grows_into_it);
        tcase_add_test(tcase, reading_does_not_touch_what_another_shares);
        tcase_add_test(tcase, moving_empties_the_one_and_fills_the_other);
        tcase_add_test(tcase, dropping_gives_chunks_back);
        tcase_add_test(tcase, peeking_runs_over_all_bytes);
        tcase_add_test(tcase, a_small_rest_is_made_compact);
        tcase_add_test(tcase, reading_keeps_to_its_limit_and_tells_the_end);
        tcase_add_test(tcase, one_read_fills_many_chunks);
        tcase_add_test(tcase, a_full_pipe_takes_a_part);
        tcase_add_test(tcase, a_turn_ends_however_much_the_reader_takes);
        tcase_add_test(tcase, free_lists_are_used_and_trimmed);
        tcase_add_test(tcase, free_lists_have_a_limit);
        tcase_add_test(tcase, blocks_are_used_again_unless_they_are_large);
        tcase_add_test(tcase, random_operations_agree_with_plain_bytes);
        return run_suite(suite);
}
