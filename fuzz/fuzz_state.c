/* SPDX-License-Identifier: MIT */
/* The state loader against files from anywhere. Input: the first byte says how it is meant.
 *
 *   even: the rest is a database file, byte for byte
 *   odd:  the rest are edits of a good file: pairs of (offset, byte), or rows with values from the input
 *         put past every constraint
 *
 * Holds: no crash, and whatever state_load() hands out is well-formed and refers to what is there (state.h,
 * invariants 3 to 7). */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "state/state_internal.h"

#include "fuzz.h"

static char dir[64], path[96], lock_path[96], journal_path[96], good_path[96];

static void cleanup(void)
{
    unlink(path);
    unlink(journal_path);
    unlink(lock_path);
    unlink(good_path);
    rmdir(dir);
}

static void setup(void)
{
    struct state *state;

    if (dir[0])
        return;
    log_set_level(LOG_LEVEL_ERROR);
    snprintf(dir, sizeof dir, "%s/vds-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(dir))
        abort();
    snprintf(path, sizeof path, "%s/array.db", dir);
    snprintf(journal_path, sizeof journal_path, "%s/array.db-journal", dir);
    snprintf(lock_path, sizeof lock_path, "%s/array.lock", dir);
    snprintf(good_path, sizeof good_path, "%s/good.db", dir);
    if (state_open(dir, &state) < 0)
        abort();
    state_close(state);
    rename(path, good_path);
    atexit(cleanup);
}

static void write_file(const uint8_t *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    close(fd);
}

/* Takes values off the input, of any type, for the columns of a row. */
static void row_from_input(sqlite3 *db, const uint8_t **data, size_t *size)
{
    const struct table *table = &state_tables[**data % STATE_N_TABLES];
    char sql[512];
    sqlite3_stmt *stmt = NULL;
    size_t n = (size_t)snprintf(sql, sizeof sql, "INSERT OR REPLACE INTO %s (", table->name);

    for (unsigned c = 0; c < table->n_cols; c++)
        n += (size_t)snprintf(sql + n, sizeof sql - n, "%s%s", c ? ", " : "", table->cols[c].name);
    n += (size_t)snprintf(sql + n, sizeof sql - n, ") VALUES (");
    for (unsigned c = 0; c < table->n_cols; c++)
        n += (size_t)snprintf(sql + n, sizeof sql - n, "%s?", c ? ", " : "");
    snprintf(sql + n, sizeof sql - n, ")");
    ++*data;
    --*size;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return;
    for (int c = 1; c <= (int)table->n_cols && *size > 0; c++) {
        uint8_t how = **data;
        size_t len = how >> 2 < *size - 1 ? how >> 2 : *size - 1;
        int64_t number = 0;

        memcpy(&number, *data + 1, len < 8 ? len : 8);
        if (how % 4 == 0)
            sqlite3_bind_blob(stmt, c, *data + 1, (int)len, SQLITE_TRANSIENT);
        else if (how % 4 == 1)
            sqlite3_bind_text(stmt, c, (const char *)*data + 1, (int)len, SQLITE_TRANSIENT);
        else if (how % 4 == 2)
            sqlite3_bind_int64(stmt, c, number);
        else /* ids that meet each other */
            sqlite3_bind_blob(stmt, c, len & 1 ? "0123456789abcdef" : "fedcba9876543210", 16, SQLITE_STATIC);
        *data += 1 + len;
        *size -= 1 + len;
    }
    sqlite3_step(stmt);
    sqlite3_finalize(stmt);
}

static void write_rows(const uint8_t *data, size_t size)
{
    sqlite3 *db;

    if (sqlite3_open(path, &db) == SQLITE_OK) {
        sqlite3_exec(db,
                     "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; PRAGMA synchronous = "
                     "OFF; BEGIN",
                     NULL, NULL, NULL);
        while (size > 1)
            row_from_input(db, &data, &size);
        sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    }
    sqlite3_close(db);
}

static void write_edits(const uint8_t *data, size_t size)
{
    int fd = open(path, O_WRONLY);

    for (; fd >= 0 && size >= 4; data += 4, size -= 4)
        if (pwrite(fd, data + 3, 1, (data[0] | data[1] << 8 | data[2] << 16) % (32 << 12)) != 1)
            abort();
    if (fd >= 0)
        close(fd);
}

static void copy_good(void)
{
    static uint8_t good[1 << 20];
    int fd = open(good_path, O_RDONLY);
    ssize_t n = read(fd, good, sizeof good);

    close(fd);
    write_file(good, n < 0 ? 0 : (size_t)n);
}

static bool has_id(const struct state_image *image, enum state_table t, const void *id)
{
    for (size_t i = 0; i < image->tables[t].n; i++)
        if (memcmp((const char *)image->tables[t].rows + i * state_tables[t].row_size, id,
                   sizeof(struct guid)) == 0)
            return true;
    return false;
}

/* Checked here the slow way, not with the code under test. */
static void check(const struct state_image *image)
{
    size_t n, n_groups;
    const struct state_member *members = state_image_members(image, &n);
    const struct state_group *groups = state_image_groups(image, &n_groups);
    const struct state_target *targets;

    for (unsigned t = 0; t < STATE_N_TABLES; t++)
        for (size_t i = 0; i < image->tables[t].n; i++)
            if (row_fault(&state_tables[t],
                          (const char *)image->tables[t].rows + i * state_tables[t].row_size))
                abort();
    for (size_t i = 0; i < n; i++) {
        if (!has_id(image, STATE_GROUP, &members[i].group) ||
            !has_id(image, STATE_PORTAL, &members[i].portal))
            abort();
        for (size_t k = 0; k < i; k++)
            if (guid_equal(&members[i].target, &members[k].target) &&
                guid_equal(&members[i].portal, &members[k].portal))
                abort();
    }
    for (size_t i = 0; i < n_groups; i++) {
        if (!has_id(image, STATE_TARGET, &groups[i].target))
            abort();
        for (size_t k = 0; k < i; k++)
            if (guid_equal(&groups[i].target, &groups[k].target) && groups[i].tag == groups[k].tag)
                abort();
    }
    targets = state_image_targets(image, &n);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n_groups; k++)
            if (guid_equal(&groups[k].target, &targets[i].id) && groups[k].tag >= targets[i].next_tag)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct state *state = NULL;
    struct state_image *image = NULL;

    setup();
    if (size < 2)
        return 0;
    unlink(journal_path);
    if (data[0] % 2 == 0) {
        write_file(data + 1, size - 1);
    } else {
        copy_good();
        (data[0] & 2 ? write_rows : write_edits)(data + 1, size - 1);
    }
    if (state_open(dir, &state) == 0 && state_load(state, &image) == 0)
        check(image);
    state_image_free(image);
    state_close(state);
    unlink(path);
    return 0;
}

/* Rows and edits: a whole file is larger than the generator's inputs, and random bytes are seldom one. */
size_t fuzz_sample(uint8_t *out, size_t n_out, uint32_t random)
{
    size_t size = random % 4 ? 512 + random % 4096 : 1 + 4 * (random % 16);

    if (size > n_out)
        size = n_out;
    out[0] = random % 4 ? 3 : 1;
    for (size_t i = 1; i < size; i++) {
        random = random * 1103515245 + 12345;
        out[i] = (uint8_t)(random >> 16);
    }
    return size;
}
