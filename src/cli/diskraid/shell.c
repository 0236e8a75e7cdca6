/* SPDX-License-Identifier: MIT */
#include "cli/diskraid/shell.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/plain.h"
#include "base/standard.h"
#include "cli/diskraid/kinds.h"
#include "rpc/libvds.h"

/* ---- failures -------------------------------------------------------------------------------- */

/* The sentence of the header, for a failure that comes without one. */
static const char *sentence_of(HRESULT hr)
{
#define ROW(code, sentence) { (HRESULT)(code), sentence },
    static const struct {
        HRESULT hr;
        const char *sentence;
    } rows[] = { VDS_HRESULT_LIST(ROW) };
#undef ROW

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].hr == hr)
            return rows[i].sentence;
    }
    return "";
}

static void vsay(const char *format, va_list args)
{
    fflush(stdout); /* both may be one file */
    vfprintf(stderr, format, args);
}

int say_failed(HRESULT hr, const char *format, ...)
{
    const char *sentence = vds_error_text();
    char shown[1024];
    va_list args;

    if (hr == E_OUTOFMEMORY)
        return say_no_memory();
    va_start(args, format);
    vsay(format, args);
    va_end(args);
    if (!*sentence)
        sentence = sentence_of(hr);
    text_show(sentence, shown, sizeof shown);
    fprintf(stderr, ".\nVirtual Disk Service error: %s (0x%08X)%s%s\n", vds_hresult_name(hr), (unsigned)hr,
            *shown ? ": " : "", shown);
    return hr == VDS_E_OPERATION_CANCELED ? OUTCOME_CANCELED : OUTCOME_FAILED;
}

int say_selection(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsay(format, args);
    va_end(args);
    fprintf(stderr, "\n");
    return OUTCOME_SELECTION;
}

static void print_usage(const struct command *command, const struct form *form)
{
    char text[512];

    for (unsigned i = 0; i < command->n_forms; i++) {
        if (form && form != &command->forms[i])
            continue;
        grammar_usage(command, &command->forms[i], text, sizeof text);
        fprintf(stderr, "  %s\n", text);
    }
}

int say_syntax(const struct command *command, const struct form *form, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsay(format, args);
    va_end(args);
    fprintf(stderr, ".\n");
    if (command)
        print_usage(command, form);
    else
        fprintf(stderr, "HELP lists the commands.\n");
    return OUTCOME_SYNTAX;
}

int say_no_memory(void)
{
    fflush(stdout);
    fprintf(stderr, "diskraid: out of memory\n");
    return OUTCOME_FATAL;
}

/* ---- the service ----------------------------------------------------------------------------- */

int shell_connect(struct shell *shell)
{
    HRESULT hr = shell->service ? S_OK : client_connect(shell->host, 0, &shell->service);

    if (SUCCEEDED(hr))
        return OUTCOME_DONE;
    RELEASE(shell->service);
    return say_failed(hr, "The service cannot be reached");
}

void shell_disconnect(struct shell *shell)
{
    for (int k = 0; k < N_KINDS; k++)
        focus_clear(shell, k);
    numbers_fini(&shell->numbers);
    RELEASE(shell->service);
}

HRESULT shell_service_face(const struct shell *shell, const IID *iid, void *ret_face)
{
    HRESULT hr = IVdsService_QueryInterface(shell->service, iid, ret_face);

    if (hr != E_NOINTERFACE)
        return hr;
    vds_set_error_text("this service does not offer that");
    return VDS_E_NOT_SUPPORTED;
}

HRESULT shell_wait(IVdsAsync *async, const char *what, IUnknown **ret_object)
{
    HRESULT hr;

    if (!async)
        return E_UNEXPECTED;
    client_await(async, -1, what, ret_object, &hr);
    return hr;
}

/* ---- focus ----------------------------------------------------------------------------------- */

static void drop(struct shell *shell, enum kind kind)
{
    RELEASE(shell->focus[kind].face);
    shell->focus[kind] = (struct object){ 0 };
    shell->focused &= ~KIND_BIT(kind);
}

static void drop_all(struct shell *shell, unsigned kinds)
{
    for (int k = 0; k < N_KINDS; k++) {
        if (kinds & KIND_BIT(k))
            drop(shell, k);
    }
}

static unsigned inside_of(enum kind kind)
{
    unsigned kinds = 0;

    for (int k = 0; k < N_KINDS; k++) {
        if (kind_defs[k].inside == kind)
            kinds |= KIND_BIT(k) | inside_of(k);
    }
    return kinds;
}

void focus_clear(struct shell *shell, enum kind kind)
{
    drop_all(shell, KIND_BIT(kind) | inside_of(kind));
}

void focus_set(struct shell *shell, enum kind kind, struct object *object)
{
    focus_clear(shell, kind);
    drop_all(shell, kind_defs[kind].clears);
    shell->focus[kind] = *object;
    shell->focused |= KIND_BIT(kind);
    *object = (struct object){ 0 };
}

int focus_need(const struct shell *shell, unsigned kinds)
{
    for (int k = 0; k < N_KINDS; k++) {
        if ((kinds & KIND_BIT(k)) && !focus_has(shell, k))
            return say_selection("There is no %s selected. Select one with SELECT and try again.",
                                 kind_defs[k].name);
    }
    return OUTCOME_DONE;
}

HRESULT focus_face(const struct shell *shell, enum kind kind, const IID *iid, void *ret_face)
{
    IUnknown *face = shell->focus[kind].face;
    HRESULT hr = face ? IUnknown_QueryInterface(face, iid, ret_face) : E_NOINTERFACE;
    char text[128];

    if (hr != E_NOINTERFACE)
        return hr;
    snprintf(text, sizeof text, "the provider does not offer that for a %s", kind_defs[kind].name);
    vds_set_error_text(text);
    return VDS_E_NOT_SUPPORTED;
}

/* ---- one line -------------------------------------------------------------------------------- */

/* These do without a service. */
static bool is_offline(const struct command *command)
{
    static const char *const names[] = { "help", "exit", "rem" };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(command->name, names[i]) == 0)
            return true;
    }
    return false;
}

static int run_request(struct shell *shell, const struct request *request)
{
    int r = is_offline(request->command) ? OUTCOME_DONE : shell_connect(shell);

    if (r == OUTCOME_DONE)
        r = focus_need(shell, request->form->focus);
    if (r == OUTCOME_DONE)
        r = request->form->run(shell, request);
    client_let_signals();
    if (r != OUTCOME_DONE && shell->service &&
        IVdsService_IsServiceReady(shell->service) == RPC_E_DISCONNECTED)
        shell_disconnect(shell); /* an interactive user may go on when the service is back */
    if (request_has(request, ARG_NOERR) && (r == OUTCOME_SELECTION || r == OUTCOME_FAILED))
        r = OUTCOME_DONE;
    return r;
}

int shell_run_line(struct shell *shell, const char *line, size_t len)
{
    struct request *request = calloc(1, sizeof *request);
    struct grammar_error error;
    int r = OUTCOME_DONE;

    if (!request)
        return say_no_memory();
    if (grammar_parse(line, len, request, &error) < 0)
        r = say_syntax(error.command, error.form, "Syntax error: %s", error.text);
    else if (request->command)
        r = run_request(shell, request);
    if (!standard_flush() && r == OUTCOME_DONE)
        r = OUTCOME_FATAL; /* nobody would see what the next one says */
    grammar_wipe(request);
    free(request);
    return r;
}
