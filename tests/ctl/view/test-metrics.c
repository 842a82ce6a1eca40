/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ctl/show/document.h"
#include "ctl/view/metrics.h"

static char *write_text(const char *json, MetricsFormat format)
{
        _cleanup_json_ json_object *properties = json ? json_tokener_parse(json) : NULL;
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        assert_non_null(stream);
        assert_true(!json || properties);
        metrics_write(properties, format, stream);
        assert_int_equal(fclose(stream), 0);
        return text;
}

/* Line by line: the whole of one is there. */
static void assert_line(const char *text, const char *line)
{
        size_t length = strlen(line);

        for (const char *at = text; (at = strstr(at, line)); at++)
                if ((at == text || at[-1] == '\n') && at[length] == '\n')
                        return;
        fail_msg("no line '%s' in:\n%s", line, text);
}

static void test_a_service_that_does_not_answer_is_down(void **state)
{
        _cleanup_free_ char *open = write_text(NULL, METRICS_OPENMETRICS),
                            *older = write_text(NULL, METRICS_PROMETHEUS);

        assert_string_equal(open,
                        "# HELP oracxpred_up 1 when the service answers on the bus.\n"
                        "# TYPE oracxpred_up gauge\n"
                        "oracxpred_up 0\n"
                        "# EOF\n");
        assert_null(strstr(older, "# EOF"));
        assert_line(older, "oracxpred_up 0");
}

static void test_an_empty_document_is_no_crash(void **state)
{
        _cleanup_free_ char *text = write_text("{}", METRICS_OPENMETRICS);

        assert_line(text, "oracxpred_up 1");
        assert_null(strstr(text, "oracxpred_last_backup_timestamp_seconds"));
        assert_string_equal(text + strlen(text) - strlen("\n# EOF\n"), "\n# EOF\n");
}

static void test_labels_are_escaped(void **state)
{
        _cleanup_free_ char *text =
                        write_text("{\"Tables\": {\"a\\\"b\\\\c\\nd\": 3}}", METRICS_OPENMETRICS);

        assert_line(text, "oracxpred_table_rows{table=\"a\\\"b\\\\c\\nd\"} 3");
}

static void test_times_are_exact_seconds(void **state)
{
        _cleanup_free_ char *text =
                        write_text("{\"LastBackupUSec\": 1790000000000042, \"LastRestoreUSec\": 0}",
                                        METRICS_OPENMETRICS);

        assert_line(text, "oracxpred_last_backup_timestamp_seconds 1790000000.000042");
        assert_line(text, "# UNIT oracxpred_last_backup_timestamp_seconds seconds");
        /* What never was has no moment. */
        assert_null(strstr(text, "oracxpred_last_restore_timestamp_seconds"));
}

static void test_one_state_holds(void **state)
{
        _cleanup_free_ char *text = write_text("{\"Health\": \"stale\", \"HealthReasons\": "
                                               "[{\"Code\": \"stale\", \"Message\": \"Too old\"}]}",
                        METRICS_PROMETHEUS);

        assert_line(text, "oracxpred_health{state=\"ok\"} 0");
        assert_line(text, "oracxpred_health{state=\"stale\"} 1");
        assert_line(text, "oracxpred_health_reason{code=\"stale\"} 1");
}

static void test_counters_are_named_as_each_format_wants(void **state)
{
        static const char json[] = "{\"Version\": \"1.2\", \"SQLiteVersion\": \"3.40.1\", \"JobsEnded\": "
                                   "[{\"Operation\": \"backup\", \"Done\": 7, \"Failed\": 1, "
                                   "\"Cancelled\": 0}]}";
        _cleanup_free_ char *open = write_text(json, METRICS_OPENMETRICS),
                            *older = write_text(json, METRICS_PROMETHEUS);

        assert_line(open, "# TYPE oracxpred_jobs_ended counter");
        assert_line(older, "# TYPE oracxpred_jobs_ended_total counter");
        assert_line(open, "# TYPE oracxpred_build info");
        assert_line(older, "# TYPE oracxpred_build_info gauge");
        assert_null(strstr(older, "# UNIT"));
        for (int i = 0; i < 2; i++) {
                const char *text = i == 0 ? open : older;

                assert_line(text, "oracxpred_jobs_ended_total{operation=\"backup\",result=\"done\"} 7");
                assert_line(text, "oracxpred_jobs_ended_total{operation=\"backup\",result=\"failed\"} 1");
                assert_line(text, "oracxpred_build_info{version=\"1.2\",sqlite_version=\"3.40.1\"} 1");
        }
}

static void test_response_times_are_a_summary(void **state)
{
        _cleanup_free_ char *text = write_text(
                        "{\"ResponseTimes\": [{\"Method\": \"Manager.Backup\", \"Calls\": 3, \"TotalUSec\": "
                        "3000000, \"MeanUSec\": 1000000, \"P50USec\": 900000, \"P95USec\": 1200000, "
                        "\"P99USec\": 1200000, \"MaximumUSec\": 1200001}]}",
                        METRICS_OPENMETRICS);

        assert_line(text, "# TYPE oracxpred_response_seconds summary");
        assert_line(text, "oracxpred_response_seconds{method=\"Manager.Backup\",quantile=\"0.5\"} 0.900000");
        assert_line(text, "oracxpred_response_seconds_sum{method=\"Manager.Backup\"} 3.000000");
        assert_line(text, "oracxpred_response_seconds_count{method=\"Manager.Backup\"} 3");
        assert_line(text, "oracxpred_response_maximum_seconds{method=\"Manager.Backup\"} 1.200001");
}

static void test_cache_counts(void **state)
{
        _cleanup_free_ char *text =
                        write_text("{\"CacheHits\": 5, \"CacheMisses\": 2, \"CacheEvictions\": 1, "
                                   "\"CacheEntries\": 3, \"CacheBytes\": 4096}",
                                        METRICS_PROMETHEUS);

        assert_line(text, "oracxpred_cache_hits_total 5");
        assert_line(text, "# TYPE oracxpred_cache_misses_total counter");
        assert_line(text, "oracxpred_cache_size_bytes 4096");
}

static void test_formats_have_names(void **state)
{
        assert_int_equal(metrics_format_from_string("openmetrics"), METRICS_OPENMETRICS);
        assert_int_equal(metrics_format_from_string("prometheus"), METRICS_PROMETHEUS);
        assert_true(metrics_format_from_string("json") < 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_a_service_that_does_not_answer_is_down),
                        cmocka_unit_test(test_an_empty_document_is_no_crash),
                        cmocka_unit_test(test_labels_are_escaped),
                        cmocka_unit_test(test_times_are_exact_seconds),
                        cmocka_unit_test(test_one_state_holds),
                        cmocka_unit_test(test_counters_are_named_as_each_format_wants),
                        cmocka_unit_test(test_response_times_are_a_summary),
                        cmocka_unit_test(test_cache_counts),
                        cmocka_unit_test(test_formats_have_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
