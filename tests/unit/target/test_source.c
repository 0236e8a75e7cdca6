/* SPDX-License-Identifier: MIT */
#include "../unit_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/log.h"
#include "target/source.h"

static char last_line[256];
static unsigned n_lines;

static void sink(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    strncpy(last_line, line, sizeof last_line - 1);
    n_lines++;
}

static struct sockaddr_storage v4(uint8_t last)
{
    struct sockaddr_storage addr = { 0 };

    *(struct sockaddr_in *)&addr = (struct sockaddr_in){ .sin_family = AF_INET,
                                                         .sin_port = htons(last),
                                                         .sin_addr.s_addr = htonl(0xc0000200u | last) };
    return addr;
}

static void each_source_has_its_own_share(void **state)
{
    struct sockaddr_storage a = v4(1), b = v4(2), a_again = v4(1);
    struct target_sources sources;
    struct source *held[3], *none;

    (void)state;
    ((struct sockaddr_in *)&a_again)->sin_port = 99; /* another port of the same peer */
    assert_int_equal(target_sources_init(&sources, 10, 2), 0);
    assert_int_equal(target_sources_enter(&sources, &a, 1, &held[0]), 0);
    assert_int_equal(target_sources_enter(&sources, &a_again, 1, &held[1]), 0);
    assert_ptr_equal(held[0], held[1]);
    assert_int_equal(target_sources_enter(&sources, &a, 1, &none), -EMFILE);
    assert_non_null(strstr(last_line, "192.0.2.1"));
    assert_non_null(strstr(last_line, "2 connections from one address"));
    assert_int_equal(target_sources_enter(&sources, &b, 1, &held[2]), 0);
    target_sources_leave(&sources, held[0]);
    assert_int_equal(target_sources_enter(&sources, &a, 1, &held[0]), 0);
    for (int i = 0; i < 3; i++)
        target_sources_leave(&sources, held[i]);
    assert_int_equal(sources.by_address.n, 0); /* nothing is kept of a peer that has left */
    target_sources_fini(&sources);
}

static void the_limit_in_all_holds_and_the_log_is_not_flooded(void **state)
{
    struct target_sources sources;
    struct source *held[3], *none;

    (void)state;
    assert_int_equal(target_sources_init(&sources, 3, 2), 0);
    for (uint8_t i = 0; i < 3; i++) {
        struct sockaddr_storage addr = v4(i);

        assert_int_equal(target_sources_enter(&sources, &addr, 1, &held[i]), 0);
    }
    n_lines = 0;
    for (uint8_t i = 3; i < 50; i++) {
        struct sockaddr_storage addr = v4(i);

        assert_int_equal(target_sources_enter(&sources, &addr, 5, &none), -EMFILE);
    }
    assert_int_equal(n_lines, 1);
    assert_non_null(strstr(last_line, "3 connections in all"));
    assert_int_equal(sources.by_address.n, 3);
    for (int i = 0; i < 3; i++)
        target_sources_leave(&sources, held[i]);
    target_sources_fini(&sources);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_source_has_its_own_share),
        cmocka_unit_test(the_limit_in_all_holds_and_the_log_is_not_flooded),
    };

    log_set_sink(sink, NULL);
    return RUN_TESTS(tests);
}
