/* SPDX-License-Identifier: MIT */
/*
 * The OpenRPC document, of functions as workers tell them, and of what no worker should tell.
 */
#include "daemon/discover.h"

#include "fixture_pool.h"

#include "daemon/registry.h"

#include <json-c/json.h>

static struct registry registry;
static struct json_object *document;

static void setup(void)
{
        pools_begin();
        registry = (struct registry){0};
        document = NULL;
}

static void teardown(void)
{
        json_object_put(document);
        registry_clear(&registry);
        workers_end();
}

static void tell(struct pool *pool, const char *methods)
{
        struct json_object *told = methods ? json_tokener_parse(methods) : NULL;

        ck_assert(!methods || told);
        ck_assert_int_eq(catalogue_take(&pool->catalogue, pool->options->name, told, false), 0);
        json_object_put(told);
}

/* A program whose workers have told these methods. */
static void add(const char *name, const char *methods)
{
        struct program_options *options = new_options(name, "echo");

        options->min_workers = 0;
        struct pool *pool = new_pool(options);
        tell(pool, methods);
        ck_assert_int_eq(registry_add(&registry, pool), 0);
}

static struct json_object *member(struct json_object *object, const char *key)
{
        struct json_object *value = NULL;

        ck_assert_msg(json_object_object_get_ex(object, key, &value), "no %s in %s", key,
                      json_object_to_json_string(object));
        return value;
}

static size_t discover(void)
{
        struct buffer text;

        buffer_init(&text, &buffers);
        ck_assert_int_eq(discover_write(&registry, &caller, &text), 0);
        json_object_put(document);
        document = json_tokener_parse(buffer_text(&text));
        ck_assert_msg(document != NULL, "%s", buffer_text(&text));
        buffer_clear(&text);
        return json_object_array_length(member(document, "methods"));
}

static struct json_object *method_at(size_t index)
{
        return json_object_array_get_idx(member(document, "methods"), index);
}

static const char *text(struct json_object *object, const char *key)
{
        return json_object_get_string(member(object, key));
}

static const char *plain(struct json_object *object)
{
        return json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
}

START_TEST(without_programs_it_is_a_document_all_the_same)
{
        ck_assert_uint_eq(discover(), 0);
        ck_assert_str_eq(text(document, "openrpc"), "1.3.2");
        ck_assert_str_eq(text(member(document, "info"), "title"), "jumpbootd");
        ck_assert_str_eq(text(member(document, "info"), "version"), PACKAGE_VERSION);
}
END_TEST

START_TEST(every_function_of_every_program_is_there)
{
        add("b", "{\"f\":{},\"g.h\":{}}");
        add("a", "{\"f\":{}}");
        add("c", NULL);
        ck_assert_uint_eq(discover(), 3);
        ck_assert_str_eq(text(method_at(0), "name"), "a.f");
        ck_assert_str_eq(text(method_at(1), "name"), "b.f");
        ck_assert_str_eq(text(method_at(2), "name"), "b.g.h");
}
END_TEST

