/* SPDX-License-Identifier: MIT */
/* SendTargets through real sockets: what is listed is what the table says, at every moment. */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static unsigned count(const char *text, const char *word)
{
    unsigned n = 0;

    for (; (text = strstr(text, word)); text += strlen(word))
        n++;
    return n;
}

static void each_target_is_listed_with_its_portals_and_tags(void **state)
{
    struct rig *rig = *state;
    _cleanup_(freep) char *text = NULL;
    char expected[400];

    rig_portal(rig, 0);
    rig_portal_v6(rig, 1);
    rig_target(rig, 0);
    rig_path(rig, 0, 0, 1);
    rig_path(rig, 0, 1, 2);
    text = rig_discover(rig, 0);
    snprintf(expected, sizeof expected, "TargetName=%s\nTargetAddress=%s,1\nTargetAddress=%s,2\n",
             rig_target_name(0), rig_address(rig, 0), rig_address(rig, 1));
    assert_string_equal(text, expected);
}

static void a_portal_shared_by_two_targets_carries_each_ones_own_tag(void **state)
{
    struct rig *rig = *state;
    _cleanup_(freep) char *text = NULL;
    struct initiator a, b;

    rig_portal(rig, 0);
    rig_target(rig, 0);
    rig_target(rig, 1);
    rig_path(rig, 0, 0, 3);
    rig_path(rig, 1, 0, 65535);
    text = rig_discover(rig, 0);
    assert_int_equal(count(text, rig_record(rig, 0, 3)), 1);
    assert_int_equal(count(text, rig_record(rig, 0, 65535)), 1);
    rig_login(rig, &a, 1, 0, 0);
    rig_login(rig, &b, 2, 1, 0);
    assert_int_equal(a.tag, 3); /* the login says what discovery said */
    assert_int_equal(b.tag, 65535);
    initiator_close(&a);
    initiator_close(&b);
}

static void a_pair_is_listed_only_while_its_portal_is_open(void **state)
{
    struct rig *rig = *state;
    char *text;

    rig_portal(rig, 0);
    rig_portal(rig, 1);
    rig_target(rig, 0);
    rig_path(rig, 0, 1, 1);
    text = rig_discover(rig, 0);
    assert_int_equal(count(text, "TargetName="), 1);
    free(text);
    rig_portal_close(rig, 1);
    /* no portal left: not listed at all, for without an address it would mean "here" */
    text = rig_discover(rig, 0);
    assert_string_equal(text, "");
    free(text);
    rig_portal(rig, 1); /* comes back with another port */
    text = rig_discover(rig, 0);
    assert_int_equal(count(text, rig_record(rig, 1, 1)), 1);
    free(text);
}

static void a_path_is_visible_when_the_call_returns_and_gone_when_it_is_removed(void **state)
{
    struct rig *rig = *state;
    struct guid target = rig_target_id(0), portal = rig_portal_id(1), nobody = rig_target_id(50);
    char *text;

    rig_portal(rig, 0);
    rig_portal(rig, 1);
    rig_target(rig, 0);
    rig_path(rig, 0, 0, 1);
    for (int i = 0; i < 10; i++) {
        rig_path(rig, 0, 1, 2);
        text = rig_discover(rig, 0);
        assert_int_equal(count(text, rig_record(rig, 1, 2)), 1);
        free(text);
        assert_int_equal(engine_path_remove(rig->engine, &target, &portal), 0);
        text = rig_discover(rig, 0);
        assert_int_equal(count(text, "TargetAddress="), 1);
        free(text);
    }
    assert_int_equal(engine_path_remove(rig->engine, &target, &portal), -ENOENT);
    assert_int_equal(engine_path_remove(rig->engine, &nobody, &portal), -ENOENT);
    assert_int_equal(engine_path_add(rig->engine, &target, &portal, 0), -EINVAL);
}

static void one_target_can_be_asked_for_by_name(void **state)
{
    struct rig *rig = *state;
    struct initiator in;
    char *text;

    rig_portal(rig, 0);
    rig_target(rig, 0);
    rig_target(rig, 1);
    rig_path(rig, 0, 0, 1);
    rig_path(rig, 1, 0, 1);
    initiator_init(&in, 1);
    assert_int_equal(initiator_connect_text(&in, rig_address(rig, 0)), 0);
    assert_int_equal(initiator_login(&in, NULL), 0);
    assert_int_equal(initiator_send_targets(&in, rig_target_name(1), &text), 0);
    assert_int_equal(count(text, "TargetName="), 1);
    assert_non_null(strstr(text, rig_target_name(1)));
    free(text);
    assert_int_equal(initiator_send_targets(&in, "iqn.2024-01.test:nobody", &text), 0);
    assert_string_equal(text, "");
    free(text);
    initiator_close(&in);
}

/* Longer than any initiator's segment: continuation is the protocol's, completeness ours. */
static void a_thousand_targets_are_all_listed(void **state)
{
    struct rig *rig = *state;
    struct guid portal = rig_portal_id(0);
    char *text;

    rig_portal(rig, 0);
    for (unsigned i = 0; i < 1000; i++) {
        struct guid id = { .data1 = 7, .data2 = (uint16_t)i, .data3 = 1 };
        char name[64];

        snprintf(name, sizeof name, "iqn.2024-01.test:many.%u", i);
        assert_int_equal(engine_target_create(rig->engine, &id, name, NULL), 0);
        assert_int_equal(engine_path_add(rig->engine, &id, &portal, 1), 0);
    }
    text = rig_discover(rig, 0);
    assert_int_equal(count(text, "TargetName="), 1000);
    assert_int_equal(count(text, rig_record(rig, 0, 1)), 1000);
    free(text);
}

static void portals_say_what_is_wrong_with_them(void **state)
{
    struct rig *rig = *state;
    struct guid first = rig_portal_id(0), second = rig_portal_id(1);
    struct sockaddr_storage addr, far = { 0 }, any = { .ss_family = AF_INET };

    rig_portal(rig, 0);
    assert_int_equal(engine_portal_address(rig->engine, &first, &addr), 0);
    assert_int_equal(engine_portal_open(rig->engine, &first, &addr), -EEXIST);
    assert_int_equal(engine_portal_open(rig->engine, &second, &addr), -EADDRINUSE);
    assert_int_equal(engine_portal_open(rig->engine, &second, &any), -EINVAL);
    assert_int_equal(engine_portal_address(rig->engine, &second, &addr), -ENOENT);
    memcpy(&far, &addr, sizeof far);
    *(uint32_t *)(void *)((char *)&far + 4) = 0x010200c0; /* 192.0.2.1: documentation, on no host */
    assert_int_equal(engine_portal_open(rig->engine, &second, &far), -EADDRNOTAVAIL);
    rig_portal_close(rig, 0);
    assert_int_equal(engine_portal_close(rig->engine, &first), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(each_target_is_listed_with_its_portals_and_tags),
        rig_test(a_portal_shared_by_two_targets_carries_each_ones_own_tag),
        rig_test(a_pair_is_listed_only_while_its_portal_is_open),
        rig_test(a_path_is_visible_when_the_call_returns_and_gone_when_it_is_removed),
        rig_test(one_target_can_be_asked_for_by_name),
        rig_test(a_thousand_targets_are_all_listed),
        rig_test(portals_say_what_is_wrong_with_them),
    };

    return RUN_TESTS(tests);
}
