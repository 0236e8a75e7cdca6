/* SPDX-License-Identifier: MIT */
#include "cli/top.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "cli/json.h"

/* ---- figures --------------------------------------------------------------------------------------- */

ULONGLONG top_commands(const VDS_IO_COUNTERS *io)
{
    return io->ullReads + io->ullWrites + io->ullOthers;
}

static double rate(const struct top_table *table, ULONGLONG n)
{
    return table->seconds > 0 ? (double)n / table->seconds : 0;
}

static uint64_t mean_ns(const VDS_IO_COUNTERS *io)
{
    ULONGLONG n = top_commands(io);

    return n ? io->ullLatencyInNs / n : 0;
}

/* 99 of 100 commands took less than that; 0: there was none. The last step of the histogram has no end: what
 * it begins with. */
static uint64_t most_ns(const VDS_IO_COUNTERS *io)
{
    ULONGLONG n = top_commands(io), least = n - n / 100, seen = 0;

    for (unsigned k = 0; n && k < VDS_LATENCY_BUCKETS; k++) {
        seen += io->ullLatency[k];
        if (seen >= least)
            return UINT64_C(2048) << (k < VDS_LATENCY_BUCKETS - 1 ? k : k - 1);
    }
    return 0;
}

/* ---- text ------------------------------------------------------------------------------------------ */

static const char headings[] = "    IOPS  READ MB/s  WRITE MB/s  MEAN us   99% us  QUEUE  ERRORS  ";

static const struct session *session_of(const struct model *model, ULONGLONG id)
{
    for (size_t i = 0; i < model->n_sessions; i++) {
        if (model->sessions[i].prop.ullId == id)
            return &model->sessions[i];
    }
    return NULL;
}

static void print_figures(FILE *out, const struct top_table *table, const struct top_row *row, bool queue)
{
    const VDS_IO_COUNTERS *io = &row->change;
    char tasks[16] = "-";

    if (queue)
        snprintf(tasks, sizeof tasks, "%u", row->tasks);
    fprintf(out, "%8.0f %10.1f %11.1f %8.1f %8.1f %6s %7" PRIu64 "  ", rate(table, top_commands(io)),
            rate(table, io->ullBytesRead) / 1e6, rate(table, io->ullBytesWritten) / 1e6,
            (double)mean_ns(io) / 1e3, (double)most_ns(io) / 1e3, tasks, (uint64_t)io->ullErrors);
}

static void print_session(FILE *out, const struct model *model, const struct top_row *row)
{
    const struct session *s = session_of(model, row->session);
    const struct target *t = s ? model_target(model, &s->prop.targetId) : NULL;

    fprintf(out, "%" PRIu64 "  %s  %s\n", (uint64_t)row->session, t ? t->name : "-", s ? s->initiator : "-");
}

static void print_lun(FILE *out, const struct model *model, const struct top_row *row)
{
    (void)model;
    fprintf(out, "%s\n", row->name);
}

/* `room`: lines for rows. */
static void print_rows(FILE *out, const struct top_frame *frame, const struct top_table *table, size_t room,
                       const char *heading)
{
    bool sessions = table == &frame->sessions;
    size_t n = table->n <= room ? table->n : room ? room - 1 : 0;

    fprintf(out, "%s%s\n", headings, heading);
    for (size_t i = 0; i < n; i++) {
        print_figures(out, table, &table->rows[i], sessions);
        (sessions ? print_session : print_lun)(out, frame->model, &table->rows[i]);
    }
    if (n < table->n && room)
        fprintf(out, "%8s %zu more\n", "...", table->n - n);
}

/* Lines for the rows of each table: half for the sessions, and what either does not need for the other. */
static void share(size_t lines, size_t n_sessions, size_t n_luns, size_t *ret_sessions, size_t *ret_luns)
{
    size_t half = lines / 2, luns = n_luns < lines - half ? n_luns : lines - half;

    *ret_sessions = n_sessions < lines - luns ? n_sessions : lines - luns;
    *ret_luns = lines - *ret_sessions;
}