START_TEST(a_function_is_told_in_full)
{
        add("calc",
            "{\"add\":{\"doc\":\"Adds.\\n\\nTwo numbers.\",\"async\":true,\"parameters\":["
            "{\"name\":\"a\",\"kind\":\"positional_or_keyword\",\"required\":true,\"type\":\"int\","
            "\"schema\":{\"type\":\"integer\"}},"
            "{\"name\":\"b\",\"kind\":\"positional_or_keyword\",\"required\":false,\"type\":null,"
            "\"schema\":{},\"default\":null,\"default_repr\":\"None\"}],"
            "\"returns\":{\"type\":\"int\",\"schema\":{\"type\":\"integer\"}}}}");
        ck_assert_uint_eq(discover(), 1);
        struct json_object *method = method_at(0), *params = member(method, "params");
        ck_assert_str_eq(text(method, "summary"), "Adds.");
        ck_assert_str_eq(text(method, "description"), "Adds.\n\nTwo numbers.");
        ck_assert_str_eq(text(method, "paramStructure"), "either");
        ck_assert_str_eq(text(method, "x-signature"), "add(a: int, b=None) -> int");
        ck_assert(json_object_get_boolean(member(method, "x-async")));
        ck_assert_str_eq(plain(member(method, "result")),
                         "{\"name\":\"result\",\"schema\":{\"type\":\"integer\"}}");
        ck_assert_str_eq(plain(json_object_array_get_idx(params, 0)),
                         "{\"name\":\"a\",\"required\":true,\"schema\":{\"type\":\"integer\"},"
                         "\"description\":\"int\",\"x-kind\":\"positional_or_keyword\"}");
        ck_assert_str_eq(plain(member(json_object_array_get_idx(params, 1), "schema")),
                         "{\"default\":null}");
}
END_TEST

START_TEST(a_signature_is_written_as_python_would)
{
        static const struct {
                const char *parameters, *signature;
        } rows[] = {
                {"", "f()"},
                {"\"a\",\"positional_only\"", "f(a, /)"},
                {"\"a\",\"positional_only\";\"b\",\"positional_or_keyword\"", "f(a, /, b)"},
                {"\"a\",\"positional_only\";\"b\",\"keyword_only\"", "f(a, /, *, b)"},
                {"\"a\",\"keyword_only\";\"b\",\"keyword_only\"", "f(*, a, b)"},
                {"\"a\",\"var_positional\";\"b\",\"keyword_only\"", "f(*a, b)"},
                {"\"a\",\"positional_or_keyword\";\"k\",\"var_keyword\"", "f(a, **k)"},
                {"\"a\",\"positional_only\";\"k\",\"var_keyword\"", "f(a, /, **k)"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char methods[1024] = "{\"f\":{\"parameters\":[", *copy = strdup(rows[i].parameters);
                char *save = NULL, name[16];
                for (char *one = strtok_r(copy, ";", &save); one;
                     one = strtok_r(NULL, ";", &save)) {
                        char *comma = strchr(one, ',');
                        *comma = '\0';
                        sprintf(methods + strlen(methods), "%s{\"name\":%s,\"kind\":%s}",
                                one == copy ? "" : ",", one, comma + 1);
                }
                strcat(methods, "]}}");
                snprintf(name, sizeof(name), "p%zu", i);
                add(name, methods);
                free(copy);
        }
        ck_assert_uint_eq(discover(), ARRAY_SIZE(rows));
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                ck_assert_str_eq(text(method_at(i), "x-signature"), rows[i].signature);
}
END_TEST

/* The story: a default beside a schema that was no object ended the daemon. */
START_TEST(whatever_a_worker_tells_does_no_harm)
{
        static const char *const methods[] = {
                "17",
                "[]",
                "\"f\"",
                "{\"f\":null,\"g\":17,\"h\":[],\"i\":\"x\"}",
                "{\"f\":{\"parameters\":17,\"returns\":[],\"doc\":[],\"async\":{}}}",
                "{\"f\":{\"parameters\":{\"a\":1},\"returns\":{\"type\":[],\"schema\":7}}}",
                "{\"f\":{\"parameters\":[null,17,\"x\",[],{}]}}",
                "{\"f\":{\"parameters\":[{\"name\":[],\"kind\":{},\"required\":\"x\"}]}}",
                "{\"f\":{\"parameters\":[{\"type\":1,\"default_repr\":[]}]}}",
                "{\"f\":{\"parameters\":[{\"schema\":\"x\",\"default\":1}]}}",
                "{\"f\":{\"parameters\":[{\"schema\":[1],\"default\":{}}]}}",
                "{\"f\":{\"parameters\":[{\"schema\":null,\"default\":null}]}}",
                "{\"\":{},\"a\\u0000b\":{\"doc\":\"\"}}",
        };

        for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
                char name[16];
                snprintf(name, sizeof(name), "p%zu", i);
                add(name, methods[i]);
        }
        ck_assert_uint_ge(discover(), 10);
        ck_assert_ptr_nonnull(plain(document));
}
END_TEST

