/* SPDX-License-Identifier: MIT */
/* Files that are damaged, older, newer or cut short by a crash. The numbers in brackets are the invariants of
 * state.h. */
#include "state_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error_text.h"
#include "fault_vfs.h"
#include "state/state_internal.h"

/* ---- the quarantine -------------------------------------------------------------------------- */

static void expect_quarantined(struct fixture *f, const char *sql, enum state_table table, size_t n_good,
                               size_t n_bad)
{
    fixture_sql(f->dir, sql);
    state_reopen(f->state);
    struct state_image *image = fixture_load(f);
    assert_int_equal(image->tables[table].n, n_good);
    assert_int_equal(image->n_quarantined, n_bad);
    state_image_free(image);
    image = fixture_load(f);
    assert_int_equal(image->n_quarantined, 0); /* moved, not merely skipped */
    state_image_free(image);
    assert_false(state_is_foreign(f->state));
}

static void bad_rows_go_to_the_quarantine_and_the_rest_is_served(void **state) /* (3, 10) */
{
    struct fixture *f = *state;

    two_groups_commit(f);
    expect_quarantined(f, "INSERT INTO targets VALUES (randomblob(16), 'not an iscsi name', '', 1)",
                       STATE_TARGET, 1, 1);
    expect_quarantined(f, "INSERT INTO targets VALUES (zeroblob(16), 'iqn.2026-11.org.vds:null', '', 1)",
                       STATE_TARGET, 1, 1);
    expect_quarantined(f, "INSERT INTO portals VALUES (randomblob(16), 'no address', 1, 0)", STATE_PORTAL, 1,
                       1);
    expect_quarantined(
        f,
        "PRAGMA ignore_check_constraints = 1; INSERT INTO portals VALUES (randomblob(3), '10.0.0.1', 1, 0)",
        STATE_PORTAL, 1, 1);
    expect_quarantined(f, "PRAGMA ignore_check_constraints = 1; UPDATE portals SET port = 'eleven'",
                       STATE_PORTAL, 0, 1);
    assert_int_equal(fixture_sql_int(f->dir, "SELECT count(*) FROM quarantine"), 5);
    assert_int_equal(
        fixture_sql_int(f->dir,
                        "SELECT count(*) FROM quarantine WHERE row LIKE '%not an iscsi name%' AND why <> ''"),
        1);
}

static void rows_that_refer_to_nothing_go_with_all_that_hangs_on_them(void **state) /* (4, 10) */
{
    struct fixture *f = *state;
    struct two_groups s = two_groups_commit(f);
    struct state_member m = a_member(&s.g1, &s.p);

    assert_int_equal(COMMIT_ONE(f->state, MEMBER, INSERT, &m), 0);
    expect_quarantined(f, "DELETE FROM targets", STATE_GROUP, 0, 3); /* two groups and a member */
}

static void rows_that_clash_when_the_index_is_gone_are_found(void **state) /* (5, 6, 10) */
{
    struct fixture *f = *state;

    two_groups_commit(f);
    expect_quarantined(f,
                       "DROP TABLE groups; CREATE TABLE groups (id BLOB, target BLOB, tag INTEGER);"
                       "INSERT INTO groups SELECT randomblob(16), id, 7 FROM targets;"
                       "INSERT INTO groups SELECT randomblob(16), id, 7 FROM targets",
                       STATE_GROUP, 1, 1);
}

static void a_next_tag_below_a_used_tag_is_raised(void **state) /* (6) */
{
    struct fixture *f = *state;
    size_t n;

    two_groups_commit(f);
    fixture_sql(f->dir, "UPDATE targets SET next_tag = 1; UPDATE groups SET tag = 900 WHERE tag = 2");
    state_reopen(f->state);
    struct state_image *image = fixture_load(f);
    assert_int_equal(state_image_targets(image, &n)->next_tag, 901);
    state_image_free(image);
}

static void secrets_do_not_reach_the_quarantine(void **state) /* (10, 12) */
{
    struct fixture *f = *state;

    expect_quarantined(f, "INSERT INTO secrets VALUES (randomblob(16), 0, '', 'abracadabra1')", STATE_SECRET,
                       0, 1);
    assert_int_equal(
        fixture_sql_int(f->dir,
                        "SELECT count(*) FROM quarantine WHERE row LIKE '%abra%' OR row LIKE '%6162726163%'"),
        0);
    assert_int_equal(fixture_sql_int(f->dir, "SELECT count(*) FROM quarantine WHERE row LIKE '%(secret)%'"),
                     1);
}

