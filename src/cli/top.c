/* SPDX-License-Identifier: MIT */
/* vdsctl top: two looks at the counters make an interval; on a terminal it is a screen, elsewhere blocks of
 * text or lines of JSON. */
#include "cli/top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/standard.h"
#include "cli/handlers.h"
#include "cli/term.h"

/* What was counted at one moment. */
struct look {
    VDS_SESSION_COUNTERS *sessions;
    VDS_LUN_COUNTERS *luns;
    ULONG n_sessions, n_luns;
    ULONGLONG sessions_ns, luns_ns;
};

struct top {
    struct client *client;
    IVdsSubSystemCountersEx *counters;
    struct look before, now;
    struct term term;
    double interval_s;
    unsigned long count; /* intervals to show; 0: no end */
    bool json;
    int signal_fd;
};

/* ---- looking --------------------------------------------------------------------------------------- */

static void look_fini(struct look *look)
{
    CoTaskMemFree(look->sessions);
    CoTaskMemFree(look->luns);
    *look = (struct look) { 0 };
}

static HRESULT look_again(struct top *top)
{
    struct look next = { 0 };
    HRESULT hr = IVdsSubSystemCountersEx_QuerySessionCounters(top->counters, &next.sessions, &next.n_sessions,
                                                              &next.sessions_ns);

    if (SUCCEEDED(hr))
        hr = IVdsSubSystemCountersEx_QueryLunCounters(top->counters, &next.luns, &next.n_luns, &next.luns_ns);
    if (FAILED(hr)) {
        look_fini(&next);
        return hr;
    }
    look_fini(&top->before);
    top->before = top->now;
    top->now = next;
    return S_OK;
}

/* ---- from looks to rows ---------------------------------------------------------------------------- */

/* All fields are numbers of one size, and grow. Who was not there before has begun at 0. */
static VDS_IO_COUNTERS difference(const VDS_IO_COUNTERS *now, const VDS_IO_COUNTERS *before)
{
    enum { N = sizeof *now / sizeof(ULONGLONG) };
    ULONGLONG a[N], b[N] = { 0 };
    VDS_IO_COUNTERS result;

    memcpy(a, now, sizeof a);
    if (before)
        memcpy(b, before, sizeof b);
    for (unsigned i = 0; i < N; i++)
        a[i] = a[i] > b[i] ? a[i] - b[i] : 0;
    memcpy(&result, a, sizeof result);
    return result;
}

/* Rows seldom change places: the one that stood there is tried first. */
static const VDS_IO_COUNTERS *session_before(const struct look *before, ULONG at, ULONGLONG id)
{
    for (ULONG i = 0; i < before->n_sessions; i++) {
        const VDS_SESSION_COUNTERS *s = &before->sessions[(at + i) % before->n_sessions];

        if (s->ullSessionId == id)
            return &s->io;
    }
    return NULL;
}

static const VDS_IO_COUNTERS *lun_before(const struct look *before, ULONG at, const GUID *id)
{
    for (ULONG i = 0; i < before->n_luns; i++) {
        const VDS_LUN_COUNTERS *l = &before->luns[(at + i) % before->n_luns];

        if (memcmp(&l->lunId, id, sizeof *id) == 0)
            return &l->io;
    }
    return NULL;
}

static int busier(const void *one, const void *other)
{
    const struct top_row *a = one, *b = other;
    ULONGLONG x = top_commands(&a->change), y = top_commands(&b->change);

    if (x != y)
        return x > y ? -1 : 1;
    if (a->session != b->session)
        return a->session < b->session ? -1 : 1;
    return a->name && b->name ? strcmp(a->name, b->name) : 0;
}

static struct top_table make_table(ULONG n, ULONGLONG from_ns, ULONGLONG to_ns)
{
    struct top_table table = { calloc(n + 1, sizeof *table.rows), n, (double)(to_ns - from_ns) / 1e9 };

    if (!table.rows)
        client_out_of_memory();
    return table;
}

static struct top_table session_table(const struct look *now, const struct look *before)
{
    struct top_table table = make_table(now->n_sessions, before->sessions_ns, now->sessions_ns);

    for (ULONG i = 0; i < now->n_sessions; i++) {
        const VDS_SESSION_COUNTERS *s = &now->sessions[i];

        table.rows[i] =
            (struct top_row){ .session = s->ullSessionId,
                              .tasks = s->ulTasks,
                              .total = s->io,
                              .change = difference(&s->io, session_before(before, i, s->ullSessionId)) };
    }
    qsort(table.rows, table.n, sizeof *table.rows, busier);
    return table;
}

static struct top_table lun_table(const struct model *model, const struct look *now,
                                  const struct look *before)
{
    struct top_table table = make_table(now->n_luns, before->luns_ns, now->luns_ns);

    for (ULONG i = 0; i < now->n_luns; i++) {
        const VDS_LUN_COUNTERS *l = &now->luns[i];
        const struct lun *lun = model_lun(model, &l->lunId);

        table.rows[i] = (struct top_row) { .lun = l->lunId, .name = lun ? lun->name : "-", .total = l->io,
                                           .change = difference(&l->io, lun_before(before, i, &l->lunId)) };
    }
    qsort(table.rows, table.n, sizeof *table.rows, busier);
    return table;
}

