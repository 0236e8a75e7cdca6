/* SPDX-License-Identifier: MIT */
/* The numbers in brackets are the invariants of state.h. */
#include "state_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.h"
#include "fault_vfs.h"
#include "state/state_internal.h"

/* ---- ownership, durability ------------------------------------------------------------------- */

static void a_second_owner_is_refused_and_told_who_the_first_is(void **state) /* (1) */
{
    struct fixture *f = *state;
    struct state *second = NULL;
    char pid[16];

    snprintf(pid, sizeof pid, "%d", (int)getpid());
    assert_int_equal(state_open(f->dir, &second), -EBUSY);
    assert_null(second);
    assert_non_null(strstr(error_text_get(), pid));
}

static void the_file_is_readable_by_its_owner_alone(void **state) /* (12) */
{
    struct fixture *f = *state;
    char path[128];
    struct stat st;

    snprintf(path, sizeof path, "%s/array.db", f->dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    chmod(path, 0644);
    fixture_reopen(f);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_committed_row_is_there_after_reopening(void **state) /* (2, 3) */
{
    struct fixture *f = *state;
    struct state_target t = a_target("disks");
    size_t n;

    t.next_tag = 65536;
    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &t), 0);
    fixture_reopen(f);
    struct state_image *image = fixture_load(f);
    const struct state_target *rows = state_image_targets(image, &n);
    assert_int_equal(n, 1);
    assert_true(guid_equal(&rows->id, &t.id));
    assert_string_equal(rows->iscsi_name, t.iscsi_name);
    assert_int_equal(rows->next_tag, 65536);
    state_image_free(image);
}

static void every_kind_of_row_survives_the_way_to_disk_and_back(void **state) /* (3) */
{
    struct fixture *f = *state;
    struct state_subsystem sub = {
        .id = new_guid(), .provider = new_guid(), .controller = new_guid(), .name = "S\xc3\xa4ule"
    };
    struct state_portal p = a_portal(3260);
    struct state_target t = a_target("t");
    struct state_group g = a_group(&t, 1);
    struct state_member m = a_member(&g, &p);
    struct state_drive d = a_drive("/srv/vds");
    struct state_lun l = a_lun(&d, "lun-1.img");
    struct state_tie tie = { .lun = l.id, .target = t.id, .number = 255 };
    struct state_secret secret = { .target = t.id,
                                   .kind = STATE_SECRET_MUTUAL,
                                   .initiator = "iqn.2026-11.org.vds:i",
                                   .secret = { (char *)(uintptr_t)"0123456789ab", 12 } };
    struct state_reservation pr = { .lun = l.id, .bytes = { (char *)(uintptr_t)"a\0b", 3 } };
    struct state_discovery_secret discovery = { .secret = secret.secret };
    struct state_tx *tx = state_tx_new();
    size_t n;

    l.mask = (char *)(uintptr_t)"iqn.2026-11.org.vds:a;iqn.2026-11.org.vds:b";
    t.next_tag = 2;
    d.pool = new_guid();
    state_insert_subsystem(tx, &sub);
    state_insert_portal(tx, &p);
    state_insert_target(tx, &t);
    state_insert_group(tx, &g);
    state_insert_member(tx, &m);
    state_insert_drive(tx, &d);
    state_insert_lun(tx, &l);
    state_insert_tie(tx, &tie);
    state_insert_secret(tx, &secret);
    state_insert_reservation(tx, &pr);
    state_insert_discovery_secret(tx, &discovery);
    assert_int_equal(state_commit(f->state, tx), 0);
    state_tx_free(tx);
    struct state_image *image = fixture_load(f);
    for (unsigned i = 0; i < STATE_N_TABLES; i++)
        assert_int_equal(image->tables[i].n, 1);
    assert_string_equal(state_image_subsystems(image, &n)->name, sub.name);
    assert_string_equal(state_image_luns(image, &n)->mask, l.mask);
    assert_int_equal(state_image_ties(image, &n)->number, 255);
    assert_memory_equal(&state_image_drives(image, &n)->pool, &d.pool, sizeof d.pool);
    assert_memory_equal(state_image_secrets(image, &n)->secret.bytes, "0123456789ab", 12);
    assert_int_equal(state_image_reservations(image, &n)->bytes.len, 3);
    assert_memory_equal(state_image_reservations(image, &n)->bytes.bytes, "a\0b", 3);
    assert_int_equal(image->n_quarantined, 0);
    state_image_free(image);
}

