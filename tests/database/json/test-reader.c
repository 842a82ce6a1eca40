/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "base/io.h"
#include "database/json/reader.h"

static JsonReader *open_text(const char *text, size_t size_bytes, int *ret_fd)
{
        JsonReader *reader = NULL;

        *ret_fd = memfd_create("json", MFD_CLOEXEC);
        assert_int_equal(io_write_all(*ret_fd, text, size_bytes), 0);
        assert_int_equal(lseek(*ret_fd, 0, SEEK_SET), 0);
        assert_int_equal(json_reader_new(*ret_fd, NULL, &reader, NULL), 0);
        return reader;
}

/* Writes the tokens as letters, so that an expectation can be read. */
static void describe(const JsonReader *reader, JsonToken token, char *ret, size_t size)
{
        static const char letters[] = {'.', '{', '}', '[', ']', 'k', 's', 'i', 'r', 't', 'f', 'n'};
        size_t used = strlen(ret);

        ret[used++] = letters[token];
        if (token == JSON_KEY || token == JSON_STRING)
                (void) snprintf(ret + used, size - used, "<%s>", reader->text);
        else if (token == JSON_INTEGER)
                (void) snprintf(ret + used, size - used, "<%lld>", (long long) reader->integer);
        else if (token == JSON_REAL)
                (void) snprintf(ret + used, size - used, "<%g>", reader->real);
        else
                ret[used] = '\0';
}

static void assert_tokens(const char *text, const char *expected)
{
        char found[512] = "";
        JsonToken token;
        int fd;
        JsonReader *reader = open_text(text, strlen(text), &fd);

        do {
                _cleanup_fault_ Fault fault = {0};

                if (json_reader_next(reader, &token, &fault) < 0)
                        fail_msg("%s: %s", text, fault.message);
                describe(reader, token, found, sizeof found);
        } while (token != JSON_END);
        assert_string_equal(found, expected);
        reader = json_reader_free(reader);
        (void) close(fd);
}

static void test_tokens(void **state)
{
        assert_tokens("", ".");
        assert_tokens(" {} []\n", "{}[].");
        assert_tokens("{\"a\" : [1,-2 , 3.5,1e2,true,false,null],\"\":\"x\"}",
                        "{k<a>[i<1>i<-2>r<3.5>r<100>tfn]k<>s<x>}.");
        assert_tokens("[-0,-0.0,9223372036854775807,-9223372036854775808]",
                        "[i<0>r<-0>i<9223372036854775807>i<-9223372036854775808>].");
        assert_tokens("{\"a\":{\"b\":{}}}\n{\"c\":[[]]}\n", "{k<a>{k<b>{}}}{k<c>[[]]}.");
        assert_tokens("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"]", "[s<\"\\/\b\f\n\r\té😀>].");
}

static void test_zero_character(void **state)
{
        JsonToken token;
        int fd;
        JsonReader *reader = open_text("\"a\\u0000b\"", 10, &fd);

        assert_int_equal(json_reader_next(reader, &token, NULL), 0);
        assert_int_equal(reader->text_bytes, 3);
        assert_memory_equal(reader->text, "a\0b", 4);
        assert_false(json_reader_text_is(reader, "a"));
        reader = json_reader_free(reader);
        (void) close(fd);
}

static void assert_refused(const char *text, size_t size_bytes, const char *where, const char *words)
{
        Fault fault = {0};
        JsonToken token = JSON_NULL;
        int fd, r = 0;
        JsonReader *reader = open_text(text, size_bytes, &fd);

        while (r >= 0 && token != JSON_END)
                r = json_reader_next(reader, &token, &fault);
        if (r >= 0)
                fail_msg("%s was taken", text);
        assert_int_equal(r, -EINVAL);
        if (!strstr(fault.message, where))
                fail_msg("%s: \"%s\" lacks \"%s\"", text, fault.message, where);
        fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, words);
        reader = json_reader_free(reader);
        (void) close(fd);
}

