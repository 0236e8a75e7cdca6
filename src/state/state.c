/* SPDX-License-Identifier: MIT */
/* Opening, owning and watching the state file. Rows: image.c, commit.c. */
#include "state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/error_text.h"
#include "base/log.h"
#include "state/state_internal.h"

#define BUSY_MS 5000 /* how long another process may hold the file locked before a commit gives up */

/* ---- SQLite to errno: the one table ---------------------------------------------------------- */

/* clang-format off */
static const struct {
    int sqlite, error;
} errors[] = {
    { SQLITE_CONSTRAINT_UNIQUE, -EEXIST }, { SQLITE_CONSTRAINT_PRIMARYKEY, -EEXIST }, { SQLITE_CONSTRAINT_ROWID, -EEXIST },
    { SQLITE_CONSTRAINT_FOREIGNKEY, -ENOENT }, { SQLITE_CONSTRAINT_TRIGGER, -EBUSY }, /* ON DELETE RESTRICT */
    { SQLITE_CONSTRAINT, -EINVAL }, { SQLITE_NOMEM, -ENOMEM }, { SQLITE_IOERR_NOMEM, -ENOMEM }, { SQLITE_FULL, -ENOSPC },
    { SQLITE_READONLY_DBMOVED, -ESTALE }, { SQLITE_READONLY, -EROFS }, { SQLITE_BUSY, -ETIMEDOUT }, { SQLITE_LOCKED, -ETIMEDOUT },
    { SQLITE_CANTOPEN, -EACCES }, { SQLITE_PERM, -EACCES }, { SQLITE_NOTADB, -EBADMSG }, { SQLITE_CORRUPT, -EBADMSG },
    { SQLITE_ERROR, -EBADMSG }, /* the SQL is ours: the schema does not fit it */
    { SQLITE_SCHEMA, -EBADMSG }, { SQLITE_TOOBIG, -EBADMSG }, { SQLITE_MISMATCH, -EINVAL },
};
/* clang-format on */

int errno_from_sqlite(int extended)
{
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
        if (errors[i].sqlite == extended)
            return errors[i].error;
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
        if (errors[i].sqlite == (extended & 0xff))
            return errors[i].error;
    return -EIO;
}

bool state_error_is_medium(int r)
{
    static const int medium[] = { -ENOSPC, -EIO, -EROFS, -EACCES, -ETIMEDOUT, -EBADMSG };

    for (size_t i = 0; i < ARRAY_SIZE(medium); i++)
        if (r == medium[i])
            return true;
    return false;
}

int db_fault(sqlite3 *db, int rc, const char *what)
{
    error_text_set("%s: %s", what, rc == SQLITE_NOMEM || !db ? "out of memory" : sqlite3_errmsg(db));
    return errno_from_sqlite(db ? sqlite3_extended_errcode(db) : rc);
}

int db_exec(sqlite3 *db, const char *sql)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : db_fault(db, rc, "the state file");
}

int db_get_int(sqlite3 *db, const char *sql, int64_t *ret_value)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), r = 0;

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *ret_value = sqlite3_column_int64(stmt, 0);
    else
        r = rc == SQLITE_DONE ? -EBADMSG : db_fault(db, rc, "the state file");
    sqlite3_finalize(stmt);
    return r;
}

/* ---- ownership (1) --------------------------------------------------------------------------- */

static int lock_take(struct state *state)
{
    _cleanup_(freep) char *path = NULL;
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    char owner[24] = "";

    if (asprintf(&path, "%s/array.lock", state->dir) < 0)
        return -ENOMEM;
    state->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (state->lock_fd < 0) {
        int r = -errno;
        error_text_set("cannot open %s: %s", path, strerror(-r));
        return r;
    }
    if (fcntl(state->lock_fd, F_OFD_SETLK, &lock) < 0) {
        ssize_t n = pread(state->lock_fd, owner, sizeof owner - 1, 0);

        error_text_set(
            "%s belongs to another service (process %.*s): stop it, or use another --state directory",
            state->dir, n > 0 ? (int)strcspn(owner, "\n") : 1, n > 0 ? owner : "?");
        return -EBUSY;
    }
    if (ftruncate(state->lock_fd, 0) < 0 || dprintf(state->lock_fd, "%d\n", (int)getpid()) < 0)
        log_debug("state: cannot write the owner into %s: %m",
                  path); /* a full disk: the lock is what counts */
    return 0;
}