/* ---- what the schema refuses ----------------------------------------------------------------- */

static void a_portal_is_in_at_most_one_group_of_a_target(void **state) /* (5) */
{
    struct fixture *f = *state;
    struct two_groups s = two_groups_commit(f);
    struct state_member m1 = a_member(&s.g1, &s.p), m2 = a_member(&s.g2, &s.p);

    assert_int_equal(COMMIT_ONE(f->state, MEMBER, INSERT, &m1), 0);
    assert_int_equal(COMMIT_ONE(f->state, MEMBER, INSERT, &m2), -EEXIST);
    assert_int_equal(COMMIT_ONE(f->state, MEMBER, DELETE, &m1), 0);
    assert_int_equal(COMMIT_ONE(f->state, MEMBER, INSERT, &m2), 0);
}

static void a_portal_may_be_in_groups_of_two_targets(void **state) /* (5) */
{
    struct fixture *f = *state;
    struct two_groups s = two_groups_commit(f);
    struct state_target other = a_target("other");
    struct state_group g = a_group(&other, 1);
    struct state_member m1 = a_member(&s.g1, &s.p), m2 = a_member(&g, &s.p);

    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &other), 0);
    assert_int_equal(COMMIT_ONE(f->state, GROUP, INSERT, &g), 0);
    assert_int_equal(COMMIT_ONE(f->state, MEMBER, INSERT, &m1), 0);
    assert_int_equal(COMMIT_ONE(f->state, MEMBER, INSERT, &m2), 0);
}

static void a_tag_is_unique_in_its_target(void **state) /* (6) */
{
    struct fixture *f = *state;
    struct two_groups s = two_groups_commit(f);
    struct state_group again = a_group(&s.t, 2);

    assert_int_equal(COMMIT_ONE(f->state, GROUP, INSERT, &again), -EEXIST);
    again.tag = 0;
    assert_int_equal(COMMIT_ONE(f->state, GROUP, INSERT, &again), -EINVAL);
    again.tag = 65536;
    assert_int_equal(COMMIT_ONE(f->state, GROUP, INSERT, &again), -EINVAL);
}

static void a_lun_number_is_unique_at_its_target(void **state) /* (7) */
{
    struct fixture *f = *state;
    struct two_groups s = two_groups_commit(f);
    struct state_drive d = a_drive("/srv");
    struct state_lun l1 = a_lun(&d, "1"), l2 = a_lun(&d, "2");
    struct state_tie t1 = { l1.id, s.t.id, 0 }, t2 = { l2.id, s.t.id, 0 };

    assert_int_equal(COMMIT_ONE(f->state, DRIVE, INSERT, &d), 0);
    assert_int_equal(COMMIT_ONE(f->state, LUN, INSERT, &l1), 0);
    assert_int_equal(COMMIT_ONE(f->state, LUN, INSERT, &l2), 0);
    assert_int_equal(COMMIT_ONE(f->state, TIE, INSERT, &t1), 0);
    assert_int_equal(COMMIT_ONE(f->state, TIE, INSERT, &t2), -EEXIST);
    t2.number = 256;
    assert_int_equal(COMMIT_ONE(f->state, TIE, INSERT, &t2), -EINVAL);
    assert_int_equal(COMMIT_ONE(f->state, TARGET, DELETE, &s.t), -EBUSY); /* tied */
    assert_int_equal(COMMIT_ONE(f->state, DRIVE, DELETE, &d), -EBUSY);    /* holds LUNs */
    assert_int_equal(COMMIT_ONE(f->state, LUN, DELETE, &l1), 0);          /* takes its tie along */
    assert_int_equal(COMMIT_ONE(f->state, TARGET, DELETE, &s.t), 0);
}

