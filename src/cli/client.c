/* SPDX-License-Identifier: MIT */
#include "cli/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <vds/vdsclient.h>

#include "base/cleanup.h"
#include "base/plain.h"
#include "base/utf.h"
#include "cli/command.h"

/* ---- failures -------------------------------------------------------------------------------------- */

static const struct {
    HRESULT hr;
    const char *meaning;
} codes[] = {
#define ROW(code, text) { code, text },
    VDS_HRESULT_LIST(ROW)
#undef ROW
};

/* Says "PROGRAM: what: NAME: sentence"; without a sentence from the service, the code's own meaning. */
static int refuse(HRESULT hr, const char *sentence, const char *what)
{
    char shown[1024];

    for (size_t i = 0; i < ARRAY_SIZE(codes) && !*sentence; i++) {
        if (codes[i].hr == hr)
            sentence = codes[i].meaning;
    }
    text_show(sentence, shown, sizeof shown);
    fprintf(stderr, "%s: %s: %s%s%s\n", program_invocation_short_name, what, vds_hresult_name(hr),
            *shown ? ": " : "", shown);
    return hr == RPC_E_DISCONNECTED ? EXIT_NO_SERVICE : EXIT_REFUSED;
}

#define WHAT_SIZE 1024 /* two names */

int client_refused(HRESULT hr, const char *format, ...)
{
    char what[WHAT_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return refuse(hr, vds_error_text(), what);
}

void client_out_of_memory(void)
{
    fprintf(stderr, "%s: out of memory\n", program_invocation_short_name);
    exit(EXIT_REFUSED);
}

/* ---- connecting ------------------------------------------------------------------------------------ */

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static HRESULT load_service(const char *host, IVdsService **ret_service)
{
    IVdsServiceLoader *loader;
    _cleanup_(freep) WCHAR *machine = host ? client_wide(host) : NULL;
    HRESULT hr;

    if (host && !machine)
        return E_INVALIDARG;
    hr = CoCreateInstance(&CLSID_VdsLoader, NULL, CLSCTX_LOCAL_SERVER, &IID_IVdsServiceLoader,
                          (void **)&loader);
    if (FAILED(hr))
        return hr;
    hr = IVdsServiceLoader_LoadService(loader, machine, ret_service);
    IVdsServiceLoader_Release(loader);
    if (SUCCEEDED(hr))
        hr = IVdsService_WaitForServiceReady(*ret_service);
    if (FAILED(hr))
        RELEASE(*ret_service);
    return hr;
}

HRESULT client_connect(const char *host, double timeout_s, IVdsService **ret_service)
{
    double end = now_s() + timeout_s;
    HRESULT hr;

    while (FAILED(hr = load_service(host, ret_service)) && now_s() < end)
        poll(NULL, 0, 20);
    return hr;
}

static HRESULT keep_first(void *arg, void *face)
{
    void **ret_face = arg;

    if (!*ret_face) {
        IUnknown_AddRef((IUnknown *)face);
        *ret_face = face;
    }
    return S_OK;
}

static HRESULT find_subsystem(struct client *client)
{
    IVdsHwProvider *provider = NULL;
    IEnumVdsObject *members;
    HRESULT hr = IVdsService_QueryProviders(client->service, VDS_QUERY_HARDWARE_PROVIDERS, &members);

    if (SUCCEEDED(hr))
        hr = client_each(members, &IID_IVdsHwProvider, keep_first, &provider);
    if (SUCCEEDED(hr) && !provider)
        hr = VDS_E_OBJECT_NOT_FOUND;
    if (SUCCEEDED(hr))
        hr = IVdsHwProvider_QuerySubSystems(provider, &members);
    if (SUCCEEDED(hr))
        hr = client_each(members, &IID_IVdsSubSystem, keep_first, &client->subsystem);
    if (SUCCEEDED(hr) && !client->subsystem)
        hr = VDS_E_OBJECT_NOT_FOUND;
    RELEASE(provider);
    return hr;
}

HRESULT client_need_iscsi(struct client *client)
{
    return client->iscsi ? S_OK
                         : IVdsSubSystem_QueryInterface(client->subsystem, &IID_IVdsSubSystemIscsi,
                                                        (void **)&client->iscsi);
}

HRESULT client_need_ex(struct client *client)
{
    return client->ex
               ? S_OK
               : IVdsSubSystem_QueryInterface(client->subsystem, &IID_IVdsSubSystemEx, (void **)&client->ex);
}

HRESULT client_object(struct client *client, VDS_OBJECT_TYPE type, const GUID *id, const IID *iid,
                      void *ret_face)
{
    IUnknown *object;
    HRESULT hr = IVdsService_GetObject(client->service, *id, type, &object);

    if (FAILED(hr))
        return hr;
    hr = IUnknown_QueryInterface(object, iid, (void **)ret_face);
    IUnknown_Release(object);
    return hr;
}

int client_open(struct client *client, const char *host, double timeout_s)
{
    HRESULT hr = client_connect(host, timeout_s, &client->service);

    if (FAILED(hr)) {
        client_refused(hr, "no service");
        return EXIT_NO_SERVICE;
    }
    hr = find_subsystem(client);
    if (FAILED(hr)) {
        client_refused(hr, "the service has no array");
        return EXIT_NO_SERVICE;
    }
    return EXIT_DONE;
}

void client_close(struct client *client)
{
    RELEASE(client->ex);
    RELEASE(client->iscsi);
    RELEASE(client->subsystem);
    RELEASE(client->service);
}

/* ---- enumerations ---------------------------------------------------------------------------------- */

HRESULT client_each(IEnumVdsObject *members, const IID *iid, HRESULT (*each)(void *arg, void *face),
                    void *arg)
{
    HRESULT hr;

    do {
        IUnknown *objects[32];
        ULONG n = 0;

        hr = IEnumVdsObject_Next(members, 32, objects, &n);
        for (ULONG i = 0; i < n; i++) {
            void *face;

            if (SUCCEEDED(hr) && SUCCEEDED(IUnknown_QueryInterface(objects[i], iid, &face))) {
                HRESULT one = each(arg, face);

                IUnknown_Release((IUnknown *)face);
                if (FAILED(one) && one != VDS_E_OBJECT_DELETED)
                    hr = one;
            }
            IUnknown_Release(objects[i]);
        }
    } while (hr == S_OK);
    IEnumVdsObject_Release(members);
    return FAILED(hr) ? hr : S_OK;
}

/* ---- waiting --------------------------------------------------------------------------------------- */

/* A thread sits in Wait so that the main one can watch for Ctrl-C and show progress. */
struct waiter {
    IVdsAsync *async;
    int ended_fd;
    HRESULT hr, result;
    VDS_ASYNC_OUTPUT output;
    char text[512];
};

static void *waiter_run(void *arg)
{
    struct waiter *w = arg;
    uint64_t one = 1;

    w->hr = IVdsAsync_Wait(w->async, &w->result, &w->output);
    snprintf(w->text, sizeof w->text, "%s", vds_error_text());
    if (write(w->ended_fd, &one, sizeof one) < 0)
        abort(); /* an eventfd of our own cannot refuse */
    return NULL;
}

#define BAR_MOST 40

/* In one line, which the next overwrites: the bar has what the words leave, or there is none. */
static void show_progress(IVdsAsync *async, const char *what)
{
    struct winsize size = { 0 };
    HRESULT result;
    ULONG percent;
    int room, bar;

    if (FAILED(IVdsAsync_QueryStatus(async, &result, &percent)) || percent >= 100)
        return;
    room = (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80) -
           (int)sizeof "  [] 100%";
    bar = room - (int)strlen(what) < BAR_MOST ? room - (int)strlen(what) : BAR_MOST;
    if (bar > 0)
        fprintf(stderr, "\r%s  [%-*.*s] %3u%%", what, bar, (int)percent * bar / 100,
                "########################################", (unsigned)percent);
    else
        fprintf(stderr, "\r%3u%%", (unsigned)percent);
}

/* `line`: where to begin, below what the terminal shows. */
static void say_cancel(IVdsAsync *async, const char *line)
{
    HRESULT hr = IVdsAsync_Cancel(async);

    if (hr == VDS_E_CANCEL_TOO_LATE)
        fprintf(stderr, "%s%s: too late to cancel, finishing\n", line, program_invocation_short_name);
    else if (FAILED(hr))
        client_refused(hr, "cancel");
    else
        fprintf(stderr, "%s%s: cancelling\n", line, program_invocation_short_name);
}

/* Until the waiter ends: progress on a terminal, cancel on a signal. false when the time limit came first. */
static bool watch_waiter(double timeout_s, struct waiter *w, const char *what, int signal_fd)
{
    double end = timeout_s > 0 ? now_s() + timeout_s : 0;
    bool terminal = isatty(STDERR_FILENO), shown = false, ended = false;

    while (!ended) {
        struct pollfd fds[] = { { w->ended_fd, POLLIN, 0 }, { signal_fd, POLLIN, 0 } };
        int wait_ms = terminal ? 200 : -1;

        if (end > 0) {
            double left = (end - now_s()) * 1000;

            if (left <= 0)
                return false;
            wait_ms = wait_ms < 0 || left < wait_ms ? (int)left + 1 : wait_ms;
        }
        poll(fds, 2, wait_ms);
        ended = fds[0].revents != 0;
        if (fds[1].revents) {
            struct signalfd_siginfo info;

            if (read(signal_fd, &info, sizeof info) == sizeof info)
                say_cancel(w->async, terminal ? "\n" : "");
        }
        if (terminal && !ended) {
            show_progress(w->async, what);
            shown = true;
        }
    }
    if (shown)
        fprintf(stderr, "\r\033[K");
    return true;
}

static IUnknown *output_object(const VDS_ASYNC_OUTPUT *output)
{
    switch (output->type) {
    case VDS_ASYNCOUT_CREATELUN:
        return output->cl.pLunUnk;
    case VDS_ASYNCOUT_CREATETARGET:
        return output->ct.pTargetUnk;
    case VDS_ASYNCOUT_CREATEPORTALGROUP:
        return output->cpg.pPortalGroupUnk;
    default:
        return NULL;
    }
}

static HRESULT finish_wait(struct waiter *w, IUnknown **ret_object)
{
    HRESULT hr = FAILED(w->hr) ? w->hr : w->result;
    IUnknown *object;

    if (FAILED(hr)) {
        vds_set_error_text(w->text);
        return hr;
    }
    object = output_object(&w->output);
    if (ret_object)
        *ret_object = object;
    else
        RELEASE(object);
    return hr;
}

static sigset_t ending_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

void client_hold_signals(void)
{
    sigset_t signals = ending_signals();

    pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

void client_let_signals(void)
{
    sigset_t signals = ending_signals();

    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

bool client_await(IVdsAsync *async, double timeout_s, const char *what, IUnknown **ret_object,
                  HRESULT *ret_hr)
{
    struct waiter *w = calloc(1, sizeof *w);
    sigset_t signals = ending_signals(), before;
    pthread_t thread;
    int signal_fd;
    bool ended;

    pthread_sigmask(SIG_BLOCK, &signals, &before);
    signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    if (!w || signal_fd < 0 || (w->ended_fd = eventfd(0, EFD_CLOEXEC)) < 0 ||
        (w->async = async, errno = pthread_create(&thread, NULL, waiter_run, w)) != 0) {
        fprintf(stderr, "%s: cannot wait: %s\n", program_invocation_short_name, strerror(errno));
        exit(EXIT_REFUSED);
    }
    ended = watch_waiter(timeout_s, w, what, signal_fd);
    if (ended) {
        pthread_join(thread, NULL);
        *ret_hr = finish_wait(w, ret_object);
        IVdsAsync_Release(async);
        close(w->ended_fd);
        free(w);
    } else { /* the waiter keeps what it uses; the process is about to end */
        pthread_detach(thread);
    }
    close(signal_fd);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ended;
}

int client_wait(struct client *client, IVdsAsync *async, IUnknown **ret_output, HRESULT *ret_hr,
                const char *format, ...)
{
    char what[WHAT_SIZE];
    va_list args;
    HRESULT hr;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (!client_await(async, client->timeout_s, what, ret_output, &hr)) {
        fprintf(stderr, "%s: %s: not done after %g s; it goes on in the service\n",
                program_invocation_short_name, what, client->timeout_s);
        return EXIT_REFUSED;
    }
    if (FAILED(hr))
        return client_refused(hr, "%s", what);
    if (ret_hr)
        *ret_hr = hr;
    return EXIT_DONE;
}

bool client_number(const char *text, ULONGLONG *ret_number)
{
    ULONGLONG n;

    if (!*text || text[strspn(text, "0123456789")])
        return false;
    errno = 0;
    n = strtoull(text, NULL, 10);
    if (errno)
        return false;
    *ret_number = n;
    return true;
}

bool client_seconds(const char *option, const char *text, double least, double most, double *ret_seconds)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end || text[strspn(text, "0123456789.")] || seconds < least || seconds > most) {
        fprintf(stderr, "%s: %s takes seconds from %g to %.0f, not '%s'\n", program_invocation_short_name,
                option, least, most, text);
        return false;
    }
    *ret_seconds = seconds;
    return true;
}

/* ---- text ------------------------------------------------------------------------------------------ */

#define NAME_BYTES_MAX 255 /* the array would cut it */

bool client_is_name(const char *text)
{
    if (!*text)
        fprintf(stderr, "%s: the name is empty\n", program_invocation_short_name);
    else if (strlen(text) > NAME_BYTES_MAX)
        fprintf(stderr, "%s: the name has %zu bytes; it may have %d\n", program_invocation_short_name,
                strlen(text), NAME_BYTES_MAX);
    return *text && strlen(text) <= NAME_BYTES_MAX;
}

bool client_words_are_plain(int argc, char **argv)
{
    char shown[256];

    for (int i = 1; i < argc; i++) {
        if (text_is_plain(argv[i]))
            continue;
        text_show(argv[i], shown, sizeof shown);
        fprintf(stderr, "%s: '%s' has control characters in it, or is not UTF-8\n",
                program_invocation_short_name, shown);
        return false;
    }
    return true;
}

/* What others have named may not steer our terminal. */
static char *shown_safely(char *utf8)
{
    size_t n = 4 * strlen(utf8) + 4;
    char *shown;

    if (text_is_plain(utf8))
        return utf8;
    if ((shown = malloc(n)))
        text_show(utf8, shown, n);
    free(utf8);
    return shown;
}

char *client_take_string(LPWSTR text)
{
    char *utf8 = NULL;

    if (text && utf16_to_utf8((const uint16_t *)text, &utf8) < 0)
        utf8 = strdup("?");
    CoTaskMemFree(text);
    if (utf8)
        utf8 = shown_safely(utf8);
    if (!utf8 && !(utf8 = strdup("")))
        client_out_of_memory();
    return utf8;
}

WCHAR *client_wide(const char *text)
{
    size_t n;
    WCHAR *wide;

    if (utf16_length(text, &n) < 0) {
        fprintf(stderr, "%s: not UTF-8: %s\n", program_invocation_short_name, text);
        return NULL;
    }
    wide = malloc((n + 1) * sizeof *wide);
    if (!wide)
        fprintf(stderr, "%s: out of memory\n", program_invocation_short_name);
    else
        utf8_to_utf16(text, (uint16_t *)wide, n + 1);
    return wide;
}

void client_guid_text(const GUID *id, char text[static GUID_TEXT_SIZE])
{
    struct guid g;

    _Static_assert(sizeof g == sizeof *id, "one layout");
    memcpy(&g, id, sizeof g);
    guid_format(&g, text);
}

char *client_address_text(const VDS_IPADDRESS *address)
{
    bool v6 = address->type == VDS_IPT_IPV6;
    uint32_t v4 = htonl(address->ipv4Address);
    char host[INET6_ADDRSTRLEN] = "?", scope[16] = "", *text;

    if (address->type == VDS_IPT_TEXT &&
        utf16_to_utf8((const uint16_t *)address->wszTextAddress, &text) == 0 && (text = shown_safely(text)))
        return text;
    inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? (const void *)address->ipv6Address : (const void *)&v4, host,
              sizeof host);
    if (v6 && address->ulIpv6ScopeId)
        snprintf(scope, sizeof scope, "%%%u", address->ulIpv6ScopeId);
    if (asprintf(&text, v6 ? "[%s%s]:%u" : "%s%s:%u", host, scope, address->ulPort) < 0)
        client_out_of_memory();
    return text;
}
