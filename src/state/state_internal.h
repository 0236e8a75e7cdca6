/* SPDX-License-Identifier: MIT */
/* Private to src/state. */
#ifndef VDS_STATE_INTERNAL_H
#define VDS_STATE_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <sys/types.h>
#include <time.h>

#include "base/list.h"
#include "state/state.h"

/* ---- tables.c: what a row is, in data -------------------------------------------------------- */

enum col_kind { COL_GUID, COL_TEXT, COL_STRING, COL_U32, COL_U64, COL_BOOL, COL_BLOB };

struct col {
    const char *name;
    enum col_kind kind;
    unsigned offset;
    bool key;
    /* numbers: value; TEXT: bytes without the zero; STRING, BLOB: bytes; GUID: 0 may be null */
    uint64_t min, max;
    bool (*ok)(const char *text);  /* TEXT, STRING: may be absent */
    bool secret;                   /* never shown in text */
};

#define COLS_MAX 11

struct col_set { /* columns by index */
    uint8_t n, cols[2];
};
struct reference {
    struct col_set from;
    enum state_table to;
    struct col_set to_cols;
};

struct table {
    const char *name, *noun;
    size_t row_size;
    unsigned n_cols;
    struct col cols[COLS_MAX];
    struct col_set unique[3];  /* n 0 ends */
    struct reference refs[3];  /* from.n 0 ends */
};

extern const struct table state_tables[STATE_N_TABLES];

void row_fini(const struct table *table, void *row);
int row_copy(const struct table *table, const void *row, void *ret_row); /* -ENOMEM */
/* NULL when the row is well-formed (invariant 3), else the reason, static. */
const char *row_fault(const struct table *table, const void *row);

/* ---- schema.c -------------------------------------------------------------------------------- */

#define STATE_APPLICATION_ID 0x76647331 /* "vds1" */

/* steps[i] takes a file from version i to i + 1. -ENOTSUP when the file is beyond n_steps. */
int schema_migrate(sqlite3 *db, const char *const *steps, unsigned n_steps);
extern const char *const schema_steps[];
extern const unsigned schema_n_steps;
/* Refuses what a state file never has: views, triggers, virtual tables (-EBADMSG). */
int schema_check(sqlite3 *db);

/* ---- image.c --------------------------------------------------------------------------------- */

struct bad_row {
    struct bad_row *next;
    enum state_table table;
    int64_t rowid;
    const char *why;
};
/* Reads every table: well-formed rows into the image, the others onto the list. */
int image_read(sqlite3 *db, struct state_image **ret_image, struct bad_row **ret_bad);
void bad_rows_free(struct bad_row *bad);
static inline void bad_rows_freep(struct bad_row **bad)
{
    bad_rows_free(*bad);
}

/* ---- commit.c -------------------------------------------------------------------------------- */

struct state_tx {
    struct list_node mutations;
    int add_error;
    /* while committing: the writer's, until it posts `done` */
    struct list_node link;
    int result;
    sem_t done;
    char text[256];
};

void *writer_main(void *arg);

/* ---- state.c --------------------------------------------------------------------------------- */

struct fingerprint {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime;
};

/* The bytes of the file header by which SQLite itself (and PRAGMA data_version) knows that somebody
 * committed: change counter, size, free list. Unlike data_version they do not move when our own journal is
 * played back after an I/O error. */
struct version {
    uint8_t bytes[16];
};

struct state {
    char *dir, *path;
    int lock_fd;

    pthread_mutex_t db_lock; /* the connection and what is below, up to the queue */
    sqlite3 *db;
    sqlite3_stmt *stmts[STATE_N_TABLES][STATE_N_VERBS];
    struct version version; /* as of our last commit or load */

    pthread_mutex_t seen_lock; /* never held over a disk access but stat(2): property reads take it */
    struct fingerprint seen;
    bool foreign, writing;

    pthread_mutex_t queue_lock;
    pthread_cond_t queue_wake;
    struct list_node queue; /* state_tx.link */
    bool stopping, writer_started;
    pthread_t writer;
};

int errno_from_sqlite(int extended); /* negative errno */
int db_exec(sqlite3 *db, const char *sql);
int db_get_int(sqlite3 *db, const char *sql, int64_t *ret_value);
/* With the database's own sentence: "<what>: <why>". Returns the errno. */
int db_fault(sqlite3 *db, int rc, const char *what);
/* All with db_lock held. The first: inside a write transaction, is the file as we left it? Sets
 * state->foreign. */
bool foreign_check(struct state *state);
/* What is there now is ours. */
int foreign_baseline(struct state *state);
/* Brackets our own writing, so that others' looks at the file are not misled by it. wrote: the commit changed
 * something. */
void foreign_write_begin(struct state *state);
void foreign_write_end(struct state *state, bool wrote);
/* After a commit that failed: has the file moved on by one all the same? If so that is where it counts from
 * now. */
bool foreign_is_ahead(struct state *state);
/* What the file holds is in doubt: it must be read again. Returns r. */
int foreign_doubt(struct state *state, int r);

#endif
