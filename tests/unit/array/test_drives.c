/* SPDX-License-Identifier: MIT */
/* Drives and the storage pools that they are of, on two file systems. */
#include "array_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#define N_DRIVES 3
#define POOL_TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

/* Two drives on the file system of the state, one elsewhere. */
struct place {
    struct fixture *f;
    char elsewhere[64], path[N_DRIVES][128];
    const char *drives[N_DRIVES];
};

static bool elsewhere_make(struct place *p)
{
    struct stat here, there;

    strcpy(p->elsewhere, "/tmp/vds-drives-XXXXXX");
    assert_non_null(mkdtemp(p->elsewhere));
    assert_int_equal(stat(p->f->dir, &here), 0);
    assert_int_equal(stat(p->elsewhere, &there), 0);
    return here.st_dev != there.st_dev;
}

static void serve(struct place *p, unsigned first, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p->drives[i] = p->path[first + i];
    p->f->options.drives = p->drives;
    p->f->options.n_drives = n;
    fixture_start(p->f);
}

static int place_setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);

    p->f = fixture_new();
    if (elsewhere_make(p)) {
        snprintf(p->path[0], sizeof p->path[0], "%s/a", p->f->dir);
        snprintf(p->path[1], sizeof p->path[1], "%s/b", p->f->dir);
        snprintf(p->path[2], sizeof p->path[2], "%s/c", p->elsewhere);
        serve(p, 0, N_DRIVES);
    }
    *state = p;
    return 0;
}

static int place_teardown(void **state)
{
    struct place *p = *state;

    fixture_free(p->f);
    for (unsigned i = 0; i < N_DRIVES; i++)
        rmdir(p->path[i]);
    rmdir(p->elsewhere);
    free(p);
    return 0;
}

static struct place *two_file_systems(void **state)
{
    struct place *p = *state;

    if (!p->f->array)
        skip(); /* /tmp is where the state is */
    return p;
}

static struct guid pool_of(struct place *p, unsigned n)
{
    struct array_drive_info info = { 0 };
    struct guid *ids = NULL;
    size_t n_ids = 0;
    bool found = false;

    assert_hr(array_query(p->f->array, ARRAY_DRIVES, NULL, &ids, &n_ids), S_OK);
    for (size_t i = 0; i < n_ids && !found; i++) {
        assert_hr(array_drive_get(p->f->array, &ids[i], &info), S_OK);
        found = strcmp(info.path, p->path[n]) == 0;
    }
    free(ids);
    assert_true(found);
    return info.pool;
}

static void expect_pool(struct place *p, unsigned n, const struct guid *pool)
{
    struct guid now = pool_of(p, n);

    assert_memory_equal(&now, pool, sizeof now);
}

/* As if its directory had always had this name. */
static void move(struct place *p, unsigned n, const char *name)
{
    char sql[384], to[sizeof p->path[n]];

    rmdir(p->path[n]);
    snprintf(to, sizeof to, "%s/%s", p->elsewhere, name);
    snprintf(sql, sizeof sql, "UPDATE drives SET path = '%s' WHERE path = '%s'", to, p->path[n]);
    fixture_sql(p->f->dir, sql);
    strcpy(p->path[n], to);
}

static void drives_of_one_file_system_are_of_one_pool_others_of_their_own(void **state)
{
    struct place *p = two_file_systems(state);
    struct guid a = pool_of(p, 0), c = pool_of(p, 2);

    expect_pool(p, 1, &a);
    assert_memory_not_equal(&a, &c, sizeof a);
}

static void a_pool_keeps_its_id_when_its_first_drive_goes_and_when_one_comes(void **state)
{
    struct place *p = two_file_systems(state);
    struct guid ab = pool_of(p, 0), c = pool_of(p, 2);

    fixture_stop(p->f);
    serve(p, 1, 2);
    expect_pool(p, 1, &ab);
    expect_pool(p, 2, &c);
    fixture_stop(p->f);
    serve(p, 0, N_DRIVES);
    expect_pool(p, 0, &ab);
    expect_pool(p, 1, &ab);
    assert_hr(array_refresh(p->f->array), S_OK);
    expect_pool(p, 0, &ab);
    expect_pool(p, 2, &c);
}

static void a_drive_that_cannot_be_used_stays_in_its_pool(void **state)
{
    struct place *p = two_file_systems(state);
    struct guid ab = pool_of(p, 0);
    FILE *in_the_way;

    fixture_stop(p->f);
    assert_int_equal(rmdir(p->path[0]), 0);
    in_the_way = fopen(p->path[0], "w");
    assert_non_null(in_the_way);
    fclose(in_the_way);
    serve(p, 0, N_DRIVES);
    expect_pool(p, 0, &ab);
    expect_pool(p, 1, &ab);
    unlink(p->path[0]);
    assert_hr(array_reenumerate(p->f->array), S_OK);
    expect_pool(p, 0, &ab);
}

static void a_drive_moved_to_another_file_system_leaves_its_pool_to_no_other(void **state)
{
    struct place *p = two_file_systems(state);
    struct guid ab = pool_of(p, 0), b, c = pool_of(p, 2);

    fixture_stop(p->f);
    move(p, 0, "a");
    serve(p, 0, N_DRIVES);
    expect_pool(p, 0, &ab); /* the first of its file system keeps what it has */
    expect_pool(p, 2, &ab);
    b = pool_of(p, 1);
    assert_memory_not_equal(&b, &ab, sizeof b);
    assert_memory_not_equal(&b, &c, sizeof b);
    fixture_restart(p->f);
    expect_pool(p, 0, &ab);
    expect_pool(p, 1, &b);
    expect_pool(p, 2, &ab);
}

static void a_drive_that_turns_up_elsewhere_is_put_into_its_pool_by_reenumerate(void **state)
{
    struct place *p = two_file_systems(state);
    struct guid ab = pool_of(p, 0), c;
    char mount[96];

    fixture_stop(p->f);
    snprintf(mount, sizeof mount, "%s/mount", p->elsewhere);
    move(p, 1, "mount/b");
    serve(p, 0, 2);
    expect_pool(p, 1, &ab);
    assert_int_equal(mkdir(mount, 0700), 0);
    assert_hr(array_reenumerate(p->f->array), S_OK);
    c = pool_of(p, 1);
    assert_memory_not_equal(&c, &ab, sizeof c);
    fixture_restart(p->f);
    expect_pool(p, 0, &ab);
    expect_pool(p, 1, &c);
    fixture_stop(p->f);
    rmdir(p->path[1]);
    rmdir(mount);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(drives_of_one_file_system_are_of_one_pool_others_of_their_own),
        POOL_TEST(a_pool_keeps_its_id_when_its_first_drive_goes_and_when_one_comes),
        POOL_TEST(a_drive_that_cannot_be_used_stays_in_its_pool),
        POOL_TEST(a_drive_moved_to_another_file_system_leaves_its_pool_to_no_other),
        POOL_TEST(a_drive_that_turns_up_elsewhere_is_put_into_its_pool_by_reenumerate),
    };

    return RUN_TESTS(tests);
}
