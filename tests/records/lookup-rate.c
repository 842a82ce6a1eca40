/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* For tests/bench/lookups: `lookup-rate DATABASE MATCHES SECONDS` looks predictions up by match, 1 to
 * MATCHES and again, without a bus in between, and prints how many a second: from the cache, and from the
 * table. */

#include <string.h>

#include "base/clock.h"
#include "records/prediction-cache.h"

static double rate(Connection *connection, PredictionCache *cache, int64_t n_matches, uint64_t usec)
{
        uint64_t begin_usec = clock_monotonic_usec(), now_usec;
        uint64_t n = 0;

        do {
                for (int i = 0; i < 1000; i++, n++) {
                        _cleanup_(prediction_freep) Prediction *prediction = NULL;
                        _cleanup_fault_ Fault fault = {0};

                        if (prediction_cache_get(cache,
                                            connection,
                                            1,
                                            PREDICTION_BY_MATCH,
                                            (int64_t) (n % (uint64_t) n_matches) + 1,
                                            &prediction,
                                            &fault) < 0 ||
                                        !prediction) {
                                (void) fprintf(stderr, "%s\n", fault.message ? fault.message : "not found");
                                exit(EXIT_FAILURE);
                        }
                }
                now_usec = clock_monotonic_usec();
        } while (now_usec - begin_usec < usec);
        return (double) n * (double) USEC_PER_SEC / (double) (now_usec - begin_usec);
}

int main(int argc, char **argv)
{
        _cleanup_(prediction_cache_freep) PredictionCache *cache = NULL;
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_fault_ Fault fault = {0};
        int64_t n_matches;
        uint64_t usec;

        if (argc != 4 || prediction_cache_new(&cache) < 0)
                return EXIT_FAILURE;
        n_matches = strtoll(argv[2], NULL, 10);
        usec = (uint64_t) strtoll(argv[3], NULL, 10) * USEC_PER_SEC;
        if (connection_open(argv[1], CONNECTION_WRITE, NULL, &connection, &fault) < 0) {
                (void) fprintf(stderr, "%s\n", fault.message);
                return EXIT_FAILURE;
        }
        prediction_cache_set_limits(cache, (size_t) n_matches, GIB);
        (void) rate(connection, cache, n_matches, 1);
        (void) printf("%.0f", rate(connection, cache, n_matches, usec));
        prediction_cache_set_limits(cache, 0, 0);
        (void) printf(" %.0f\n", rate(connection, cache, n_matches, usec));
        return EXIT_SUCCESS;
}
