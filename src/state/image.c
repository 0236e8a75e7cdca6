/* SPDX-License-Identifier: MIT */
/* The parser of the state: SQLite rows in, well-formed structs out (invariants 3, 4), bad rows to the
 * quarantine (10). */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/error_text.h"
#include "base/log.h"
#include "state/state_internal.h"

#define ROWS_MAX   (1u << 20) /* in one table: more is not a configuration but an attack or a defect */
#define BAD_LOGGED 20         /* rows named in the log; the rest is counted */

void state_image_free(struct state_image *image)
{
    if (!image)
        return;
    for (unsigned t = 0; t < STATE_N_TABLES; t++) {
        const struct table *table = &state_tables[t];

        for (size_t i = 0; i < image->tables[t].n; i++)
            row_fini(table, (char *)image->tables[t].rows + i * table->row_size);
        free(image->tables[t].rows);
    }
    free(image);
}

void bad_rows_free(struct bad_row *bad)
{
    while (bad) {
        struct bad_row *next = bad->next;

        free(bad);
        bad = next;
    }
}

static int bad_row_add(struct bad_row **list, enum state_table table, int64_t rowid, const char *why)
{
    struct bad_row *bad = malloc(sizeof *bad);

    if (!bad)
        return -ENOMEM;
    *bad = (struct bad_row){ *list, table, rowid, why };
    *list = bad;
    return 0;
}

/* ---- one row --------------------------------------------------------------------------------- */

static const char *parse_text(const struct col *col, sqlite3_stmt *stmt, int i, char **ret)
{
    const char *text = (const char *)sqlite3_column_text(stmt, i);
    size_t n = (size_t)sqlite3_column_bytes(stmt, i);

    if (!text || strlen(text) != n || n > col->max)
        return "a text is too long or holds a zero";
    if (col->kind == COL_TEXT) {
        memcpy(ret, text, n + 1);
        return NULL;
    }
    *ret = strdup(text);
    return *ret ? NULL : "";
}

static const char *parse_blob(const struct col *col, sqlite3_stmt *stmt, int i, void *field)
{
    const void *bytes = sqlite3_column_blob(stmt, i);
    size_t n = (size_t)sqlite3_column_bytes(stmt, i);
    struct state_blob *blob = field;

    if (col->kind == COL_GUID) {
        if (n != sizeof(struct guid))
            return "an identifier has the wrong length";
        memcpy(field, bytes, n);
        return NULL;
    }
    if (n < col->min || n > col->max)
        return "a blob is too short or too long";
    blob->bytes = malloc(n + !n);
    if (!blob->bytes)
        return "";
    if (n)
        memcpy(blob->bytes, bytes, n);
    blob->len = n;
    return NULL;
}

static const char *parse_number(const struct col *col, sqlite3_stmt *stmt, int i, void *field)
{
    int64_t value = sqlite3_column_int64(stmt, i);

    if (value < 0 || (uint64_t)value < col->min || (uint64_t)value > col->max)
        return "a number is out of range";
    if (col->kind == COL_BOOL)
        *(bool *)field = value;
    else if (col->kind == COL_U32)
        *(uint32_t *)field = (uint32_t)value;
    else
        *(uint64_t *)field = (uint64_t)value;
    return NULL;
}

static const struct {
    int type;
    const char *(*parse)(const struct col *col, sqlite3_stmt *stmt, int i, void *field);
} parsers[] = {
    [COL_GUID] = { SQLITE_BLOB, parse_blob },     [COL_TEXT] = { SQLITE_TEXT, NULL },
    [COL_STRING] = { SQLITE_TEXT, NULL },         [COL_U32] = { SQLITE_INTEGER, parse_number },
    [COL_U64] = { SQLITE_INTEGER, parse_number }, [COL_BOOL] = { SQLITE_INTEGER, parse_number },
    [COL_BLOB] = { SQLITE_BLOB, parse_blob },
};