/* ---- telling --------------------------------------------------------------------------------------- */

static void draw(const struct top_frame *frame)
{
    _cleanup_(freep) char *text = NULL;
    unsigned lines, columns;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        client_out_of_memory();
    term_size(&lines, &columns);
    top_print_text(out, frame, lines);
    fclose(out);
    term_draw(text);
}

static HRESULT tell(struct top *top, bool last)
{
    _cleanup_(model_fini) struct model model;
    HRESULT hr = model_load(&model, top->client, MODEL_TARGETS | MODEL_LUNS | MODEL_SESSIONS);
    struct top_frame frame = { .model = &model };

    if (FAILED(hr))
        return hr;
    frame.sessions = session_table(&top->now, &top->before);
    frame.luns = lun_table(&model, &top->now, &top->before);
    if (top->json)
        top_print_json(stdout, &frame);
    else if (top->term.drawing)
        draw(&frame);
    else
        top_print_text(stdout, &frame, 0);
    if (!last && !top->json && !top->term.drawing)
        putchar('\n');
    free(frame.sessions.rows);
    free(frame.luns.rows);
    return S_OK;
}

/* ---- time, keys, signals --------------------------------------------------------------------------- */

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

enum wake { WAKE_TIME, WAKE_SIZE, WAKE_END };

/* What has ended the wait: a window that has another size, or who asks for the end, or has gone who reads
 * along. */
static enum wake wake_of(const struct top *top, const struct pollfd fds[static 3])
{
    struct signalfd_siginfo info;
    char key;

    if (fds[2].revents)
        return WAKE_END;
    if (fds[0].revents && read(top->signal_fd, &info, sizeof info) == sizeof info)
        return info.ssi_signo == SIGWINCH ? WAKE_SIZE : WAKE_END;
    return fds[1].revents && (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q') ? WAKE_END
                                                                                            : WAKE_TIME;
}

static enum wake wait_until(const struct top *top, double end)
{
    struct pollfd fds[] = { { top->signal_fd, POLLIN, 0 },
                            { top->term.keys ? STDIN_FILENO : -1, POLLIN, 0 },
                            { STDOUT_FILENO, 0, 0 } };
    enum wake wake = WAKE_TIME;
    double left;

    while (wake == WAKE_TIME && (left = end - now_s()) > 0) {
        fds[0].revents = fds[1].revents = 0;
        if (poll(fds, 3, (int)(left * 1000) + 1) > 0)
            wake = wake_of(top, fds);
    }
    return wake;
}

/* A screen is not left empty for long, whatever the interval is. */
static double interval_after(const struct top *top, unsigned long shown)
{
    return top->term.drawing && shown == 0 && top->interval_s > 1 ? 1 : top->interval_s;
}

static HRESULT run(struct top *top)
{
    double next = now_s() + interval_after(top, 0);
    HRESULT hr = look_again(top);

    for (unsigned long shown = 0;
         SUCCEEDED(hr) && standard_flush() && (top->count == 0 || shown < top->count);) {
        enum wake wake = wait_until(top, next);

        if (wake == WAKE_END)
            return S_OK;
        if (wake == WAKE_TIME) {
            hr = look_again(top);
            shown++;
            next += interval_after(top, shown);
            next = next > now_s() ? next : now_s() + top->interval_s;
        }
        if (SUCCEEDED(hr) && shown > 0)
            hr = tell(top, shown == top->count);
    }
    return hr;
}

static int make_signal_fd(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH };
    sigset_t signals;

    sigemptyset(&signals);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        sigaddset(&signals, numbers[i]);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC);
}

/* ---- the command ----------------------------------------------------------------------------------- */

static int parse(const struct request *request, struct top *top)
{
    char *end;

    if (request->interval && !client_seconds("--interval", request->interval, 0.1, 3600, &top->interval_s))
        return EXIT_USAGE;
    if (request->count) {
        top->count = strtoul(request->count, &end, 10);
        if (*request->count < '1' || *request->count > '9' || *end) {
            fprintf(stderr, "vdsctl: --count takes a number from 1, not '%s'\n", request->count);
            return EXIT_USAGE;
        }
    }
    if (request->once)
        top->count = 1;
    return EXIT_DONE;
}

int top_run(struct client *client, const struct request *request)
{
    struct top top = { .client = client, .interval_s = 1, .json = request->json };
    _cleanup_(closep) int signal_fd = -1;
    int r = parse(request, &top);
    HRESULT hr;

    if (r != EXIT_DONE)
        return r;
    top.signal_fd = signal_fd = make_signal_fd();
    if (signal_fd < 0)
        return client_refused(E_OUTOFMEMORY, "top");
    hr =
        IVdsSubSystem_QueryInterface(client->subsystem, &IID_IVdsSubSystemCountersEx, (void **)&top.counters);
    if (SUCCEEDED(hr) && !request->json && !request->once)
        term_enter(&top.term);
    if (SUCCEEDED(hr))
        hr = run(&top);
    term_leave(&top.term);
    look_fini(&top.before);
    look_fini(&top.now);
    RELEASE(top.counters);
    return FAILED(hr) ? client_refused(hr, "top") : EXIT_DONE;
}