static void test_wrong_documents(void **state)
{
        static const struct {
                const char *text, *where, *words;
        } wrong[] = {
                        {"{", "Line 1, column 2", "cut short"},
                        {"[1,", "Line 1, column 4", "cut short"},
                        {"[\n\n  1 2]", "Line 3, column 5", "comma"},
                        {"[1,]", "Line 1, column 4", "bracket"},
                        {"[,1]", "Line 1, column 2", "value should begin"},
                        {"{,}", "Line 1, column 2", "name in quotes"},
                        {"{\"a\":1,}", "Line 1, column 8", "bracket"},
                        {"{\"a\"}", "Line 1, column 5", "colon"},
                        {"{\"a\":}", "Line 1, column 6", "bracket"},
                        {"{\"a\",1}", "Line 1, column 5", "colon"},
                        {"{1:2}", "Line 1, column 2", "name in quotes"},
                        {"[}", "Line 1, column 2", "bracket"},
                        {"{]", "Line 1, column 2", "bracket"},
                        {"]", "Line 1, column 1", "bracket"},
                        {"[01]", "Line 1, column 2", "malformed number"},
                        {"[1.]", "Line 1, column 2", "malformed number"},
                        {"[.5]", "Line 1, column 2", "value should begin"},
                        {"[1e]", "Line 1, column 2", "malformed number"},
                        {"[-]", "Line 1, column 2", "malformed number"},
                        {"[+1]", "Line 1, column 2", "value should begin"},
                        {"[9223372036854775808]", "Line 1, column 2", "64 bits"},
                        {"[-9223372036854775809]", "Line 1, column 2", "64 bits"},
                        {"[1e999]", "Line 1, column 2", "too large"},
                        {"[nul]", "Line 1, column 2", "value should begin"},
                        {"[nulll]", "Line 1, column 2", "value should begin"},
                        {"[NaN]", "Line 1, column 2", "value should begin"},
                        {"[\"a", "Line 1, column 4", "inside a string"},
                        {"[\"a\nb\"]", "Line 1, column 4", "control character"},
                        {"[\"\\x\"]", "Line 1, column 4", "escape"},
                        {"[\"\\u12\"]", "Line 1, column 7", "hexadecimal"},
                        {"[\"\\ud800\"]", "Line 1, column 9", "surrogate"},
                        {"[\"\\udc00\"]", "Line 1, column 9", "surrogate"},
                        {"[\"\\ud800\\u0041\"]", "Line 1, column 15", "surrogate"},
                        {"[\"\xff\"]", "Line 1, column 2", "UTF-8"},
                        {"[\"\xed\xa0\x80\"]", "Line 1, column 2", "UTF-8"},
                        {"\xef\xbb\xbf{}", "Line 1, column 1", "value should begin"},
                        {"[[[[[[[[[[[[[[[[[", "Line 1, column 17", "deeper than 16"},
                        {"// no\n{}", "Line 1, column 1", "value should begin"},
        };

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                assert_refused(wrong[i].text, strlen(wrong[i].text), wrong[i].where, wrong[i].words);
        assert_refused("[\0]", 3, "Line 1, column 2", "value should begin");
        assert_refused("\"\\\0\"", 4, "Line 1, column 3", "escape");
}

static void test_lengths_are_bounded(void **state)
{
        _cleanup_free_ char *text = malloc(JSON_READER_TEXT_BYTES + 4);
        JsonToken token;
        int fd;
        JsonReader *reader;

        memset(text, '1', JSON_READER_TEXT_BYTES + 4);
        assert_refused(text, JSON_READER_NUMBER_MAX + 1, "Line 1, column 1", "too long");
        text[0] = text[JSON_READER_TEXT_BYTES + 2] = '"';
        assert_refused(text, JSON_READER_TEXT_BYTES + 3, "Line 1, column 1", "longer than");

        text[JSON_READER_TEXT_BYTES + 1] = '"';
        reader = open_text(text, JSON_READER_TEXT_BYTES + 2, &fd);
        assert_int_equal(json_reader_next(reader, &token, NULL), 0);
        assert_int_equal(reader->text_bytes, JSON_READER_TEXT_BYTES);
        reader = json_reader_free(reader);
        (void) close(fd);
}

/* A document that comes in single bytes, each at a time when the reader waits or not. */
static void *write_bytewise(void *userdata)
{
        static const char text[] = "{\"key\":[12,\"\\u00e9\\ud83d\\ude00\",true]}";

        for (size_t i = 0; i < sizeof text - 1; i++)
                (void) io_write_all(*(int *) userdata, &text[i], 1);
        (void) close(*(int *) userdata);
        return NULL;
}

static void test_pipe_in_single_bytes(void **state)
{
        char found[128] = "";
        JsonReader *reader;
        pthread_t thread;
        JsonToken token;
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        assert_int_equal(json_reader_new(fds[0], NULL, &reader, NULL), 0);
        assert_int_equal(pthread_create(&thread, NULL, write_bytewise, &fds[1]), 0);
        do {
                assert_int_equal(json_reader_next(reader, &token, NULL), 0);
                describe(reader, token, found, sizeof found);
        } while (token != JSON_END);
        assert_string_equal(found, "{k<key>[i<12>s<é😀>t]}.");
        assert_int_equal(pthread_join(thread, NULL), 0);
        reader = json_reader_free(reader);
        (void) close(fds[0]);
}

static void *cancel(void *userdata)
{
        progress_cancel(userdata);
        return NULL;
}

/* The writer keeps the pipe open and writes nothing: without the guard this never ends. */
static void test_cancel_ends_the_wait_for_input(void **state)
{
        Fault fault = {0};
        JsonReader *reader;
        Progress progress;
        pthread_t thread;
        JsonToken token;
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        progress_init(&progress);
        assert_int_equal(json_reader_new(fds[0], &progress, &reader, NULL), 0);
        assert_int_equal(pthread_create(&thread, NULL, cancel, &progress), 0);
        assert_int_equal(json_reader_next(reader, &token, &fault), -ECANCELED);
        fixture_assert_fault(&fault, FAULT_CANCELLED, "Cancelled");
        assert_int_equal(pthread_join(thread, NULL), 0);
        reader = json_reader_free(reader);
        progress_done(&progress);
        (void) close(fds[0]);
        (void) close(fds[1]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_tokens),
                        cmocka_unit_test(test_zero_character),
                        cmocka_unit_test(test_wrong_documents),
                        cmocka_unit_test(test_lengths_are_bounded),
                        cmocka_unit_test(test_pipe_in_single_bytes),
                        cmocka_unit_test(test_cancel_ends_the_wait_for_input),
        };

        return cmocka_run_group_tests_name("database/json-reader", tests, NULL, NULL);
}