static void bad_rows_do_not_fail_a_start_even_when_nothing_can_be_written(void **state) /* (10) */
{
    struct fixture *f = *state;

    two_groups_commit(f);
    fixture_sql(f->dir, "INSERT INTO targets VALUES (randomblob(16), 'bad name', '', 1)");
    state_reopen(f->state);
    atomic_store(&fault_vfs.fail, SQLITE_FULL);
    struct state_image *image = fixture_load(f);
    assert_int_equal(image->n_quarantined, 1);
    assert_int_equal(image->tables[STATE_TARGET].n, 1);
    state_image_free(image);
}

/* ---- versions -------------------------------------------------------------------------------- */

static void a_newer_file_is_refused_and_left_alone(void **state) /* (11) */
{
    int64_t version;
    char back[64];
    struct fixture *f = *state;
    struct state *again = NULL;

    state_close(f->state);
    f->state = NULL;
    version = fixture_sql_int(f->dir, "PRAGMA user_version");
    fixture_sql(f->dir, "PRAGMA user_version = 99");
    assert_int_equal(state_open(f->dir, &again), -ENOTSUP);
    assert_non_null(strstr(error_text_get(), "99"));
    assert_int_equal(fixture_sql_int(f->dir, "PRAGMA user_version"), 99);
    snprintf(back, sizeof back, "PRAGMA user_version = %d", (int)version);
    fixture_sql(f->dir, back);
    assert_int_equal(state_open(f->dir, &f->state), 0);
}

static void an_older_file_is_migrated_step_by_step(void **state) /* (11) */
{
    static const char *const steps[] = { "CREATE TABLE a (x); INSERT INTO a VALUES (1)",
                                         "ALTER TABLE a ADD y DEFAULT 5", "UPDATE a SET x = 2" };
    static const char *const broken[] = { "", "", "", "UPDATE a SET x = 3; UPDATE nothing SET x = 1" };
    sqlite3 *db;
    int64_t value;

    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(schema_migrate(db, steps, 1), 0);
    assert_int_equal(schema_migrate(db, steps, 3), 0);
    assert_int_equal(db_get_int(db, "SELECT 10 * x + y FROM a", &value), 0);
    assert_int_equal(value, 25);
    assert_int_equal(schema_migrate(db, steps, 3), 0); /* nothing to do */
    assert_int_equal(schema_migrate(db, broken, 4), -EBADMSG);
    assert_int_equal(db_get_int(db, "SELECT x FROM a", &value), 0);
    assert_int_equal(value, 2); /* the broken step left nothing */
    assert_int_equal(db_get_int(db, "PRAGMA user_version", &value), 0);
    assert_int_equal(value, 3);
    assert_int_equal(schema_migrate(db, steps, 2), -ENOTSUP);
    sqlite3_close(db);
}

