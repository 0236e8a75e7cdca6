/* SPDX-License-Identifier: MIT */
/* CreateTarget, target Delete, SetFriendlyName, and names. */
#include "array_fixture.h"

#include "array/array_internal.h"

static void create_target_S_OK_with_the_name_that_was_given(void **state)
{
    struct fixture *f = *state;
    struct array_target_info info;
    struct guid target;

    events_clear(f);
    assert_hr(target_create(f, "iqn.2001-04.com.example:storage.disk2.sys1.xyz", &target), S_OK);
    assert_hr(array_target_get(f->array, &target, &info), S_OK);
    assert_string_equal(info.iscsi_name, "iqn.2001-04.com.example:storage.disk2.sys1.xyz");
    assert_string_equal(info.friendly_name, "a friendly name");
    assert_false(info.chap);
    expect_event(f, VDS_NF_TARGET_ARRIVE, &target);
    expect_no_more_events(f);
    assert_true(array_exists(f->array, VDS_OT_TARGET, &target));
    assert_false(array_exists(f->array, VDS_OT_LUN, &target));
}

static void a_name_is_made_up_when_none_is_given(void **state)
{
    struct fixture *f = *state;
    struct array_target_info a, b;
    struct guid one = a_target(f), two;
    char normal[ISCSI_NAME_MAX + 1];

    assert_hr(target_create(f, "", &two), S_OK);
    assert_hr(array_target_get(f->array, &one, &a), S_OK);
    assert_hr(array_target_get(f->array, &two, &b), S_OK);
    assert_int_equal(strncmp(a.iscsi_name, "iqn.2026-11.org.vds:", 20), 0);
    assert_int_equal(strncmp(a.iscsi_name, b.iscsi_name, 33), 0); /* the host's part is the same */
    assert_string_not_equal(a.iscsi_name, b.iscsi_name);
    assert_int_equal(iscsi_name_normalise(a.iscsi_name, normal), 0);
    assert_string_equal(normal, a.iscsi_name);
}

static void create_target_VDS_E_NAME_NOT_UNIQUE_whatever_the_case(void **state)
{
    struct fixture *f = *state;
    struct guid target;
    char *before, *after;

    assert_hr(target_create(f, "iqn.2001-04.com.example:disk", &target), S_OK);
    before = fixture_dump_all(f);
    assert_hr(target_create(f, "iqn.2001-04.com.example:disk", &target), VDS_E_NAME_NOT_UNIQUE);
    assert_hr(target_create(f, "IQN.2001-04.com.example:DISK", &target), VDS_E_NAME_NOT_UNIQUE);
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void what_is_no_iscsi_name_is_E_INVALIDARG(void **state)
{
    static const char *const bad[] = {
        "disk",
        "iqn",
        "iqn.",
        "iqn.2001-04",
        "iqn.2001-04.",
        "iqn.2001-13.com",
        "iqn.2001-00.com",
        "iqn.01-04.com.example",
        "iqn.2001-04.com..example",
        "iqn.2001-04.-com",
        "iqn.2001-04.com-",
        "iqn.2001-04.com.example:a b",
        "iqn.2001-04.com.example:a_b",
        "iqn.2001-04.com.example:\xc3\xa4",
        "iqn.2001-04.com.exa mple",
        "eui.02004567A425678",
        "eui.02004567A425678D0",
        "eui.02004567A425678G",
        "naa.52004567BA64678",
        "naa.x",
        "iqn.2001-04.com.example:a;b",
        "iqn.2001-04.:x",
        "com.example",
    };
    static const char *const good[] = {
        "iqn.2001-04.com.example", "iqn.1992-08.com.x-y:a:b:c.d-e",        "eui.02004567A425678D",
        "naa.52004567BA64678D",    "naa.62004567BA64678D0123456789ABCDEF", "iqn.2001-04.3com.example:"
    };
    struct fixture *f = *state;
    struct guid target;
    char longest[ISCSI_NAME_MAX + 2];

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_hr(target_create(f, bad[i], &target), E_INVALIDARG);
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_hr(target_create(f, good[i], &target), S_OK);
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "iqn.2001-04.com.example:", 24);
    longest[ISCSI_NAME_MAX + 1] = '\0';
    assert_hr(target_create(f, longest, &target), E_INVALIDARG); /* 224 bytes */
    longest[ISCSI_NAME_MAX] = '\0';
    assert_hr(target_create(f, longest, &target), S_OK); /* 223 */
}

