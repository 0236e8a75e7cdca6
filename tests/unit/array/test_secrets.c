/* SPDX-License-Identifier: MIT */
/* CHAP secrets: kept, told to the engine, given back to nobody. */
#include "array_fixture.h"

#include <sqlite3.h>

#include "../state/fault_vfs.h"

#define HOST  "iqn.2026-01.test:host"
#define OTHER "iqn.2026-01.test:other"

static HRESULT set(struct fixture *f, const struct guid *target, bool mutual, const char *initiator,
                   const char *secret)
{
    return array_secret_set(f->array, target, mutual, initiator, secret, strlen(secret));
}

static bool chap(struct fixture *f, const struct guid *target)
{
    struct array_target_info info;

    assert_hr(array_target_get(f->array, target, &info), S_OK);
    return info.chap;
}

static unsigned n_of(struct fixture *f, const char *what)
{
    char *dump = fake_dump(fixture_engine(f));
    unsigned n = 0;

    for (const char *p = dump; (p = strstr(p, what)); p++)
        n++;
    free(dump);
    return n;
}

static void a_secret_is_served_kept_and_told_as_a_change_of_the_target(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f);

    events_clear(f);
    assert_hr(set(f, &target, false, NULL, "twelve bytes"), S_OK);
    expect_event(f, VDS_NF_TARGET_MODIFY, &target);
    assert_true(chap(f, &target));
    assert_hr(set(f, &target, false, HOST, "sixteen bytes !!"), S_OK); /* chap is on already: no event */
    assert_hr(set(f, &target, true, HOST, "the other way"), S_OK);
    assert_hr(set(f, &target, false, HOST, "another secret"), S_OK); /* replaces */
    expect_no_more_events(f);
    assert_int_equal(n_of(f, "secret"), 3);
    fixture_restart(f);
    assert_int_equal(n_of(f, "secret"), 3);
    assert_true(chap(f, &target));
    assert_hr(target_delete(f, &target), S_OK);
    assert_int_equal(fixture_sql_int(f->dir, "SELECT count(*) FROM secrets"), 0);
}

static void clearing_takes_it_away_and_once_more_is_fine(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f);

    assert_hr(set(f, &target, false, NULL, "twelve bytes"), S_OK);
    events_clear(f);
    assert_hr(set(f, &target, false, NULL, ""), S_OK);
    expect_event(f, VDS_NF_TARGET_MODIFY, &target);
    assert_false(chap(f, &target));
    assert_int_equal(n_of(f, "secret"), 0);
    assert_hr(set(f, &target, false, NULL, ""), S_OK);
    assert_hr(set(f, &target, true, OTHER, ""), S_OK);
    expect_no_more_events(f);
    assert_int_equal(fixture_sql_int(f->dir, "SELECT count(*) FROM secrets"), 0);
}

static void bad_secrets_and_names_are_E_INVALIDARG(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f), nobody = { 1, 2, 3, { 4 } };

    assert_hr(set(f, &target, false, NULL, "only eleven"), E_INVALIDARG);
    assert_hr(set(f, &target, false, NULL, "seventeen bytes !"), E_INVALIDARG);
    assert_hr(array_secret_set(f->array, &target, false, NULL, NULL, 12), E_INVALIDARG);
    assert_hr(set(f, &target, false, "not a name", "twelve bytes"), E_INVALIDARG);
    assert_hr(set(f, &nobody, false, NULL, "twelve bytes"), VDS_E_OBJECT_DELETED);
    assert_hr(set(f, &target, false, NULL, "twelve bytes"), S_OK);
    assert_hr(set(f, &target, true, HOST, "twelve bytes"), E_INVALIDARG); /* RFC 7143 9.2.1 */
    assert_non_null(strstr(error_text_get(), "both directions"));
    assert_null(strstr(error_text_get(), "twelve"));
    assert_hr(set(f, &target, false, OTHER, "of another one"), S_OK);
    assert_hr(set(f, &target, true, HOST, "of another one"), S_OK); /* these two never meet */
}

static void names_are_compared_in_their_normal_form(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f);

    assert_hr(set(f, &target, false, "IQN.2026-01.Test:HOST", "twelve bytes"), S_OK);
    assert_hr(set(f, &target, false, HOST, ""), S_OK);
    assert_int_equal(n_of(f, "secret"), 0);
}

static void discovery_has_secrets_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f);
    bool on = true;

    assert_hr(array_discovery_chap(f->array, &on), S_OK);
    assert_false(on);
    assert_hr(set(f, NULL, false, NULL, "twelve bytes"), S_OK);
    assert_hr(set(f, NULL, true, NULL, "the other way"), S_OK);
    assert_hr(array_discovery_chap(f->array, &on), S_OK);
    assert_true(on);
    assert_false(chap(f, &target));
    assert_int_equal(n_of(f, "secret"), 2);
    fixture_restart(f);
    assert_int_equal(n_of(f, "secret"), 2);
    assert_hr(set(f, NULL, false, NULL, ""), S_OK);
    assert_hr(set(f, NULL, true, NULL, ""), S_OK);
    assert_hr(array_discovery_chap(f->array, &on), S_OK);
    assert_false(on);
    assert_int_equal(n_of(f, "secret"), 0);
}

static void a_failure_leaves_what_was(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f);

    atomic_store(&fault_vfs.fail, SQLITE_FULL);
    assert_true(FAILED(set(f, &target, false, NULL, "twelve bytes")));
    fault_vfs_reset();
    assert_false(chap(f, &target));
    assert_int_equal(n_of(f, "secret"), 0);
    fake.n_calls = 0;
    fake.fail_at = 1; /* the engine does not take it: the commit is undone */
    assert_true(FAILED(set(f, &target, false, NULL, "twelve bytes")));
    fake.fail_at = 0;
    assert_false(chap(f, &target));
    assert_int_equal(fixture_sql_int(f->dir, "SELECT count(*) FROM secrets"), 0);
    assert_hr(set(f, &target, false, NULL, "twelve bytes"), S_OK);
}

static void a_change_of_the_state_behind_the_service_reaches_the_engine(void **state)
{
    struct fixture *f = *state;
    struct guid target = a_target(f);

    assert_hr(set(f, &target, false, NULL, "twelve bytes"), S_OK);
    assert_hr(set(f, NULL, false, NULL, "twelve bytes"), S_OK);
    fixture_sql(f->dir, "DELETE FROM secrets; DELETE FROM discovery_secrets");
    assert_hr(set(f, &target, false, NULL, "twelve bytes2"), VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_hr(array_reenumerate(f->array), S_OK);
    assert_hr(array_refresh(f->array), S_OK);
    assert_int_equal(n_of(f, "secret"), 0);
    assert_false(chap(f, &target));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_secret_is_served_kept_and_told_as_a_change_of_the_target),
        TEST(clearing_takes_it_away_and_once_more_is_fine),
        TEST(bad_secrets_and_names_are_E_INVALIDARG),
        TEST(names_are_compared_in_their_normal_form),
        TEST(discovery_has_secrets_of_its_own),
        TEST(a_failure_leaves_what_was),
        TEST(a_change_of_the_state_behind_the_service_reaches_the_engine),
    };

    return RUN_TESTS(tests);
}
