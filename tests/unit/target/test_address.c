/* SPDX-License-Identifier: MIT */
#include "../unit_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "target/address.h"
#include "target/engine.h"

static struct sockaddr_storage v6(const char *text, uint16_t port)
{
    struct sockaddr_storage addr = { 0 };
    struct sockaddr_in6 *sin6 = (void *)&addr;

    *sin6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
    inet_pton(AF_INET6, text, &sin6->sin6_addr);
    return addr;
}

static void addresses_are_written_as_targetaddress_wants_them(void **state)
{
    struct sockaddr_storage four = { 0 }, six = v6("2001:db8::1", 3260), mapped = v6("::ffff:192.0.2.9", 80);
    char text[ADDRESS_TEXT_SIZE];

    (void)state;
    *(struct sockaddr_in *)&four = (struct sockaddr_in){ .sin_family = AF_INET,
                                                         .sin_port = htons(3261),
                                                         .sin_addr.s_addr = htonl(0xc0000201) };
    target_address_format(&four, text);
    assert_string_equal(text, "192.0.2.1:3261");
    target_address_format(&six, text);
    assert_string_equal(text, "[2001:db8::1]:3260");
    target_address_format(&mapped, text);
    assert_string_equal(text, "192.0.2.9:80");
}

static void wildcards_are_known(void **state)
{
    struct sockaddr_storage any6 = v6("::", 1), one6 = v6("::1", 1), any4 = { .ss_family = AF_INET };

    (void)state;
    assert_true(target_address_is_wildcard(&any6));
    assert_true(target_address_is_wildcard(&any4));
    assert_false(target_address_is_wildcard(&one6));
}

static bool contains(const struct engine_address *list, size_t n, const struct sockaddr_storage *addr)
{
    uint8_t a[16], b[16];
    size_t n_a = target_address_bytes(addr, a);

    for (size_t i = 0; i < n; i++) {
        if (target_address_bytes(&list[i].addr, b) == n_a && memcmp(a, b, n_a) == 0)
            return true;
    }
    return false;
}

/* Whatever machine this runs on, loopback is there, and each address can be bound - that is what it is listed
 * for. */
static void the_hosts_addresses_are_listed_and_can_be_bound(void **state)
{
    _cleanup_(freep) struct engine_address *list = NULL;
    struct sockaddr_storage loopback = { 0 };
    size_t n = 0;

    (void)state;
    *(struct sockaddr_in *)&loopback =
        (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(engine_host_addresses(&list, &n), 0);
    assert_true(contains(list, n, &loopback));
    for (size_t i = 0; i < n; i++) {
        _cleanup_(closep) int fd = socket(list[i].addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(target_address_port(&list[i].addr), 0);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&list[i].addr, target_address_len(&list[i].addr)), 0);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(&list[i].addr, &list[j].addr, sizeof list[i].addr);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_written_as_targetaddress_wants_them),
        cmocka_unit_test(wildcards_are_known),
        cmocka_unit_test(the_hosts_addresses_are_listed_and_can_be_bound),
    };

    return RUN_TESTS(tests);
}