static void target_delete_takes_its_groups_along_drained(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), one = a_group(f, &target), two = a_group(f, &target);

    assert_hr(add_portal(f, &one, &f->portal[0]), S_OK);
    assert_hr(add_portal(f, &two, &f->portal[1]), S_OK);
    fake_connections(fixture_engine(f), &target, &f->portal[0], 2);
    events_clear(f);
    assert_hr(target_delete(f, &target), S_OK);
    expect_event(f, VDS_NF_PORTAL_GROUP_DEPART, &one);
    expect_event(f, VDS_NF_PORTAL_GROUP_DEPART, &two);
    expect_event(f, VDS_NF_TARGET_DEPART, &target);
    expect_no_more_events(f);
    assert_int_equal(count(f, ARRAY_TARGETS, NULL), 0);
    assert_false(fake_listens(fixture_engine(f), &f->portal[0]));
    assert_false(fake_listens(fixture_engine(f), &f->portal[1]));
    assert_int_equal(fixture_sql_int(f->dir, "SELECT (SELECT count(*) FROM targets) + (SELECT count(*) FROM "
                                             "groups) + (SELECT count(*) FROM group_portals)"),
                     0);
    assert_hr(target_delete(f, &target), VDS_E_OBJECT_DELETED);
}

static void target_delete_VDS_E_ASSOCIATED_LUNS_EXIST_while_luns_are_tied(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), lun = a_lun(f);

    assert_hr(array_lun_associate_targets(f->array, &lun, &target, 1), S_OK);
    assert_hr(target_delete(f, &target), VDS_E_ASSOCIATED_LUNS_EXIST);
    assert_hr(array_lun_associate_targets(f->array, &lun, NULL, 0), S_OK);
    assert_hr(target_delete(f, &target), S_OK);
}

static void calls_on_a_deleted_target_are_VDS_E_OBJECT_DELETED(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), *ids;
    struct array_target_info info;
    size_t n;

    assert_hr(target_delete(f, &target), S_OK);
    assert_hr(array_target_get(f->array, &target, &info), VDS_E_OBJECT_DELETED);
    assert_hr(array_target_set_name(f->array, &target, "x"), VDS_E_OBJECT_DELETED);
    assert_hr(array_query(f->array, ARRAY_GROUPS_OF_TARGET, &target, &ids, &n), VDS_E_OBJECT_DELETED);
    assert_hr(array_query(f->array, ARRAY_LUNS_OF_TARGET, &target, &ids, &n), VDS_E_OBJECT_DELETED);
    assert_false(array_exists(f->array, VDS_OT_TARGET, &target));
}

static void a_friendly_name_is_kept_and_a_long_one_is_VDS_S_NAME_TRUNCATED(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), lun = a_lun(f);
    struct array_target_info info;
    struct array_subsystem_info subsystem;
    char name[400];

    events_clear(f);
    assert_hr(array_target_set_name(f->array, &target, "Sp\xc3\xa4t"), S_OK);
    expect_event(f, VDS_NF_TARGET_MODIFY, &target);
    for (unsigned i = 0; i < 398; i += 2)
        memcpy(name + i, "\xc3\xa4", 3);
    assert_hr(array_target_set_name(f->array, &target, name), VDS_S_NAME_TRUNCATED);
    assert_hr(array_target_get(f->array, &target, &info), S_OK);
    assert_int_equal(strlen(info.friendly_name), 254); /* whole characters */
    assert_hr(array_lun_set_name(f->array, &lun, name), VDS_S_NAME_TRUNCATED);
    assert_hr(array_subsystem_set_name(f->array, name), VDS_S_NAME_TRUNCATED);
    assert_hr(array_target_set_name(f->array, &target, "a\nb"), E_INVALIDARG);
    assert_hr(array_target_set_name(f->array, &target, "\xff"), E_INVALIDARG);
    assert_hr(array_target_set_name(f->array, &target, NULL), E_INVALIDARG);
    fixture_restart(f);
    assert_hr(array_target_get(f->array, &target, &info), S_OK);
    assert_int_equal(strlen(info.friendly_name), 254);
    assert_hr(array_subsystem_get(f->array, &subsystem), S_OK);
    assert_int_equal(strlen(subsystem.name), 254);
}

static void ids_of_the_array_survive_restarts(void **state)
{
    struct fixture *f = *state;
    struct array_subsystem_info a, b;
    struct array_controller_info controller;
    struct guid c1 = only(f, ARRAY_CONTROLLERS, NULL), d1 = only(f, ARRAY_DRIVES, NULL), p1 = f->portal[3],
                c2, d2;

    assert_hr(array_subsystem_get(f->array, &a), S_OK);
    fixture_restart(f);
    assert_hr(array_subsystem_get(f->array, &b), S_OK);
    assert_true(guid_equal(&a.id, &b.id) && guid_equal(&a.provider_id, &b.provider_id));
    c2 = only(f, ARRAY_CONTROLLERS, NULL);
    d2 = only(f, ARRAY_DRIVES, NULL);
    assert_true(guid_equal(&c1, &c2) && guid_equal(&d1, &d2) && guid_equal(&p1, &f->portal[3]));
    assert_hr(array_controller_get(f->array, &c1, &controller), S_OK);
    assert_int_equal(controller.status, VDS_CS_ONLINE);
    assert_int_equal(b.status, VDS_SSS_ONLINE);
    assert_true(b.flags & VDS_SF_LUN_MASKING_CAPABLE);
    assert_true(b.capacity >= b.free && b.free > 0);
}

