/* SPDX-License-Identifier: MIT */
/* The way of vdsctl and diskraid to the array: the public interfaces through libvds, nothing else. */
#ifndef VDS_CLI_CLIENT_H
#define VDS_CLI_CLIENT_H

#include <stdbool.h>

#define COBJMACROS
#include <vds/vds.h>
#include <vds/vdsex.h>

#include "base/guid.h"

struct client {
    double timeout_s; /* for operations; < 0: no limit */
    IVdsService *service;
    IVdsSubSystem *subsystem;
    IVdsSubSystemIscsi *iscsi; /* with client_need_iscsi() */
    IVdsSubSystemEx *ex;       /* with client_need_ex() */
};

/* Connects to the service at `host` (NULL: this machine) and finds the array. EXIT_DONE, or EXIT_NO_SERVICE
 * with a sentence said. timeout_s > 0: keeps trying for so long. */
int client_open(struct client *client, const char *host, double timeout_s);
void client_close(struct client *client);

/* The service alone. timeout_s > 0: keeps trying for so long, as it may still be starting. */
HRESULT client_connect(const char *host, double timeout_s, IVdsService **ret_service);

/* Says so and ends the program: for what a command cannot go on without. */
void client_out_of_memory(void) __attribute__((noreturn));

/* Says "PROGRAM: WHAT: NAME: sentence" on stderr. Returns EXIT_REFUSED, or EXIT_NO_SERVICE when the
 * connection is gone. */
int client_refused(HRESULT hr, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Releases an interface pointer of any kind and clears it. */
#define RELEASE(p) \
    do { \
        if (p) \
            IUnknown_Release((IUnknown *)(p)); \
        (p) = NULL; \
    } while (0)

static inline void client_releasep(void *pointer_to_face) /* for _cleanup_ */
{
    IUnknown **face = pointer_to_face;

    RELEASE(*face);
}

/* Asking for a face, or for an object, costs a call each: only who needs one does. E_NOINTERFACE: this array
 * has no such thing. */
HRESULT client_need_iscsi(struct client *client);
HRESULT client_need_ex(struct client *client);
/* An object that a model names, as that interface, with a reference. VDS_E_OBJECT_NOT_FOUND when it is gone
 * by now. */
HRESULT client_object(struct client *client, VDS_OBJECT_TYPE type, const GUID *id, const IID *iid,
                      void *ret_face);

/* Calls each(arg, face) for every member of the enumeration, as interface `iid`; `face` is released
 * afterwards. A member that is gone by now is passed over. Releases `members`. */
HRESULT client_each(IEnumVdsObject *members, const IID *iid, HRESULT (*each)(void *arg, void *face),
                    void *arg);

/* From here on Ctrl-C and SIGTERM are kept for client_wait(): call it before the method that starts an
 * operation, so that none slips in between and leaves the operation running without its client. */
void client_hold_signals(void);
void client_let_signals(void); /* for a program that goes on after it */

/* Waits for the operation, with a progress bar when stderr is a terminal; Ctrl-C cancels it and says what
 * happened. Releases `async`. EXIT_DONE: ret_output (may be NULL) holds what it made, with a reference, and
 * *ret_hr its success code. The format is what is being done, and to what: "deleting group box/1". */
int client_wait(struct client *client, IVdsAsync *async, IUnknown **ret_output, HRESULT *ret_hr,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* What client_wait() does, without saying how it ended: *ret_hr, with the sentence in vds_error_text();
 * ret_object may be NULL. false, after which the program must end: the limit of timeout_s > 0 came first. */
bool client_await(IVdsAsync *async, double timeout_s, const char *what, IUnknown **ret_object,
                  HRESULT *ret_hr);

/* Decimal digits, no more than fit. */
bool client_number(const char *text, ULONGLONG *ret_number);

/* The value of an option that takes seconds, such as 1.5. false, and said why. */
bool client_seconds(const char *option, const char *text, double least, double most, double *ret_seconds);

/* A name for something new. false, and said why. */
bool client_is_name(const char *text);

/* The words of a command line: none of them may steer the terminal on which it is named. false, and said
 * why. */
bool client_words_are_plain(int argc, char **argv);

/* "object name" conversions, what is not plain as \xNN: task memory or malloc in, malloc'ed UTF-8 out (never
 * NULL: "?" when it cannot be converted). */
char *client_take_string(LPWSTR text);                 /* frees `text` with CoTaskMemFree */
/* malloc'ed; NULL for malformed UTF-8 or no memory, said on stderr */
WCHAR *client_wide(const char *text);
/* malloc'ed "192.0.2.1:3260", "[2001:db8::1]:3260" */
char *client_address_text(const VDS_IPADDRESS *address);
void client_guid_text(const GUID *id, char text[static GUID_TEXT_SIZE]);

#endif