static void a_file_of_version_1_keeps_its_luns_and_drives_and_gets_the_usual_blocks(void **state) /* (11) */
{
    struct fixture *f = *state;
    char path[128];
    sqlite3 *db;
    size_t n;

    state_close(f->state);
    f->state = NULL;
    snprintf(path, sizeof path, "%s/array.db", f->dir);
    unlink(path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(schema_migrate(db, schema_steps, 1), 0);
    assert_int_equal(db_exec(db, "INSERT INTO drives VALUES (randomblob(16), '/d', 'd', 0, 0);"
                                 "INSERT INTO luns SELECT randomblob(16), id, 'lun-1.img', 'disk', 1048576, "
                                 "1, 0, '*' FROM drives"),
                     0);
    sqlite3_close(db);
    assert_int_equal(state_open(f->dir, &f->state), 0);
    assert_int_equal(fixture_sql_int(f->dir, "PRAGMA user_version"), schema_n_steps);
    struct state_image *image = fixture_load(f);
    const struct state_lun *lun = state_image_luns(image, &n);
    assert_int_equal(n, 1);
    assert_int_equal(image->n_quarantined, 0);
    assert_true(lun->thick);
    assert_string_equal(lun->mask, "*");
    assert_true(guid_is_null(&state_image_drives(image, &n)->pool));
    assert_int_equal(n, 1);
    assert_int_equal(lun->features, 0);
    assert_int_equal(lun->block_size, 0);
    state_image_discovery_secrets(image, &n);
    assert_int_equal(n, 0);
    state_image_free(image);
}

static void features_of_luns_and_secrets_of_discovery_are_kept_and_checked(void **state) /* (2), (3) */
{
    struct fixture *f = *state;
    struct state_drive drive = a_drive("/d");
    struct state_lun lun = a_lun(&drive, "lun-2.img");
    struct state_discovery_secret secret = { .kind = STATE_SECRET_IN, .initiator = "iqn.2026-01.x:a",
                                             .secret = { (void *)(uintptr_t)"abcdefghijkl", 12 } };
    struct state_tx *tx = state_tx_new();
    size_t n;

    lun.features = STATE_LUN_REMOVABLE | STATE_LUN_READ_ONLY;
    lun.physical_block_size = 4096;
    state_insert_drive(tx, &drive);
    state_insert_lun(tx, &lun);
    state_insert_discovery_secret(tx, &secret);
    assert_int_equal(state_commit(f->state, tx), 0);
    state_tx_free(tx);
    struct state_image *image = fixture_load(f);
    assert_int_equal(state_image_luns(image, &n)->features, 3);
    assert_int_equal(state_image_luns(image, &n)->physical_block_size, 4096);
    assert_memory_equal(state_image_discovery_secrets(image, &n)->secret.bytes, "abcdefghijkl", 12);
    assert_int_equal(n, 1);
    state_image_free(image);
    lun.features = 8;
    tx = state_tx_new();
    state_update_lun(tx, &lun);
    assert_int_equal(state_commit(f->state, tx), -EINVAL);
    state_tx_free(tx);
}

static void what_is_no_state_file_is_refused(void **state)
{
    static const char *const spoilers[] = {
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER t AFTER INSERT ON targets BEGIN DELETE FROM targets; END",
        "PRAGMA application_id = 7",
    };
    struct fixture *f = *state;
    struct state *again = NULL;
    char path[128];
    int fd;

    for (size_t i = 0; i < sizeof spoilers / sizeof spoilers[0]; i++) {
        fixture_reopen(f);
        state_close(f->state);
        f->state = NULL;
        fixture_sql(f->dir, spoilers[i]);
        assert_int_equal(state_open(f->dir, &again), -EBADMSG);
        snprintf(path, sizeof path, "%s/array.db", f->dir);
        unlink(path);
    }
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd,
                           "This is a text file, and a long enough one to be looked at as a header of 100 "
                           "bytes.................",
                           100),
                     100);
    close(fd);
    assert_int_equal(state_open(f->dir, &again), -EBADMSG);
    assert_null(again);
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void a_full_disk_fails_the_commit_and_nothing_else(void **state) /* (2) */
{
    struct fixture *f = *state;
    struct state_target t = a_target("t");
    struct state_tx *tx = state_tx_new();
    char *before = fixture_dump(f->dir), *after;

    state_insert_target(tx, &t);
    atomic_store(&fault_vfs.fail, SQLITE_FULL);
    assert_int_equal(state_commit(f->state, tx), -ENOSPC);
    assert_true(state_error_is_medium(-ENOSPC));
    assert_int_equal(state_commit(f->state, tx), -ENOSPC);
    fault_vfs_reset();
    after = fixture_dump(f->dir);
    assert_string_equal(before, after);
    assert_false(state_is_foreign(f->state));
    assert_int_equal(state_commit(f->state, tx), 0); /* the same transaction, once there is room again */
    state_tx_free(tx);
    free(before);
    free(after);
}

/* Fails the 1st, 2nd, 3rd ... access to the disk until a commit needs no more of them: before or after, and
 * never foreign. */
static void a_failure_at_any_write_leaves_all_or_nothing(void **state) /* (2) */
{
    struct fixture *f = *state;
    bool all_passed = false;

    for (int at = 1; !all_passed; at++) {
        struct state_target t = a_target("counted");
        char *before = fixture_dump(f->dir), *after;
        int r;

        assert_true(at < 100);
        fault_vfs_reset();
        atomic_store(&fault_vfs.fail_at, at);
        r = COMMIT_ONE(f->state, TARGET, INSERT, &t);
        all_passed = atomic_load(&fault_vfs.n_calls) < at;
        fault_vfs_reset();
        assert_false(state_is_foreign(f->state));
        after = fixture_dump(f->dir);
        assert_int_equal(strcmp(before, after) == 0, r != 0);
        if (r == 0)
            assert_int_equal(COMMIT_ONE(f->state, TARGET, DELETE, &t), 0);
        assert_false(state_is_foreign(f->state));
        free(before);
        free(after);
    }
}

