/* SPDX-License-Identifier: MIT */
#include "state_fixture.h"

#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fault_vfs.h"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void remove_tree(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void fixture_open(struct fixture *f)
{
    assert_int_equal(state_open(f->dir, &f->state), 0);
    state_image_free(fixture_load(f));
}

void fixture_reopen(struct fixture *f)
{
    state_close(f->state);
    f->state = NULL;
    fixture_open(f);
}

struct state_image *fixture_load(struct fixture *f)
{
    struct state_image *image = NULL;

    assert_int_equal(state_load(f->state, &image), 0);
    return image;
}

int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    fault_vfs_install();
    fault_vfs_reset();
    /* in memory, if it can be: thousands of commits need not wait for a disk */
    snprintf(f->dir, sizeof f->dir, "%s/vds-state-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    fixture_open(f);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;

    fault_vfs_reset();
    state_close(f->state);
    remove_tree(f->dir);
    free(f);
    return 0;
}

char *fixture_dump(const char *dir)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);

    fixture_dump_state(dir, out);
    fclose(out);
    return text;
}

struct guid new_guid(void)
{
    struct guid g;

    assert_int_equal(guid_generate(&g), 0);
    return g;
}

struct state_portal a_portal(unsigned port)
{
    struct state_portal row = { .id = new_guid(), .address = "127.0.0.1", .port = port };

    return row;
}

struct state_target a_target(const char *name)
{
    struct state_target row = { .id = new_guid(), .next_tag = 1 };

    snprintf(row.iscsi_name, sizeof row.iscsi_name, "iqn.2026-11.org.vds:%s", name);
    snprintf(row.name, sizeof row.name, "%s", name);
    return row;
}

struct state_group a_group(const struct state_target *target, unsigned tag)
{
    struct state_group row = { .id = new_guid(), .target = target->id, .tag = tag };

    return row;
}

struct state_member a_member(const struct state_group *group, const struct state_portal *portal)
{
    struct state_member row = { .group = group->id, .portal = portal->id, .target = group->target };

    return row;
}

struct state_drive a_drive(const char *path)
{
    struct state_drive row = { .id = new_guid() };

    snprintf(row.path, sizeof row.path, "%s", path);
    return row;
}

struct state_lun a_lun(const struct state_drive *drive, const char *file)
{
    struct state_lun row = {
        .id = new_guid(), .drive = drive->id, .size = 1 << 20, .mask = (char *)(uintptr_t)""
    };

    snprintf(row.file, sizeof row.file, "%s", file);
    return row;
}

int commit_row(struct state *state, enum state_table table, enum state_verb verb, const void *row)
{
    struct state_tx *tx = state_tx_new();
    int r;

    state_tx_add(tx, table, verb, row);
    r = state_commit(state, tx);
    state_tx_free(tx);
    return r;
}

struct two_groups two_groups_commit(struct fixture *f)
{
    struct two_groups s = { .p = a_portal(3260), .t = a_target("t") };
    struct state_tx *tx = state_tx_new();

    s.t.next_tag = 3;
    s.g1 = a_group(&s.t, 1);
    s.g2 = a_group(&s.t, 2);
    state_insert_portal(tx, &s.p);
    state_insert_target(tx, &s.t);
    state_insert_group(tx, &s.g1);
    state_insert_group(tx, &s.g2);
    assert_int_equal(state_commit(f->state, tx), 0);
    state_tx_free(tx);
    return s;
}