/* NULL: good. "": out of memory. Otherwise what is wrong. Column 0 of the statement is the rowid. */
static const char *row_parse(const struct table *table, sqlite3_stmt *stmt, void *row)
{
    for (unsigned c = 0; c < table->n_cols; c++) {
        const struct col *col = &table->cols[c];
        void *field = (char *)row + col->offset;
        const char *why;

        if (sqlite3_column_type(stmt, (int)c + 1) != parsers[col->kind].type)
            return "a column has the wrong type";
        why = parsers[col->kind].parse ? parsers[col->kind].parse(col, stmt, (int)c + 1, field)
                                       : parse_text(col, stmt, (int)c + 1, field);
        if (why)
            return why;
    }
    return row_fault(table, row);
}

/* ---- one table ------------------------------------------------------------------------------- */

struct reading {
    struct state_image *image;
    int64_t *rowids[STATE_N_TABLES];
    size_t room[STATE_N_TABLES];
    struct bad_row *bad;
};

static void reading_fini(struct reading *reading)
{
    for (unsigned t = 0; t < STATE_N_TABLES; t++)
        free(reading->rowids[t]);
    bad_rows_free(reading->bad);
    state_image_free(reading->image);
}

static int room_make(struct reading *reading, enum state_table t)
{
    struct state_rows *rows = &reading->image->tables[t];
    size_t n = reading->room[t] ? reading->room[t] * 2 : 16;
    void *more;

    if (rows->n < reading->room[t])
        return 0;
    if (n > ROWS_MAX) {
        error_text_set("the table %s has more than %u rows", state_tables[t].name, ROWS_MAX);
        return -EBADMSG;
    }
    if (!(more = realloc(rows->rows, n * state_tables[t].row_size)))
        return -ENOMEM;
    rows->rows = more;
    if (!(more = realloc(reading->rowids[t], n * sizeof(int64_t))))
        return -ENOMEM;
    reading->rowids[t] = more;
    reading->room[t] = n;
    return 0;
}

static int row_take(struct reading *reading, enum state_table t, sqlite3_stmt *stmt)
{
    const struct table *table = &state_tables[t];
    struct state_rows *rows = &reading->image->tables[t];
    int64_t rowid = sqlite3_column_int64(stmt, 0);
    const char *why;
    void *row;
    int r = room_make(reading, t);

    if (r < 0)
        return r;
    row = (char *)rows->rows + rows->n * table->row_size;
    memset(row, 0, table->row_size);
    why = row_parse(table, stmt, row);
    if (!why) {
        reading->rowids[t][rows->n++] = rowid;
        return 0;
    }
    row_fini(table, row);
    return *why ? bad_row_add(&reading->bad, t, rowid, why) : -ENOMEM;
}

static void select_sql(const struct table *table, char *sql, size_t n_sql)
{
    size_t n = (size_t)snprintf(sql, n_sql, "SELECT rowid");

    for (unsigned c = 0; c < table->n_cols; c++)
        n += (size_t)snprintf(sql + n, n_sql - n, ", %s", table->cols[c].name);
    snprintf(sql + n, n_sql - n, " FROM %s NOT INDEXED ORDER BY rowid", table->name);
}