static void names_addresses_and_files_are_unique(void **state) /* (9) */
{
    struct fixture *f = *state;
    struct state_target t1 = a_target("same"), t2 = a_target("same");
    struct state_portal p1 = a_portal(1), p2 = a_portal(1);
    struct state_drive d = a_drive("/srv");
    struct state_lun l1 = a_lun(&d, "file"), l2 = a_lun(&d, "file");

    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &t1), 0);
    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &t2), -EEXIST);
    assert_int_equal(COMMIT_ONE(f->state, PORTAL, INSERT, &p1), 0);
    assert_int_equal(COMMIT_ONE(f->state, PORTAL, INSERT, &p2), -EEXIST);
    assert_int_equal(COMMIT_ONE(f->state, DRIVE, INSERT, &d), 0);
    assert_int_equal(COMMIT_ONE(f->state, LUN, INSERT, &l1), 0);
    assert_int_equal(COMMIT_ONE(f->state, LUN, INSERT, &l2), -EEXIST);
}

static void a_member_must_agree_with_its_group_about_the_target(void **state) /* (4) */
{
    struct fixture *f = *state;
    struct two_groups s = two_groups_commit(f);
    struct state_target other = a_target("other");
    struct state_member m = a_member(&s.g1, &s.p);

    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &other), 0);
    m.target = other.id;
    assert_int_equal(COMMIT_ONE(f->state, MEMBER, INSERT, &m), -ENOENT);
}

static void ill_formed_rows_are_refused_before_the_file_is_touched(void **state) /* (3) */
{
    struct fixture *f = *state;
    struct state_target t = a_target("t");
    struct state_portal p = a_portal(0);
    struct state_drive d = a_drive("relative");
    struct state_lun l = a_lun(&d, "../escape");

    strcpy(t.iscsi_name, "iqn.2026-11.org.vds:UPPER");
    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &t), -EINVAL);
    strcpy(t.iscsi_name, "disk");
    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &t), -EINVAL);
    t = a_target("t");
    strcpy(t.name, "\xff");
    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &t), -EINVAL);
    assert_int_equal(COMMIT_ONE(f->state, PORTAL, INSERT, &p), -EINVAL);
    p.port = 1;
    strcpy(p.address, "localhost");
    assert_int_equal(COMMIT_ONE(f->state, PORTAL, INSERT, &p), -EINVAL);
    assert_int_equal(COMMIT_ONE(f->state, DRIVE, INSERT, &d), -EINVAL);
    assert_int_equal(COMMIT_ONE(f->state, LUN, INSERT, &l), -EINVAL);
}

static void changing_or_deleting_what_is_not_there_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct state_target t = a_target("ghost");

    assert_int_equal(COMMIT_ONE(f->state, TARGET, UPDATE, &t), -ENOENT);
    assert_int_equal(COMMIT_ONE(f->state, TARGET, DELETE, &t), -ENOENT);
}

/* ---- transactions ---------------------------------------------------------------------------- */

