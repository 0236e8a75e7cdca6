/* SPDX-License-Identifier: MIT */
#include "state_file.h"

#include <sqlite3.h>

#include "../unit_test.h"

static sqlite3 *other_open(const char *dir)
{
    char path[128];
    sqlite3 *db = NULL;

    snprintf(path, sizeof path, "%s/array.db", dir);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    return db;
}

void fixture_sql(const char *dir, const char *sql)
{
    sqlite3 *db = other_open(dir);
    char *why = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

int64_t fixture_sql_int(const char *dir, const char *sql)
{
    sqlite3 *db = other_open(dir);
    sqlite3_stmt *stmt = NULL;
    int64_t value;

    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

static void dump_table(sqlite3 *db, const char *table, FILE *out)
{
    char sql[96];
    sqlite3_stmt *stmt = NULL;

    snprintf(sql, sizeof sql, "SELECT * FROM %s ORDER BY 1, 2, 3", table);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) { /* fewer than 3 columns */
        snprintf(sql, sizeof sql, "SELECT * FROM %s ORDER BY 1, 2", table);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    }
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        fprintf(out, "%s", table);
        for (int c = 0; c < sqlite3_column_count(stmt); c++) {
            const unsigned char *bytes = sqlite3_column_blob(stmt, c);

            fputc(' ', out);
            for (int i = 0; i < sqlite3_column_bytes(stmt, c); i++)
                fprintf(out, sqlite3_column_type(stmt, c) == SQLITE_BLOB ? "%02x" : "%c", bytes[i]);
        }
        fputc('\n', out);
    }
    sqlite3_finalize(stmt);
}

void fixture_dump_state(const char *dir, FILE *out)
{
    static const char *const tables[] = { "subsystem", "portals", "targets",     "groups",  "group_portals",
                                          "drives",    "luns",    "lun_targets", "secrets", "reservations" };
    sqlite3 *db = other_open(dir);

    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        dump_table(db, tables[i], out);
    sqlite3_close(db);
}