static int table_read(struct reading *reading, sqlite3 *db, enum state_table t)
{
    sqlite3_stmt *stmt = NULL;
    char sql[512];
    int rc, r = 0;

    select_sql(&state_tables[t], sql, sizeof sql);
    rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (rc != SQLITE_OK)
        return db_fault(db, rc, "the state file");
    while (r == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        r = row_take(reading, t, stmt);
    if (r == 0 && rc != SQLITE_DONE)
        r = db_fault(db, rc, "the state file");
    sqlite3_finalize(stmt);
    return r;
}

/* ---- between rows (4 to 7, 9) ---------------------------------------------------------------- */

/* An index over some columns of a table: row numbers, sorted. */
struct index {
    const struct table *table;
    const struct state_rows *rows;
    struct col_set set;
    uint32_t *order;
};

static int field_compare(const struct col *a, const void *row_a, const struct col *b, const void *row_b)
{
    const void *fa = (const char *)row_a + a->offset, *fb = (const char *)row_b + b->offset;

    if (a->kind == COL_GUID)
        return guid_compare(fa, fb);
    if (a->kind == COL_TEXT)
        return strcmp(fa, fb);
    return (*(const uint32_t *)fa > *(const uint32_t *)fb) - (*(const uint32_t *)fa < *(const uint32_t *)fb);
}

static int columns_compare(const struct table *ta, const struct col_set *sa, const void *a,
                           const struct table *tb, const struct col_set *sb, const void *b)
{
    int c = 0;

    for (unsigned i = 0; i < sa->n && c == 0; i++)
        c = field_compare(&ta->cols[sa->cols[i]], a, &tb->cols[sb->cols[i]], b);
    return c;
}

static const void *index_row(const struct index *index, size_t i)
{
    return (const char *)index->rows->rows + i * index->table->row_size;
}

static int order_compare(const void *a, const void *b, void *arg)
{
    const struct index *index = arg;
    uint32_t ia = *(const uint32_t *)a, ib = *(const uint32_t *)b;
    int c = columns_compare(index->table, &index->set, index_row(index, ia), index->table, &index->set,
                            index_row(index, ib));

    return c ? c : (ia > ib) - (ia < ib); /* the row made first stays first */
}

static int index_init(struct index *index, const struct reading *reading, enum state_table t,
                      struct col_set set)
{
    *index = (struct index){ &state_tables[t], &reading->image->tables[t], set, NULL };
    index->order = malloc((index->rows->n + 1) * sizeof *index->order);
    if (!index->order)
        return -ENOMEM;
    for (size_t i = 0; i < index->rows->n; i++)
        index->order[i] = (uint32_t)i;
    qsort_r(index->order, index->rows->n, sizeof *index->order, order_compare, index);
    return 0;
}

static bool index_holds(const struct index *index, const struct table *from, const struct col_set *set,
                        const void *row)
{
    size_t low = 0, high = index->rows->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c =
            columns_compare(from, set, row, index->table, &index->set, index_row(index, index->order[mid]));

        if (c == 0)
            return true;
        if (c < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return false;
}

/* Rows marked in `drop` leave the image. */
static int rows_drop(struct reading *reading, enum state_table t, const bool *drop, const char *why)
{
    const struct table *table = &state_tables[t];
    struct state_rows *rows = &reading->image->tables[t];
    size_t kept = 0;
    int r = 0;

    for (size_t i = 0; i < rows->n; i++) {
        char *row = (char *)rows->rows + i * table->row_size;

        if (drop[i]) {
            int s = bad_row_add(&reading->bad, t, reading->rowids[t][i], why);

            r = r < 0 ? r : s;
            row_fini(table, row);
            continue;
        }
        memmove((char *)rows->rows + kept * table->row_size, row, table->row_size);
        reading->rowids[t][kept++] = reading->rowids[t][i];
    }
    rows->n = kept;
    return r;
}

static int unique_check(struct reading *reading, enum state_table t, struct col_set set)
{
    _cleanup_(freep) bool *drop = calloc(reading->image->tables[t].n + 1, sizeof *drop);
    struct index index = { 0 };
    int r = drop ? index_init(&index, reading, t, set) : -ENOMEM;

    if (r < 0)
        return r;
    for (size_t i = 1; i < index.rows->n; i++)
        drop[index.order[i]] = columns_compare(index.table, &set, index_row(&index, index.order[i - 1]),
                                               index.table, &set, index_row(&index, index.order[i])) == 0;
    free(index.order);
    return rows_drop(reading, t, drop, "another row has the same value where it must be unique");
}

static int reference_check(struct reading *reading, enum state_table t, const struct reference *ref)
{
    const struct table *table = &state_tables[t];
    struct state_rows *rows = &reading->image->tables[t];
    _cleanup_(freep) bool *drop = calloc(rows->n + 1, sizeof *drop);
    struct index index = { 0 };
    int r = drop ? index_init(&index, reading, ref->to, ref->to_cols) : -ENOMEM;

    if (r < 0)
        return r;
    for (size_t i = 0; i < rows->n; i++)
        drop[i] = !index_holds(&index, table, &ref->from, (char *)rows->rows + i * table->row_size);
    free(index.order);
    return rows_drop(reading, t, drop, "it refers to something that is not there");
}

/* Parents come before children in this order, so one pass is enough. */
static const enum state_table check_order[] = {
    STATE_SUBSYSTEM, STATE_PORTAL, STATE_TARGET, STATE_GROUP,  STATE_MEMBER,
    STATE_DRIVE,     STATE_LUN,    STATE_TIE,    STATE_SECRET, STATE_RESERVATION,
    STATE_DISCOVERY_SECRET,
};
_Static_assert(ARRAY_SIZE(check_order) == STATE_N_TABLES, "every table is checked");

static int image_check(struct reading *reading)
{
    int r = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(check_order) && r == 0; i++) {
        const struct table *table = &state_tables[check_order[i]];

        for (unsigned k = 0; k < ARRAY_SIZE(table->refs) && table->refs[k].from.n && r == 0; k++)
            r = reference_check(reading, check_order[i], &table->refs[k]);
        for (unsigned k = 0; k < ARRAY_SIZE(table->unique) && table->unique[k].n && r == 0; k++)
            r = unique_check(reading, check_order[i], table->unique[k]);
    }
    return r;
}

/* next_tag above every tag in use (6): a file edited by hand may say otherwise, and a tag must not be given
 * twice. */
static int next_tags_raise(struct reading *reading)
{
    struct index index;
    struct state_rows *targets = &reading->image->tables[STATE_TARGET],
                      *groups = &reading->image->tables[STATE_GROUP];
    int r = index_init(&index, reading, STATE_GROUP, (struct col_set){ 2, { 1, 2 } });

    if (r < 0)
        return r;
    for (size_t i = 0; i < targets->n; i++) {
        struct state_target *target = (struct state_target *)targets->rows + i;
        size_t low = 0, high = groups->n; /* one past the last group of this target */

        while (low < high) {
            size_t mid = low + (high - low) / 2;
            const struct state_group *g = index_row(&index, index.order[mid]);

            if (guid_compare(&g->target, &target->id) <= 0)
                low = mid + 1;
            else
                high = mid;
        }
        const struct state_group *last = low ? index_row(&index, index.order[low - 1]) : NULL;
        if (last && guid_equal(&last->target, &target->id) && last->tag >= target->next_tag)
            target->next_tag = last->tag + 1;
    }
    free(index.order);
    return 0;
}

int image_read(sqlite3 *db, struct state_image **ret_image, struct bad_row **ret_bad)
{
    _cleanup_(reading_fini) struct reading reading = { .image = calloc(1, sizeof *reading.image) };
    int r = reading.image ? 0 : -ENOMEM;

    for (unsigned t = 0; t < STATE_N_TABLES && r == 0; t++)
        r = table_read(&reading, db, t);
    if (r == 0)
        r = image_check(&reading);
    if (r == 0)
        r = next_tags_raise(&reading);
    if (r < 0)
        return r;
    *ret_bad = TAKE_PTR(reading.bad);
    *ret_image = TAKE_PTR(reading.image);
    return 0;
}

/* ---- quarantine (10) ------------------------------------------------------------------------- */

static void quarantine_sql(const struct table *table, char *sql, size_t n_sql)
{
    size_t n = (size_t)snprintf(sql, n_sql, "INSERT INTO quarantine SELECT datetime('now'), '%s', ?2, ''",
                                table->name);

    for (unsigned c = 0; c < table->n_cols; c++)
        n += (size_t)snprintf(sql + n, n_sql - n,
                              table->cols[c].secret ? "||' %s=(secret)'"
                                                    : "||' %s='||substr(quote(%s), 1, 4096)",
                              table->cols[c].name, table->cols[c].name);
    snprintf(sql + n, n_sql - n, " FROM %s WHERE rowid = ?1", table->name);
}

static int run_on_row(sqlite3 *db, const char *sql, const struct bad_row *bad)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(stmt, 1, bad->rowid);
        if (sqlite3_bind_parameter_count(stmt) > 1)
            sqlite3_bind_text(stmt, 2, bad->why, -1, SQLITE_STATIC);
        rc = sqlite3_step(stmt);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? 0 : db_fault(db, rc, "quarantine");
}