static void a_transaction_that_breaks_a_rule_leaves_nothing_behind(void **state) /* (2) */
{
    struct fixture *f = *state;
    struct state_target t1 = a_target("one"), t2 = a_target("one");
    struct state_tx *tx = state_tx_new();
    char *before = fixture_dump(f->dir), *after;

    state_insert_target(tx, &t1);
    state_insert_target(tx, &t2);
    assert_int_equal(state_commit(f->state, tx), -EEXIST);
    state_tx_free(tx);
    after = fixture_dump(f->dir);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

struct committer {
    pthread_t thread;
    struct state *state;
    unsigned number;
    int result;
};

static void *commit_one_target(void *arg)
{
    struct committer *c = arg;
    char name[32];

    snprintf(name, sizeof name, "t%u", c->number);
    struct state_target t = a_target(name);
    c->result = COMMIT_ONE(c->state, TARGET, INSERT, &t);
    return NULL;
}

static void concurrent_transactions_share_syncs_and_fail_alone(void **state) /* (2) */
{
    struct fixture *f = *state;
    struct committer c[40];
    unsigned n_ok = 0, n_refused = 0, i;

    for (i = 0; i < 40; i++) { /* pairs with the same name */
        c[i] = (struct committer){ .state = f->state, .number = i / 2 };
        assert_int_equal(pthread_create(&c[i].thread, NULL, commit_one_target, &c[i]), 0);
    }
    for (i = 0; i < 40; i++) {
        pthread_join(c[i].thread, NULL);
        n_ok += c[i].result == 0;
        n_refused += c[i].result == -EEXIST;
    }
    assert_int_equal(n_ok, 20);
    assert_int_equal(n_refused, 20);
    assert_int_equal(fixture_sql_int(f->dir, "SELECT count(*) FROM targets"), 20);
    assert_false(state_is_foreign(f->state));
}

/* Twenty transactions that came while the writer was busy: queued here at once, so that it must find them
 * together. */
static void twenty_waiting_transactions_pay_for_one_commit(void **state) /* (2) */
{
    struct fixture *f = *state;
    struct state_target first = a_target("first");
    struct state_tx *tx[20];
    int per_commit;

    fault_vfs_reset();
    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &first), 0);
    per_commit = atomic_load(&fault_vfs.n_calls);
    fault_vfs_reset();
    pthread_mutex_lock(&f->state->queue_lock);
    for (unsigned i = 0; i < 20; i++) {
        char name[32];

        snprintf(name, sizeof name, "t%u", i);
        struct state_target t = a_target(name);
        tx[i] = state_tx_new();
        state_insert_target(tx[i], &t);
        sem_init(&tx[i]->done, 0, 0);
        list_append(&f->state->queue, &tx[i]->link);
    }
    pthread_cond_signal(&f->state->queue_wake);
    pthread_mutex_unlock(&f->state->queue_lock);
    for (unsigned i = 0; i < 20; i++) {
        while (sem_wait(&tx[i]->done) < 0)
            assert_int_equal(errno, EINTR);
        assert_int_equal(tx[i]->result, 0);
        sem_destroy(&tx[i]->done);
        state_tx_free(tx[i]);
    }
    assert_true(atomic_load(&fault_vfs.n_calls) <=
                3 * per_commit); /* of some more pages than one row; not twenty times */
}

/* ---- somebody else --------------------------------------------------------------------------- */

static void our_own_commits_are_not_foreign(void **state) /* (8) */
{
    struct fixture *f = *state;

    for (unsigned i = 1; i < 20; i++) {
        struct state_portal p = a_portal(i);

        assert_int_equal(COMMIT_ONE(f->state, PORTAL, INSERT, &p), 0);
        assert_false(state_is_foreign(f->state));
    }
}

static void a_foreign_commit_stops_ours_until_it_has_been_read(void **state) /* (8) */
{
    struct fixture *f = *state;
    struct state_target t = a_target("t");

    fixture_sql(f->dir, "UPDATE beat SET n = n + 1");
    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &t), -ESTALE);
    assert_true(state_is_foreign(f->state));
    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &t), -ESTALE);
    assert_int_equal(state_reopen(f->state), 0);
    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &t), -ESTALE);
    state_image_free(fixture_load(f));
    assert_false(state_is_foreign(f->state));
    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &t), 0);
}

