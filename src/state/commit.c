/* SPDX-License-Identifier: MIT */
/* Transactions and the one thread that writes them.
 *
 *     state_commit() ──> queue ──> writer: BEGIN, per transaction SAVEPOINT ... RELEASE, COMMIT ──> wake
 *
 * While a batch waits for the disk the next one gathers, so any number of committers pay about one set of
 * fsyncs per turn.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error_text.h"
#include "base/log.h"
#include "state/state_internal.h"

#define BATCH_MAX 256

struct mutation {
    struct list_node link;
    enum state_table table;
    enum state_verb verb;
    max_align_t row[];
};

/* ---- the transaction object ------------------------------------------------------------------ */

struct state_tx *state_tx_new(void)
{
    struct state_tx *tx = calloc(1, sizeof *tx);

    if (tx)
        list_init(&tx->mutations);
    return tx;
}

void state_tx_free(struct state_tx *tx)
{
    if (!tx)
        return;
    list_for_each_safe(n, &tx->mutations) {
        struct mutation *m = container_of(n, struct mutation, link);

        row_fini(&state_tables[m->table], m->row);
        free(m);
    }
    free(tx);
}

int state_tx_add(struct state_tx *tx, enum state_table table, enum state_verb verb, const void *row)
{
    struct mutation *m = malloc(sizeof *m + state_tables[table].row_size);

    if (!m || row_copy(&state_tables[table], row, m->row) < 0) {
        free(m);
        tx->add_error = -ENOMEM;
        return -ENOMEM;
    }
    m->table = table;
    m->verb = verb;
    list_append(&tx->mutations, &m->link);
    return 0;
}

/* ---- SQL from the column tables -------------------------------------------------------------- */

struct text {
    char bytes[768];
    size_t n;
};

static void put(struct text *text, const char *s)
{
    text->n += (size_t)snprintf(text->bytes + text->n, sizeof text->bytes - text->n, "%s", s);
}

/* "name = ?i" for the key columns or the others; parameters are numbered by column. */
static void put_columns(struct text *text, const struct table *table, bool key, const char *between)
{
    bool first = true;

    for (unsigned c = 0; c < table->n_cols; c++) {
        char item[64];

        if (table->cols[c].key != key)
            continue;
        snprintf(item, sizeof item, "%s%s = ?%u", first ? "" : between, table->cols[c].name, c + 1);
        put(text, item);
        first = false;
    }
}

static void insert_sql(struct text *text, const struct table *table)
{
    put(text, "INSERT INTO ");
    put(text, table->name);
    for (unsigned c = 0; c < table->n_cols; c++) {
        put(text, c ? ", " : " (");
        put(text, table->cols[c].name);
    }
    for (unsigned c = 0; c < table->n_cols; c++) {
        char item[32];

        snprintf(item, sizeof item, "%s?%u", c ? ", " : ") VALUES (", c + 1);
        put(text, item);
    }
    put(text, ")");
}

/* A table that is all key has nothing to set: its update only asks for the row. */
static void update_sql(struct text *text, const struct table *table)
{
    put(text, "UPDATE ");
    put(text, table->name);
    put(text, " SET ");
    put_columns(text, table, false, ", ");
    put(text, " WHERE ");
    put_columns(text, table, true, " AND ");
}

static void delete_sql(struct text *text, const struct table *table)
{
    put(text, "DELETE FROM ");
    put(text, table->name);
    put(text, " WHERE ");
    put_columns(text, table, true, " AND ");
}

static void (*const sql_makers[STATE_N_VERBS])(struct text *text, const struct table *table) = {
    [STATE_INSERT] = insert_sql,
    [STATE_UPDATE] = update_sql,
    [STATE_DELETE] = delete_sql,
};

static int statement_get(struct state *state, const struct mutation *m, sqlite3_stmt **ret_stmt)
{
    sqlite3_stmt **slot = &state->stmts[m->table][m->verb];

    if (!*slot) {
        struct text text = { .n = 0 };
        int rc;

        sql_makers[m->verb](&text, &state_tables[m->table]);
        rc = sqlite3_prepare_v3(state->db, text.bytes, -1, SQLITE_PREPARE_PERSISTENT, slot, NULL);
        if (rc != SQLITE_OK)
            return db_fault(state->db, rc, state_tables[m->table].name);
    }
    *ret_stmt = *slot;
    return 0;
}