static void masks_are_brought_into_normal_form(void **state)
{
    static const struct {
        const char *in, *out; /* NULL: refused */
    } cases[] = {
        { "", "" },
        { "*", "*" },
        { "iqn.2001-04.com.example:A", "iqn.2001-04.com.example:a" },
        { "iqn.2001-04.com.example:a;iqn.2001-04.com.example:A", "iqn.2001-04.com.example:a" },
        { " iqn.2001-04.com.example:a ; iqn.2001-04.com.example:ab;",
          "iqn.2001-04.com.example:a;iqn.2001-04.com.example:ab" },
        { "iqn.2001-04.com.example:ab;iqn.2001-04.com.example:a",
          "iqn.2001-04.com.example:ab;iqn.2001-04.com.example:a" },
        { ";;", "" },
        { "*;iqn.2001-04.com.example:a", NULL },
        { "nobody", NULL },
        { "iqn.2001-04.com.example:a,b", NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *mask = NULL;

        assert_hr(mask_normalise(cases[i].in, &mask), cases[i].out ? S_OK : E_INVALIDARG);
        if (cases[i].out)
            assert_string_equal(mask, cases[i].out);
        free(mask);
    }
}

static void portal_options_are_one_address_with_or_without_a_port(void **state)
{
    static const struct {
        const char *in, *out; /* NULL: refused */
    } cases[] = {
        { "127.0.0.1", "127.0.0.1:3260" },
        { "127.0.0.1:1", "127.0.0.1:1" },
        { "::1", "[::1]:3260" },
        { "[::1]", "[::1]:3260" },
        { "[2001:db8::1]:65535", "[2001:db8::1]:65535" },
        { "fe80::1%lo", "[fe80::1%lo]:3260" },
        { "", NULL },
        { ":3260", NULL },
        { "127.0.0.1:0", NULL },
        { "127.0.0.1:65536", NULL },
        { "127.0.0.1:x", NULL },
        { "[::1", NULL },
        { "[::1]3260", NULL },
        { "0.0.0.0", NULL },
        { "::", NULL },
        { "localhost", NULL },
        { "1", NULL },
        { "127.1", NULL },
        { "127.0.0.1:", NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct sockaddr_storage addr;
        char host[80], text[80];

        assert_int_equal(portal_parse(cases[i].in, 3260, &addr), cases[i].out ? 0 : -EINVAL);
        if (!cases[i].out)
            continue;
        address_format(&addr, host);
        address_format_with_port(host, address_port(&addr), text);
        assert_string_equal(text, cases[i].out);
    }
}

static void each_errno_has_its_HRESULT(void **state)
{
    (void)state;
    assert_hr(hr_from_errno(0), S_OK);
    assert_hr(hr_from_errno(-EADDRINUSE), HRESULT_FROM_WIN32(10048));
    assert_hr(hr_from_errno(-ENOSPC), VDS_E_NOT_ENOUGH_SPACE);
    assert_hr(hr_from_errno(-ECANCELED), VDS_E_OPERATION_CANCELED);
    assert_hr(hr_from_errno(-ESTALE), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(hr_from_errno(-ENOMEM), E_OUTOFMEMORY);
    assert_hr(hr_from_errno(-EINVAL), E_INVALIDARG);
    assert_hr(hr_from_errno(-EXDEV), E_FAIL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(create_target_S_OK_with_the_name_that_was_given),
        TEST(a_name_is_made_up_when_none_is_given),
        TEST(create_target_VDS_E_NAME_NOT_UNIQUE_whatever_the_case),
        TEST(what_is_no_iscsi_name_is_E_INVALIDARG),
        TEST(target_delete_takes_its_groups_along_drained),
        TEST(target_delete_VDS_E_ASSOCIATED_LUNS_EXIST_while_luns_are_tied),
        TEST(calls_on_a_deleted_target_are_VDS_E_OBJECT_DELETED),
        TEST(a_friendly_name_is_kept_and_a_long_one_is_VDS_S_NAME_TRUNCATED),
        TEST(ids_of_the_array_survive_restarts),
        cmocka_unit_test(masks_are_brought_into_normal_form),
        cmocka_unit_test(portal_options_are_one_address_with_or_without_a_port),
        cmocka_unit_test(each_errno_has_its_HRESULT),
    };

    return RUN_TESTS(tests);
}
