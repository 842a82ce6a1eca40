/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/fault.h"
#include "base/names.h"

static void test_set_keeps_the_last_view(void **state)
{
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(fault_set(&fault, FAULT_IO, "first %d", 1), -EIO);
        assert_int_equal(fault_set(&fault, FAULT_BUSY, "%s again", fault.message), -EBUSY);
        assert_int_equal(fault.code, FAULT_BUSY);
        assert_string_equal(fault.message, "first 1 again");
        fault_done(&fault);
        assert_int_equal(fault.code, FAULT_NONE);
        assert_null(fault.message);
}

/* Else the bus would not carry it, and the caller would wait in vain. */
static void test_message_is_fit_for_the_bus(void **state)
{
        _cleanup_fault_ Fault fault = {0};

        (void) fault_set(&fault, FAULT_IO, "Reading %s", "t\xe9l\xef\xbf\xbf");
        assert_string_equal(fault.message, "Reading t?l???");
        (void) fault_prefix(&fault, 0, "%s", "\xff");
        assert_string_equal(fault.message, "?: Reading t?l???");
        (void) fault_set_errno(&fault, ENOSPC, "%.1s", "\xc3\xa9");
        assert_string_equal(fault.message, "?: No space left on device");
        /* It may be shown anywhere: no new line, no escape sequence, no mark that turns what follows. */
        (void) fault_set(&fault, FAULT_IO, "Reading %s", "a\nb\x1b[2J\xe2\x80\xae");
        assert_string_equal(fault.message, "Reading a?b?[2J???");
        (void) fault_prefix(&fault, 0, "%s", "\xe2\x80\xa8");
        assert_string_equal(fault.message, "???: Reading a?b?[2J???");
}

static void test_no_fault_wanted(void **state)
{
        assert_int_equal(fault_set(NULL, FAULT_BUSY, "x"), -EBUSY);
        assert_int_equal(fault_set_errno(NULL, ENOSPC, "x"), -ENOSPC);
        assert_int_equal(fault_prefix(NULL, -EBUSY, "x"), -EBUSY);
}

static void test_errno_of_either_sign(void **state)
{
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(fault_set_errno(&fault, -ENOSPC, "Writing %s", "a"), -ENOSPC);
        assert_int_equal(fault.code, FAULT_NO_SPACE);
        assert_string_equal(fault.message, "Writing a: No space left on device");
        assert_int_equal(fault_set_errno(&fault, 99999, "x"), fault_errno(FAULT_FAILED));
        assert_string_equal(fault.message, "x: unknown error");
}

static void test_prefix_keeps_the_code(void **state)
{
        _cleanup_fault_ Fault fault = {0};

        (void) fault_set(&fault, FAULT_CORRUPT, "page 3 is wrong");
        assert_int_equal(fault_prefix(&fault, -EUCLEAN, "%s", "live.db"), -EUCLEAN);
        assert_string_equal(fault.message, "live.db: page 3 is wrong");
}

static void test_move_leaves_nothing_behind(void **state)
{
        _cleanup_fault_ Fault source = {0}, target = {0};

        (void) fault_set(&source, FAULT_BUSY, "a");
        (void) fault_set(&target, FAULT_IO, "b");
        fault_move(&target, &source);
        assert_int_equal(target.code, FAULT_BUSY);
        assert_string_equal(target.message, "a");
        assert_int_equal(source.code, FAULT_NONE);
        assert_null(source.message);
}

/* The three columns never disagree about which fault it was. */
static void test_the_table_is_whole_and_without_doubles(void **state)
{
        for (FaultCode a = FAULT_NONE; a < _FAULT_MAX; a++) {
                assert_non_null(fault_bus_name(a));
                assert_non_null(fault_name(a));
                assert_null(strchr(fault_name(a), '.'));
                assert_int_equal(fault_code_from_bus_name(fault_bus_name(a)), a);
                assert_true(a == FAULT_NONE ? fault_errno(a) == 0 : fault_errno(a) < 0);
                assert_true(a == FAULT_NONE ? fault_exit_code(a) == 0 : fault_exit_code(a) > 0);
                for (FaultCode b = FAULT_NONE; b < a; b++) {
                        assert_int_not_equal(fault_errno(a), fault_errno(b));
                        assert_int_not_equal(fault_exit_code(a), fault_exit_code(b));
                }
        }
        assert_int_equal(fault_code_from_bus_name(ERROR_PREFIX "Nonsense"), _FAULT_INVALID);
        assert_string_equal(fault_name(FAULT_ACCESS_DENIED), "AccessDenied");
}

static void test_codes_of_errnos(void **state)
{
        static const struct {
                int error;
                FaultCode code;
        } cases[] = {
                        {0, FAULT_NONE},
                        {EINVAL, FAULT_INVALID_ARGUMENT},
                        {ENAMETOOLONG, FAULT_INVALID_ARGUMENT},
                        {EACCES, FAULT_PERMISSION},
                        {EPERM, FAULT_PERMISSION},
                        {ENOENT, FAULT_CANNOT_OPEN},
                        {ELOOP, FAULT_CANNOT_OPEN},
                        {ENOSPC, FAULT_NO_SPACE},
                        {EDQUOT, FAULT_NO_SPACE},
                        {EFBIG, FAULT_NO_SPACE},
                        {EROFS, FAULT_READ_ONLY},
                        {EBUSY, FAULT_BUSY},
                        {ECANCELED, FAULT_CANCELLED},
                        {EIO, FAULT_IO},
                        {ENOMEM, FAULT_FAILED},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(fault_code_from_errno(cases[i].error), cases[i].code);
                assert_int_equal(fault_code_from_errno(-cases[i].error), cases[i].code);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_set_keeps_the_last_view),
                        cmocka_unit_test(test_message_is_fit_for_the_bus),
                        cmocka_unit_test(test_no_fault_wanted),
                        cmocka_unit_test(test_errno_of_either_sign),
                        cmocka_unit_test(test_prefix_keeps_the_code),
                        cmocka_unit_test(test_move_leaves_nothing_behind),
                        cmocka_unit_test(test_the_table_is_whole_and_without_doubles),
                        cmocka_unit_test(test_codes_of_errnos),
        };

        return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