static int quarantine_move(sqlite3 *db, const struct bad_row *bad)
{
    const struct table *table = &state_tables[bad->table];
    char sql[1024], del[96];
    int r;

    quarantine_sql(table, sql, sizeof sql);
    snprintf(del, sizeof del, "DELETE FROM %s WHERE rowid = ?1", table->name);
    if ((r = run_on_row(db, sql, bad)) < 0)
        return r;
    return run_on_row(db, del, bad);
}

/* A row that cannot be moved stays where it is: it was left out of the image all the same. References are off
 * meanwhile, since what is moved refers to, and is referred to by, anything. */
static void quarantine(sqlite3 *db, const struct bad_row *bad)
{
    int r = db_exec(db, "PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE");

    for (const struct bad_row *b = bad; b && r == 0; b = b->next)
        r = quarantine_move(db, b);
    if (r == 0)
        r = db_exec(db, "COMMIT");
    if (r < 0)
        log_warning("state: bad rows stay where they are: %s", error_text_get());
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_exec(db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
}

static size_t bad_rows_log(const struct bad_row *bad)
{
    size_t n = 0;

    for (const struct bad_row *b = bad; b; b = b->next)
        if (n++ < BAD_LOGGED)
            log_warning("state: left out a %s (row %" PRId64 " of %s): %s", state_tables[b->table].noun,
                        b->rowid, state_tables[b->table].name, b->why);
    if (n > BAD_LOGGED)
        log_warning("state: left out %zu rows in all", n);
    return n;
}

static int load_locked(struct state *state, struct state_image **ret_image, struct bad_row **ret_bad)
{
    int r = db_exec(state->db, "BEGIN");

    if (r == 0)
        r = image_read(state->db, ret_image, ret_bad);
    if (r == 0)
        r = foreign_baseline(state); /* inside the transaction: nobody can write between reading and this */
    if (!sqlite3_get_autocommit(state->db))
        sqlite3_exec(state->db, "ROLLBACK", NULL, NULL, NULL);
    return r;
}

static void foreign_clear(struct state *state)
{
    pthread_mutex_lock(&state->seen_lock);
    state->foreign = false;
    pthread_mutex_unlock(&state->seen_lock);
}

int state_load(struct state *state, struct state_image **ret_image)
{
    _cleanup_(bad_rows_freep) struct bad_row *bad = NULL;
    struct state_image *image = NULL;
    int r = -EBADMSG;

    pthread_mutex_lock(&state->db_lock);
    if (state->db)
        r = load_locked(state, &image, &bad);
    else
        error_text_set("%s cannot be opened", state->path);
    if (r == 0 && bad) {
        quarantine(state->db, bad);
        r = foreign_baseline(state);
    }
    if (r == 0)
        foreign_clear(state);
    pthread_mutex_unlock(&state->db_lock);
    if (r < 0) {
        state_image_free(image);
        return r;
    }
    image->n_quarantined = bad_rows_log(bad);
    *ret_image = image;
    return 0;
}