static void a_foreign_commit_is_seen_without_writing(void **state) /* (8) */
{
    struct fixture *f = *state;

    assert_false(state_is_foreign(f->state));
    fixture_sql(f->dir, "UPDATE beat SET n = n + 1");
    assert_true(state_is_foreign(f->state));
}

static void file_copy(const char *from, const char *to)
{
    char command[512];

    snprintf(command, sizeof command, "cp %s %s", from, to);
    assert_int_equal(system(command), 0);
}

static void a_restored_file_is_seen_and_read(void **state) /* (8) */
{
    struct fixture *f = *state;
    struct state_target t1 = a_target("one"), t2 = a_target("two"), t3 = a_target("three");
    char path[128], saved[128];
    size_t n;

    snprintf(path, sizeof path, "%s/array.db", f->dir);
    snprintf(saved, sizeof saved, "%s/saved.db", f->dir);
    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &t1), 0);
    file_copy(path, saved);
    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &t2), 0);
    assert_int_equal(rename(saved, path), 0);
    assert_true(state_is_foreign(f->state));
    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &t3), -ESTALE);
    assert_int_equal(state_reopen(f->state), 0);
    struct state_image *image = fixture_load(f);
    const struct state_target *rows = state_image_targets(image, &n);
    assert_int_equal(n, 1);
    assert_true(guid_equal(&rows->id, &t1.id));
    state_image_free(image);
    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &t3), 0);
    assert_false(state_is_foreign(f->state));
}

static void a_copy_over_the_file_is_seen_before_the_next_commit(void **state) /* (8) */
{
    struct fixture *f = *state;
    struct state_target t1 = a_target("one"), t2 = a_target("two");
    char path[128], saved[128];

    snprintf(path, sizeof path, "%s/array.db", f->dir);
    snprintf(saved, sizeof saved, "%s/saved.db", f->dir);
    file_copy(path, saved);
    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &t1), 0);
    file_copy(saved, path);
    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &t2), -ESTALE);
    assert_true(state_is_foreign(f->state));
}

static void a_file_that_vanished_is_foreign_and_not_ours_to_remake_silently(void **state) /* (8) */
{
    struct fixture *f = *state;
    struct state_target t = a_target("t");
    char path[128];

    snprintf(path, sizeof path, "%s/array.db", f->dir);
    unlink(path);
    assert_true(state_is_foreign(f->state));
    assert_int_equal(COMMIT_ONE(f->state, TARGET, INSERT, &t), -ESTALE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_second_owner_is_refused_and_told_who_the_first_is),
        TEST(the_file_is_readable_by_its_owner_alone),
        TEST(a_committed_row_is_there_after_reopening),
        TEST(every_kind_of_row_survives_the_way_to_disk_and_back),
        TEST(a_portal_is_in_at_most_one_group_of_a_target),
        TEST(a_portal_may_be_in_groups_of_two_targets),
        TEST(a_tag_is_unique_in_its_target),
        TEST(a_lun_number_is_unique_at_its_target),
        TEST(names_addresses_and_files_are_unique),
        TEST(a_member_must_agree_with_its_group_about_the_target),
        TEST(ill_formed_rows_are_refused_before_the_file_is_touched),
        TEST(changing_or_deleting_what_is_not_there_is_an_error),
        TEST(a_transaction_that_breaks_a_rule_leaves_nothing_behind),
        TEST(concurrent_transactions_share_syncs_and_fail_alone),
        TEST(twenty_waiting_transactions_pay_for_one_commit),
        TEST(our_own_commits_are_not_foreign),
        TEST(a_foreign_commit_stops_ours_until_it_has_been_read),
        TEST(a_foreign_commit_is_seen_without_writing),
        TEST(a_restored_file_is_seen_and_read),
        TEST(a_copy_over_the_file_is_seen_before_the_next_commit),
        TEST(a_file_that_vanished_is_foreign_and_not_ours_to_remake_silently),
    };

    return RUN_TESTS(tests);
}