static void an_empty_transaction_tells_whether_the_state_can_be_written(void **state)
{
    struct fixture *f = *state;
    struct state_tx *tx = state_tx_new();

    assert_int_equal(state_commit(f->state, tx), 0);
    atomic_store(&fault_vfs.fail, SQLITE_IOERR_WRITE);
    assert_int_equal(state_commit(f->state, tx), -EIO);
    fault_vfs_reset();
    assert_int_equal(state_commit(f->state, tx), 0);
    assert_false(state_is_foreign(f->state));
    state_tx_free(tx);
}

/* ---- kill -9 --------------------------------------------------------------------------------- */

/* The child commits targets and tells which went through, until its n-th disk access kills it. */
static void child_main(const char *dir, int die_at, int report)
{
    struct state *state;

    if (state_open(dir, &state) < 0)
        _exit(1);
    fault_vfs_reset();
    atomic_store(&fault_vfs.die_at, die_at);
    for (unsigned i = 0;; i++) {
        char name[32];

        snprintf(name, sizeof name, "k%d-%u", die_at, i);
        struct state_target t = a_target(name);
        struct state_group g = a_group(&t, 1);
        struct state_tx *tx = state_tx_new();
        t.next_tag = 2;
        state_insert_target(tx, &t);
        state_insert_group(tx, &g);
        if (state_commit(state, tx) < 0 || write(report, &t.id, sizeof t.id) != sizeof t.id)
            _exit(2);
        state_tx_free(tx);
    }
}

static bool image_has_target(const struct state_image *image, const struct guid *id)
{
    size_t n;
    const struct state_target *rows = state_image_targets(image, &n);

    for (size_t i = 0; i < n; i++)
        if (guid_equal(&rows[i].id, id))
            return true;
    return false;
}

static void after_kill_9_the_state_is_before_or_after_and_nothing_acknowledged_is_lost(void **state) /* (2) */
{
    struct fixture *f = *state;
    struct guid acknowledged;
    size_t n_acknowledged, n_all = 0;

    state_close(f->state);
    f->state = NULL;
    for (int die_at = 1; die_at <= 60; die_at++) {
        int report[2], status;
        pid_t pid;

        assert_int_equal(pipe(report), 0);
        pid = fork();
        if (pid == 0)
            child_main(f->dir, die_at, report[1]);
        close(report[1]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        fixture_open(f);
        struct state_image *image = fixture_load(f);
        n_acknowledged = 0;
        while (read(report[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
            assert_true(image_has_target(image, &acknowledged));
            n_acknowledged++;
        }
        close(report[0]);
        assert_int_equal(image->n_quarantined, 0);
        assert_int_equal(image->tables[STATE_GROUP].n,
                         image->tables[STATE_TARGET].n); /* never half of a transaction */
        assert_in_range(image->tables[STATE_TARGET].n, n_all + n_acknowledged, n_all + n_acknowledged + 1);
        n_all = image->tables[STATE_TARGET].n;
        state_image_free(image);
        state_close(f->state);
        f->state = NULL;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bad_rows_go_to_the_quarantine_and_the_rest_is_served),
        TEST(rows_that_refer_to_nothing_go_with_all_that_hangs_on_them),
        TEST(rows_that_clash_when_the_index_is_gone_are_found),
        TEST(a_next_tag_below_a_used_tag_is_raised),
        TEST(secrets_do_not_reach_the_quarantine),
        TEST(bad_rows_do_not_fail_a_start_even_when_nothing_can_be_written),
        TEST(a_newer_file_is_refused_and_left_alone),
        TEST(an_older_file_is_migrated_step_by_step),
        TEST(a_file_of_version_1_keeps_its_luns_and_drives_and_gets_the_usual_blocks),
        TEST(features_of_luns_and_secrets_of_discovery_are_kept_and_checked),
        TEST(what_is_no_state_file_is_refused),
        TEST(a_full_disk_fails_the_commit_and_nothing_else),
        TEST(a_failure_at_any_write_leaves_all_or_nothing),
        TEST(an_empty_transaction_tells_whether_the_state_can_be_written),
        TEST(after_kill_9_the_state_is_before_or_after_and_nothing_acknowledged_is_lost),
    };

    return RUN_TESTS(tests);
}
