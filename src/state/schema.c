/* SPDX-License-Identifier: MIT */
/* The schema and how a file of an older version becomes one of this. The schema says the rules: what it
 * cannot refuse is not a rule.
 *
 * A step that has been released is never edited; a change is a new step at the end. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/error_text.h"
#include "base/log.h"
#include "state/state_internal.h"

/* clang-format off */
#define GUID_COLUMN(name) name " BLOB NOT NULL CHECK (typeof(" name ") = 'blob' AND length(" name ") = 16)"
#define FLAG_COLUMN(name) name " INTEGER NOT NULL DEFAULT 0 CHECK (" name " IN (0, 1))"

static const char version_1[] =
    "CREATE TABLE subsystem (only INTEGER NOT NULL DEFAULT 1 UNIQUE CHECK (only = 1)," GUID_COLUMN("id") "," GUID_COLUMN("provider") ","
    GUID_COLUMN("controller") ", name TEXT NOT NULL, PRIMARY KEY (id));"

    "CREATE TABLE portals (" GUID_COLUMN("id") ", address TEXT NOT NULL, port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),"
    FLAG_COLUMN("offline") ", PRIMARY KEY (id), UNIQUE (address, port));"

    "CREATE TABLE targets (" GUID_COLUMN("id") ", iscsi_name TEXT NOT NULL UNIQUE CHECK (length(iscsi_name) BETWEEN 5 AND 223),"
    " name TEXT NOT NULL, next_tag INTEGER NOT NULL CHECK (next_tag BETWEEN 1 AND 65536), PRIMARY KEY (id));"

    "CREATE TABLE groups (" GUID_COLUMN("id") "," GUID_COLUMN("target") ", tag INTEGER NOT NULL CHECK (tag BETWEEN 1 AND 65535),"
    " PRIMARY KEY (id), UNIQUE (target, tag), UNIQUE (id, target), FOREIGN KEY (target) REFERENCES targets (id) ON DELETE CASCADE);"

    "CREATE TABLE group_portals (" GUID_COLUMN("group_id") "," GUID_COLUMN("portal") "," GUID_COLUMN("target") ","
    " PRIMARY KEY (group_id, portal), UNIQUE (target, portal),"
    " FOREIGN KEY (group_id, target) REFERENCES groups (id, target) ON DELETE CASCADE,"
    " FOREIGN KEY (portal) REFERENCES portals (id) ON DELETE RESTRICT);"
    "CREATE INDEX group_portals_by_portal ON group_portals (portal);"

    "CREATE TABLE drives (" GUID_COLUMN("id") ", path TEXT NOT NULL UNIQUE, name TEXT NOT NULL, bus INTEGER NOT NULL,"
    " slot INTEGER NOT NULL, PRIMARY KEY (id));"

    "CREATE TABLE luns (" GUID_COLUMN("id") "," GUID_COLUMN("drive") ", file TEXT NOT NULL CHECK (instr(file, '/') = 0),"
    " name TEXT NOT NULL, size INTEGER NOT NULL CHECK (size > 0)," FLAG_COLUMN("thick") "," FLAG_COLUMN("offline") ","
    " mask TEXT NOT NULL, PRIMARY KEY (id), UNIQUE (drive, file), FOREIGN KEY (drive) REFERENCES drives (id) ON DELETE RESTRICT);"

    "CREATE TABLE lun_targets (" GUID_COLUMN("lun") "," GUID_COLUMN("target") ","
    " number INTEGER NOT NULL CHECK (number BETWEEN 0 AND 255), PRIMARY KEY (lun, target), UNIQUE (target, number),"
    " FOREIGN KEY (lun) REFERENCES luns (id) ON DELETE CASCADE, FOREIGN KEY (target) REFERENCES targets (id) ON DELETE RESTRICT);"

    "CREATE TABLE secrets (" GUID_COLUMN("target") ", kind INTEGER NOT NULL CHECK (kind IN (0, 1)), initiator TEXT NOT NULL,"
    " secret BLOB NOT NULL CHECK (length(secret) BETWEEN 1 AND 64), PRIMARY KEY (target, kind, initiator),"
    " FOREIGN KEY (target) REFERENCES targets (id) ON DELETE CASCADE);"

    "CREATE TABLE reservations (" GUID_COLUMN("lun") ", bytes BLOB NOT NULL, PRIMARY KEY (lun),"
    " FOREIGN KEY (lun) REFERENCES luns (id) ON DELETE CASCADE);"

    /* Rows that were found bad: kept for a person to look at. */
    "CREATE TABLE quarantine (at TEXT NOT NULL, tbl TEXT NOT NULL, why TEXT NOT NULL, row TEXT NOT NULL);"
    /* Counts commits: see commit.c. */
    "CREATE TABLE beat (only INTEGER PRIMARY KEY CHECK (only = 1), n INTEGER NOT NULL);"
    "INSERT INTO beat VALUES (1, 0);";