/* ---- the connection -------------------------------------------------------------------------- */

static void db_close(struct state *state)
{
    for (unsigned t = 0; t < STATE_N_TABLES; t++)
        for (unsigned v = 0; v < STATE_N_VERBS; v++) {
            sqlite3_finalize(state->stmts[t][v]);
            state->stmts[t][v] = NULL;
        }
    sqlite3_close(state->db);
    state->db = NULL;
}

/* SQLite would make it with the umask's mode, and the directory entry must be durable before the first commit
 * says it is. */
static int file_make(const char *dir, const char *path)
{
    _cleanup_(closep) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), dir_fd = -1;

    if (fd < 0 && errno == EEXIST)
        return chmod(path, 0600) < 0 ? -errno : 0;
    if (fd < 0)
        return -errno;
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir_fd < 0 || fsync(dir_fd) < 0 ? -errno : 0;
}

/* A file from anywhere must not make us run its code or use all memory. */
static void db_harden(sqlite3 *db)
{
    sqlite3_extended_result_codes(db, 1);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 4 << 20);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_busy_timeout(db, BUSY_MS);
}

static int db_open(struct state *state)
{
    int rc, r;

    if ((r = file_make(state->dir, state->path)) < 0) {
        error_text_set("cannot make %s: %s", state->path, strerror(-r));
        return r;
    }
    rc = sqlite3_open_v2(state->path, &state->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return db_fault(state->db, rc, state->path);
    db_harden(state->db);
    if ((r = db_exec(state->db,
                     "PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                     "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0")) < 0 ||
        (r = schema_check(state->db)) < 0 ||
        (r = schema_migrate(state->db, schema_steps, schema_n_steps)) < 0)
        return r;
    return foreign_baseline(state);
}

/* ---- noticing others (8) --------------------------------------------------------------------- */

static int fingerprint_get(const char *path, struct fingerprint *ret)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return -errno;
    *ret = (struct fingerprint){ st.st_dev, st.st_ino, st.st_size, st.st_mtim };
    return 0;
}

static bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec &&
           a->mtime.tv_nsec == b->mtime.tv_nsec;
}

static bool file_has_moved(struct state *state)
{
    int moved = 0;

    return sqlite3_file_control(state->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}

static int version_get(struct state *state, struct version *ret_version)
{
    sqlite3_file *file = NULL;

    sqlite3_file_control(state->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (!file || !file->pMethods)
        return -EIO;
    return file->pMethods->xRead(file, ret_version, sizeof *ret_version, 24) == SQLITE_OK
               ? 0
               : -EIO; /* fileformat2 §1.3 */
}

static void foreign_set(struct state *state)
{
    pthread_mutex_lock(&state->seen_lock);
    if (!state->foreign)
        log_warning("state: %s was changed by somebody else; reenumerate and refresh to take it over",
                    state->path);
    state->foreign = true;
    pthread_mutex_unlock(&state->seen_lock);
}

int foreign_baseline(struct state *state)
{
    struct fingerprint now;
    int r = fingerprint_get(state->path, &now);

    if (r == 0)
        r = version_get(state, &state->version);
    if (r < 0) {
        error_text_set("cannot look at %s: %s", state->path, strerror(-r));
        return r;
    }
    pthread_mutex_lock(&state->seen_lock);
    state->seen = now;
    pthread_mutex_unlock(&state->seen_lock);
    return 0;
}

bool foreign_check(struct state *state)
{
    struct version now;

    if (file_has_moved(state) ||
        (version_get(state, &now) == 0 && memcmp(&now, &state->version, sizeof now) != 0))
        foreign_set(state);
    pthread_mutex_lock(&state->seen_lock);
    bool foreign = state->foreign;
    pthread_mutex_unlock(&state->seen_lock);
    return foreign;
}

void foreign_write_begin(struct state *state)
{
    pthread_mutex_lock(&state->seen_lock);
    state->writing = true;
    pthread_mutex_unlock(&state->seen_lock);
}

/* A commit moves the change counter by exactly one: anything else means that somebody wrote since. After a
 * failure the counter is where it was, once the journal has been played back, and the next write looks. */
void foreign_write_end(struct state *state, bool wrote)
{
    struct version now;

    if (wrote && version_get(state, &now) == 0) {
        if (be32_get(now.bytes) != be32_get(state->version.bytes) + 1)
            foreign_set(state);
        state->version = now;
    }
    pthread_mutex_lock(&state->seen_lock);
    state->writing = false;
    if (fingerprint_get(state->path, &state->seen) < 0)
        log_debug("state: cannot look at %s: %m", state->path);
    pthread_mutex_unlock(&state->seen_lock);
}

bool foreign_is_ahead(struct state *state)
{
    struct version now;

    if (version_get(state, &now) < 0 || be32_get(now.bytes) != be32_get(state->version.bytes) + 1)
        return false;
    state->version = now;
    return true;
}

int foreign_doubt(struct state *state, int r)
{
    foreign_set(state);
    return r;
}

bool state_is_foreign(struct state *state)
{
    struct fingerprint now = { 0 };
    bool changed, foreign;

    pthread_mutex_lock(&state->seen_lock);
    changed = !state->foreign && !state->writing &&
              (fingerprint_get(state->path, &now) < 0 || !fingerprint_equal(&now, &state->seen));
    foreign = state->foreign;
    pthread_mutex_unlock(&state->seen_lock);
    if (changed)
        foreign_set(state);
    return foreign || changed;
}

int state_reopen(struct state *state)
{
    int r = 0;

    pthread_mutex_lock(&state->db_lock);
    foreign_set(state); /* until the next load, also when what follows fails */
    if (!state->db || file_has_moved(state)) {
        db_close(state);
        r = access(state->path, F_OK) < 0
                ? -errno
                : 0; /* an empty one made here would look like a restore of nothing */
        if (r < 0)
            error_text_set("%s is not there: restore it first", state->path);
        if (r == 0)
            r = db_open(state);
        if (r < 0)
            db_close(state);
    }
    pthread_mutex_unlock(&state->db_lock);
    return r;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void state_free(struct state *state)
{
    db_close(state);
    closep(&state->lock_fd);
    pthread_mutex_destroy(&state->db_lock);
    pthread_mutex_destroy(&state->seen_lock);
    pthread_mutex_destroy(&state->queue_lock);
    pthread_cond_destroy(&state->queue_wake);
    free(state->dir);
    free(state->path);
    free(state);
}
DEFINE_CLEANUP(struct state *, state_free)

static struct state *state_alloc(const char *dir)
{
    struct state *state = calloc(1, sizeof *state);

    if (!state)
        return NULL;
    state->lock_fd = -1;
    list_init(&state->queue);
    pthread_mutex_init(&state->db_lock, NULL);
    pthread_mutex_init(&state->seen_lock, NULL);
    pthread_mutex_init(&state->queue_lock, NULL);
    pthread_cond_init(&state->queue_wake, NULL);
    state->dir = strdup(dir);
    if (asprintf(&state->path, "%s/array.db", dir) < 0)
        state->path = NULL;
    return state;
}

int state_open(const char *dir, struct state **ret_state)
{
    _cleanup_(state_freep) struct state *state = state_alloc(dir);
    int r;

    if (!state || !state->dir || !state->path)
        return -ENOMEM;
    if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
        r = -errno;
        error_text_set("cannot make the state directory %s: %s", dir, strerror(-r));
        return r;
    }
    if ((r = lock_take(state)) < 0 || (r = db_open(state)) < 0)
        return r;
    r = -pthread_create(&state->writer, NULL, writer_main, state);
    if (r < 0)
        return r;
    state->writer_started = true;
    *ret_state = TAKE_PTR(state);
    return 0;
}

void state_close(struct state *state)
{
    if (!state)
        return;
    pthread_mutex_lock(&state->queue_lock);
    state->stopping = true;
    pthread_cond_signal(&state->queue_wake);
    pthread_mutex_unlock(&state->queue_lock);
    if (state->writer_started)
        pthread_join(state->writer, NULL);
    state_free(state);
}