START_TEST(what_is_told_is_not_changed)
{
        add("a", "{\"f\":{\"parameters\":[{\"name\":\"x\",\"schema\":{},\"default\":1}]}}");
        ck_assert_str_eq(plain(registry.pools[0]->catalogue.told),
                         "{\"f\":{\"parameters\":[{\"name\":\"x\",\"schema\":{},\"default\":1}]}}");
}
END_TEST

START_TEST(the_last_worker_counts)
{
        struct catalogue *catalogue;

        add("a", "{\"f\":{}}");
        catalogue = &registry.pools[0]->catalogue;
        const uint8_t *before, *after;
        buffer_peek(&catalogue->text, 0, &before);
        tell(registry.pools[0], "{ \"f\" : { } }"); /* the same: nothing is made anew */
        buffer_peek(&catalogue->text, 0, &after);
        ck_assert_ptr_eq(before, after);
        tell(registry.pools[0], "{\"g\":{},\"h\":{}}");
        ck_assert_uint_eq(discover(), 2);
        ck_assert_str_eq(text(method_at(0), "name"), "a.g");
        tell(registry.pools[0], NULL);
        ck_assert_uint_eq(discover(), 0);
}
END_TEST

/* A batch of 64 that asked for it held up the daemon for more than a second when there were huge
 * docstrings: each document was made anew, as a tree and then as text. */
START_TEST(many_documents_have_one_text)
{
        enum { DOCUMENTS = 64, DOC = 1000000 };
        static char methods[DOC + 64];
        struct buffer documents[DOCUMENTS];
        size_t before;

        sprintf(methods, "{\"f\":{\"doc\":\"%0*d\"}}", DOC, 0);
        add("a", methods);
        before = buffers.memory;
        ck_assert_uint_ge(before, DOC);
        ck_assert_uint_eq(buffer_pool_moving(&buffers), 0); /* it is not on its way to anybody */
        for (size_t i = 0; i < DOCUMENTS; i++) {
                buffer_init(&documents[i], &buffers);
                ck_assert_int_eq(discover_write(&registry, &caller, &documents[i]), 0);
                ck_assert_uint_gt(documents[i].length, DOC);
        }
        /* what stands around it */
        ck_assert_uint_le(buffers.memory, before + (size_t)3 * DOCUMENTS * BUFFER_CHUNK_SIZE);
        for (size_t i = 0; i < DOCUMENTS; i++)
                buffer_clear(&documents[i]);
        ck_assert_uint_eq(buffers.memory, before);
}
END_TEST

START_TEST(programs_that_take_any_function_are_named)
{
        add("plain", "{}");
        add("loop", "{}");
        ck_assert_uint_eq(discover(), 0);
        ck_assert(!json_object_object_get_ex(document, "x-any-command", NULL));
        registry_find(&registry, "loop", 4)->catalogue.takes_any = true;
        discover();
        ck_assert_str_eq(json_object_to_json_string(member(document, "x-any-command")),
                         "[ \"loop\" ]");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("discover");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, without_programs_it_is_a_document_all_the_same);
        tcase_add_test(tcase, every_function_of_every_program_is_there);
        tcase_add_test(tcase, a_function_is_told_in_full);
        tcase_add_test(tcase, a_signature_is_written_as_python_would);
        tcase_add_test(tcase, whatever_a_worker_tells_does_no_harm);
        tcase_add_test(tcase, what_is_told_is_not_changed);
        tcase_add_test(tcase, the_last_worker_counts);
        tcase_add_test(tcase, many_documents_have_one_text);
        tcase_add_test(tcase, programs_that_take_any_function_are_named);
        return run_suite(suite);
}
