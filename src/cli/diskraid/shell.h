/* SPDX-License-Identifier: MIT */
/* What the handlers share: the connection, which objects are in focus, how failures are told. One thread. */
#ifndef VDS_CLI_DISKRAID_SHELL_H
#define VDS_CLI_DISKRAID_SHELL_H

#include <stdbool.h>

#include "cli/client.h"
#include "cli/diskraid/grammar.h"
#include "cli/diskraid/numbers.h"

/* How a command ended. */
enum outcome {
    OUTCOME_DONE,
    OUTCOME_SYNTAX,    /* stops a script, noerr or not */
    OUTCOME_SELECTION, /* an object is not selected, or the wrong one */
    OUTCOME_FAILED,    /* the service or a provider said no */
    OUTCOME_CANCELED,  /* by Ctrl-C; stops a script, noerr or not */
    OUTCOME_FATAL,
    OUTCOME_EXIT, /* EXIT was said */
};

/* Microsoft's codes. */
enum exit_status {
    STATUS_DONE = 0,
    STATUS_FATAL = 1,
    STATUS_USAGE = 2,
    STATUS_NO_FILE = 3,
    STATUS_SERVICE = 4,
    STATUS_COMMAND = 5
};

/* An object in focus, or found by its number. */
struct object {
    unsigned number;
    GUID id;
    IUnknown
        *face; /* its main interface (kinds.c); NULL for a controller port that is no object of its own */
};

struct shell {
    const char *host;
    IVdsService *service; /* NULL: not connected */
    struct object focus[N_KINDS];
    unsigned focused; /* set of KIND_BIT */
    struct numbers numbers;
    VDS_HINTS hints;     /* what AUTOMAGIC has set ... */
    uint32_t hints_set;  /* ... as a set of automagic flags (hints.c) */
    bool fault_tolerant; /* the flag without a field */
};

/* Connects, unless connected. OUTCOME_DONE or OUTCOME_FAILED. */
int shell_connect(struct shell *shell);
/* Lets everything go: focus, numbers, service. */
void shell_disconnect(struct shell *shell);
/* Runs one line. */
int shell_run_line(struct shell *shell, const char *line, size_t len);

/* ---- failures: on standard error ------------------------------------------------------------- */

/* Tells a failure of the service or a provider: what, the name of the code, a sentence. OUTCOME_FAILED;
 * OUTCOME_CANCELED for an operation that Ctrl-C ended. */
int say_failed(HRESULT hr, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The command does not fit what is selected. OUTCOME_SELECTION. */
int say_selection(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Tells it, and what the form, the command or DiskRAID takes (as far as the line made sense: NULL).
 * OUTCOME_SYNTAX. */
int say_syntax(const struct command *command, const struct form *form, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int say_no_memory(void);

/* ---- focus ----------------------------------------------------------------------------------- */

/* Puts an object in focus, which takes the focus from what does not go with it. Takes over the reference of
 * `object`. */
void focus_set(struct shell *shell, enum kind kind, struct object *object);
/* Takes the focus away, and from what is inside. */
void focus_clear(struct shell *shell, enum kind kind);
static inline bool focus_has(const struct shell *shell, enum kind kind)
{
    return shell->focused & KIND_BIT(kind);
}
/* Says which of the kinds (a set of KIND_BIT) has no focus. */
int focus_need(const struct shell *shell, unsigned kinds);
/* An interface of the object in focus. VDS_E_NOT_SUPPORTED, with a sentence, when it has no such interface.
 * The caller releases it. */
HRESULT focus_face(const struct shell *shell, enum kind kind, const IID *iid, void *ret_face);

/* ---- small things of every handler ----------------------------------------------------------- */

/* shell_start(call that starts an operation): from here on Ctrl-C is kept for shell_wait(), so that none
 * slips in between and leaves the operation running without its shell. Until the end of the command. */
#define shell_start(call) (client_hold_signals(), (call))
/* Waits for the operation (Ctrl-C cancels it) and releases it. ret_object may be NULL. */
HRESULT shell_wait(IVdsAsync *async, const char *what, IUnknown **ret_object);
/* The reference is the caller's. */
HRESULT shell_service_face(const struct shell *shell, const IID *iid, void *ret_face);

#endif