static int bind_field(sqlite3_stmt *stmt, int i, const struct col *col, const void *field)
{
    const struct state_blob *blob = field;

    switch (col->kind) {
    case COL_GUID:
        return sqlite3_bind_blob(stmt, i, field, sizeof(struct guid), SQLITE_STATIC);
    case COL_TEXT:
        return sqlite3_bind_text(stmt, i, field, -1, SQLITE_STATIC);
    case COL_STRING:
        return sqlite3_bind_text(stmt, i, *(char *const *)field, -1, SQLITE_STATIC);
    case COL_U32:
        return sqlite3_bind_int64(stmt, i, *(const uint32_t *)field);
    case COL_U64:
        return sqlite3_bind_int64(stmt, i, (int64_t) * (const uint64_t *)field);
    case COL_BOOL:
        return sqlite3_bind_int64(stmt, i, *(const bool *)field);
    case COL_BLOB:
        return sqlite3_bind_blob64(stmt, i, blob->len ? blob->bytes : "", blob->len, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

static int bind_row(struct state *state, const struct mutation *m, sqlite3_stmt *stmt)
{
    const struct table *table = &state_tables[m->table];

    for (unsigned c = 0; c < table->n_cols; c++) {
        int rc;

        if (m->verb == STATE_DELETE && !table->cols[c].key)
            continue;
        rc = bind_field(stmt, (int)c + 1, &table->cols[c], (const char *)m->row + table->cols[c].offset);
        if (rc != SQLITE_OK)
            return db_fault(state->db, rc, table->name);
    }
    return 0;
}

static int mutation_apply(struct state *state, const struct mutation *m)
{
    const struct table *table = &state_tables[m->table];
    const char *why = m->verb == STATE_DELETE ? NULL : row_fault(table, m->row);
    sqlite3_stmt *stmt;
    int rc, r;

    if (why) {
        error_text_set("%s: %s", table->noun, why);
        return -EINVAL;
    }
    if ((r = statement_get(state, m, &stmt)) < 0 || (r = bind_row(state, m, stmt)) < 0)
        return r;
    rc = sqlite3_step(stmt);
    if (rc != SQLITE_DONE)
        r = db_fault(state->db, rc, table->noun);
    else if (m->verb != STATE_INSERT && sqlite3_changes(state->db) == 0)
        r = -ENOENT;
    if (r == -ENOENT && m->verb == STATE_DELETE && rc != SQLITE_DONE)
        r = -EBUSY; /* the foreign key of somebody who refers to it */
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return r;
}

static int tx_apply(struct state *state, struct state_tx *tx)
{
    int r;

    if (tx->add_error)
        return tx->add_error;
    if ((r = db_exec(state->db, "SAVEPOINT tx")) < 0)
        return r;
    list_for_each(n, &tx->mutations) {
        r = mutation_apply(state, container_of(n, struct mutation, link));
        if (r < 0)
            break;
    }
    if (r == 0)
        return db_exec(state->db, "RELEASE tx");
    if (!sqlite3_get_autocommit(state->db))
        sqlite3_exec(state->db, "ROLLBACK TO tx; RELEASE tx", NULL, NULL, NULL);
    return r;
}

/* ---- the writer ------------------------------------------------------------------------------ */

static void tx_result(struct state_tx *tx, int r)
{
    tx->result = r;
    snprintf(tx->text, sizeof tx->text, "%s", r < 0 ? error_text_get() : "");
}

/* All that went well so far shares the fate of the whole. */
static void batch_fail(struct list_node *batch, int r)
{
    list_for_each(n, batch) {
        struct state_tx *tx = container_of(n, struct state_tx, link);

        if (tx->result == 0)
            tx_result(tx, r);
    }
}

static int batch_apply(struct state *state, struct list_node *batch)
{
    list_for_each(n, batch) {
        struct state_tx *tx = container_of(n, struct state_tx, link);

        error_text_clear();
        tx_result(tx, tx_apply(state, tx));
        if (sqlite3_get_autocommit(
                state->db)) /* SQLite gave up the whole transaction: disk full, I/O error, memory */
            return tx->result < 0 ? tx->result : -EIO;
    }
    return 0;
}

static bool batch_has_success(const struct list_node *batch)
{
    list_for_each(n, batch)
        if (container_of(n, struct state_tx, link)->result == 0)
            return true;
    return false;
}

static int batch_write(struct state *state, struct list_node *batch, bool *ret_tried)
{
    int r;

    if (!state->db)
        return -ESTALE;
    if ((r = db_exec(state->db, "BEGIN IMMEDIATE")) < 0)
        return r;
    if (foreign_check(state)) { /* here nobody else can write any more */
        error_text_set("the state file was changed by somebody else");
        return -ESTALE;
    }
    if ((r = batch_apply(state, batch)) < 0)
        return r;
    if (!batch_has_success(batch))
        return 0; /* rolled back by the caller: an idle commit would move the counter */
    /* SQLite writes nothing for an update that changes nothing; with this, every commit moves the counter by
     * exactly one */
    if ((r = db_exec(state->db, "UPDATE beat SET n = n + 1")) < 0)
        return r;
    *ret_tried = true;
    return db_exec(state->db, "COMMIT");
}

/* COMMIT failed: at the very end, syncing the emptied journal, it may have happened all the same. One more
 * commit settles it, since its syncs cover the first; when that fails too nobody knows what a power cut would
 * leave, and the file must be read again. */
static int batch_settle(struct state *state, int r)
{
    if (!foreign_is_ahead(state))
        return r;
    return db_exec(state->db, "UPDATE beat SET n = n + 1") == 0 ? 0 : foreign_doubt(state, r);
}

static void batch_commit(struct state *state, struct list_node *batch)
{
    bool tried = false;
    int r;

    pthread_mutex_lock(&state->db_lock);
    error_text_clear();
    foreign_write_begin(state);
    r = batch_write(state, batch, &tried);
    if (state->db && !sqlite3_get_autocommit(state->db))
        sqlite3_exec(state->db, "ROLLBACK", NULL, NULL, NULL);
    if (r < 0 && r != -ESTALE) {
        /* plays a journal back that the rollback could not, before somebody else's reading does */
        sqlite3_exec(state->db, "SELECT n FROM beat", NULL, NULL, NULL);
        r = tried ? batch_settle(state, r) : r;
    }
    if (r < 0)
        batch_fail(batch, r);
    foreign_write_end(state, r == 0 && batch_has_success(batch));
    pthread_mutex_unlock(&state->db_lock);
}

static void batch_take(struct state *state, struct list_node *batch)
{
    for (unsigned n = 0; n < BATCH_MAX && !list_empty(&state->queue); n++)
        list_append(batch, list_pop(&state->queue));
}

/* Each by itself: one condition for all would wake those of the next batch, too, for nothing. */
static void batch_wake(struct list_node *batch)
{
    struct list_node *n;

    while ((n = list_pop(batch)))
        sem_post(&container_of(n, struct state_tx, link)->done);
}

void *writer_main(void *arg)
{
    struct state *state = arg;
    struct list_node batch;

    list_init(&batch);
    pthread_mutex_lock(&state->queue_lock);
    while (!state->stopping || !list_empty(&state->queue)) {
        if (list_empty(&state->queue)) {
            pthread_cond_wait(&state->queue_wake, &state->queue_lock);
            continue;
        }
        batch_take(state, &batch);
        pthread_mutex_unlock(&state->queue_lock);
        batch_commit(state, &batch);
        batch_wake(&batch);
        pthread_mutex_lock(&state->queue_lock);
    }
    pthread_mutex_unlock(&state->queue_lock);
    return NULL;
}

int state_commit(struct state *state, struct state_tx *tx)
{
    sem_init(&tx->done, 0, 0);
    tx->result = 0;
    pthread_mutex_lock(&state->queue_lock);
    list_append(&state->queue, &tx->link);
    pthread_cond_signal(&state->queue_wake);
    pthread_mutex_unlock(&state->queue_lock);
    while (sem_wait(&tx->done) < 0 && errno == EINTR)
        ;
    sem_destroy(&tx->done);
    if (tx->result < 0)
        error_text_set("%s", tx->text);
    return tx->result;
}