void top_print_text(FILE *out, const struct top_frame *frame, unsigned lines)
{
    size_t sessions = frame->sessions.n, luns = frame->luns.n;

    if (lines > 0)
        share(lines > 3 ? lines - 3 : 0, frame->sessions.n, frame->luns.n, &sessions, &luns);
    print_rows(out, frame, &frame->sessions, sessions, "SESSION  TARGET  INITIATOR");
    fputc('\n', out);
    print_rows(out, frame, &frame->luns, luns, "LUN");
}

/* ---- JSON ------------------------------------------------------------------------------------------ */

static void add_number(struct json_object *object, const char *key, double n)
{
    json_object_object_add(object, key, json_object_new_uint64((uint64_t)(n + 0.5)));
}

static void add_text(struct json_object *object, const char *key, const char *text)
{
    json_object_object_add(object, key, json_object_new_string(text));
}

static void add_figures(struct json_object *object, const struct top_table *table, const struct top_row *row)
{
    const VDS_IO_COUNTERS *c = &row->change, *t = &row->total;
    const struct {
        const char *key;
        double n;
    } figures[] = {
        { "iops", rate(table, top_commands(c)) },
        { "read_iops", rate(table, c->ullReads) },
        { "write_iops", rate(table, c->ullWrites) },
        { "read_rate", rate(table, c->ullBytesRead) },
        { "write_rate", rate(table, c->ullBytesWritten) },
        { "mean_ns", (double)mean_ns(c) },
        { "most_ns", (double)most_ns(c) },
        { "errors", (double)c->ullErrors },
    };
    const struct {
        const char *key;
        ULONGLONG n;
    } totals[] = {
        { "reads", t->ullReads },
        { "writes", t->ullWrites },
        { "others", t->ullOthers },
        { "errors", t->ullErrors },
        { "bytes_read", t->ullBytesRead },
        { "bytes_written", t->ullBytesWritten },
        { "latency_ns", t->ullLatencyInNs },
    };
    struct json_object *total = json_object_new_object();

    for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
        add_number(object, figures[i].key, figures[i].n);
    for (size_t i = 0; i < ARRAY_SIZE(totals); i++)
        json_object_object_add(total, totals[i].key, json_object_new_uint64(totals[i].n));
    json_object_object_add(object, "total", total);
}

static struct json_object *session_json(const struct top_frame *frame, const struct top_row *row)
{
    const struct session *s = session_of(frame->model, row->session);
    const struct target *t = s ? model_target(frame->model, &s->prop.targetId) : NULL;
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "id", json_object_new_uint64(row->session));
    add_text(o, "initiator", s ? s->initiator : "");
    add_text(o, "target", t ? t->name : "");
    add_number(o, "queue", row->tasks);
    add_figures(o, &frame->sessions, row);
    return o;
}

static struct json_object *lun_json(const struct top_frame *frame, const struct top_row *row)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "id", json_guid(&row->lun));
    add_text(o, "name", row->name);
    add_figures(o, &frame->luns, row);
    return o;
}

void top_print_json(FILE *out, const struct top_frame *frame)
{
    struct json_object *o = json_object_new_object(), *sessions = json_object_new_array(),
                       *luns = json_object_new_array();

    add_number(o, "interval_ms", frame->luns.seconds * 1e3);
    for (size_t i = 0; i < frame->sessions.n; i++)
        json_object_array_add(sessions, session_json(frame, &frame->sessions.rows[i]));
    for (size_t i = 0; i < frame->luns.n; i++)
        json_object_array_add(luns, lun_json(frame, &frame->luns.rows[i]));
    json_object_object_add(o, "sessions", sessions);
    json_object_object_add(o, "luns", luns);
    fprintf(out, "%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
    json_object_put(o);
}