/* What the administrator has taken out of service, and where imported LUNs are tied to. */
static const char administrator_columns[] =
    "ALTER TABLE drives ADD COLUMN " FLAG_COLUMN("offline") ";"
    "ALTER TABLE subsystem ADD COLUMN " FLAG_COLUMN("offline") ";"
    "ALTER TABLE subsystem ADD COLUMN " FLAG_COLUMN("controller_offline") ";"
    "ALTER TABLE subsystem ADD COLUMN import_target TEXT NOT NULL DEFAULT '';";
/* clang-format on */

/* clang-format off */
/* Features and block sizes of LUNs; CHAP secrets of discovery sessions. */
static const char lun_features[] =
    "ALTER TABLE luns ADD COLUMN features INTEGER NOT NULL DEFAULT 0 CHECK (features BETWEEN 0 AND 7);"
    "ALTER TABLE luns ADD COLUMN block_size INTEGER NOT NULL DEFAULT 0 CHECK (block_size IN (0, 512, 4096));"
    "ALTER TABLE luns ADD COLUMN physical_block_size INTEGER NOT NULL DEFAULT 0 CHECK (physical_block_size BETWEEN 0 AND 65536);"

    "CREATE TABLE discovery_secrets (kind INTEGER NOT NULL CHECK (kind IN (0, 1)), initiator TEXT NOT NULL,"
    " secret BLOB NOT NULL CHECK (length(secret) BETWEEN 1 AND 64), PRIMARY KEY (kind, initiator));";
/* clang-format on */

/* clang-format off */
/* The storage pool of a drive: it keeps its id whichever of its drives go. Zeros: none yet. */
static const char drive_pools[] =
    "ALTER TABLE drives ADD COLUMN " GUID_COLUMN("pool") " DEFAULT x'00000000000000000000000000000000';";
/* clang-format on */

const char *const schema_steps[] = { version_1, administrator_columns, lun_features, drive_pools };
const unsigned schema_n_steps = ARRAY_SIZE(schema_steps);

static int step(sqlite3 *db, const char *sql, unsigned to)
{
    char version[96];
    int r = db_exec(db, "BEGIN IMMEDIATE");

    if (r < 0)
        return r;
    snprintf(version, sizeof version, "PRAGMA application_id = %d; PRAGMA user_version = %u",
             STATE_APPLICATION_ID, to);
    r = db_exec(db, sql);
    if (r == 0)
        r = db_exec(db, version);
    if (r == 0)
        r = db_exec(db, "COMMIT");
    if (r < 0 && !sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return r;
}

int schema_migrate(sqlite3 *db, const char *const *steps, unsigned n_steps)
{
    int64_t version, application, n_tables;
    int r;

    if ((r = db_get_int(db, "PRAGMA user_version", &version)) < 0 ||
        (r = db_get_int(db, "PRAGMA application_id", &application)) < 0 ||
        (r = db_get_int(db, "SELECT count(*) FROM sqlite_schema", &n_tables)) < 0)
        return r;
    if (n_tables > 0 && application != STATE_APPLICATION_ID) {
        error_text_set("the file is a database, but not of this program");
        return -EBADMSG;
    }
    if (version < 0 || version > n_steps) {
        error_text_set("the state file has version %" PRId64
                       ", this program knows up to %u: use a newer vdsd",
                       version, n_steps);
        return -ENOTSUP;
    }
    for (unsigned v = (unsigned)version; v < n_steps; v++) {
        if ((r = step(db, steps[v], v + 1)) < 0)
            return r;
        if (v > 0)
            log_debug("state: migrated the file to version %u", v + 1);
    }
    return 0;
}

int schema_check(sqlite3 *db)
{
    int64_t n;
    int r = db_get_int(db,
                       "SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index') OR sql LIKE "
                       "'CREATE VIRTUAL%'"
                       " OR sql LIKE '%GENERATED%ALWAYS%'",
                       &n);

    if (r < 0)
        return r;
    if (n == 0)
        return 0;
    error_text_set("the state file holds views, triggers or virtual tables that this program did not make");
    return -EBADMSG;
}
