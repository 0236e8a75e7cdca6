/* SPDX-License-Identifier: MIT */
/* May this client change something? Whoever made the server knows it of some (rpc_server_options.may_change); for the others who came over
 * a message bus polkit is asked, without waiting: the call begins when the answer is there. No polkit, no answer: no.
 *
 * Loop thread only. Specification: org.freedesktop.PolicyKit1.Authority, CheckAuthorization. */
#include "rpc/server_internal.h"

#include <errno.h>
#include <stdlib.h>

#define ASKED_MAX      16 /* questions of one client that are not answered */
#define MAY_INTERACT   1  /* CheckAuthorization's flag: the user may be asked for a password */
#define ANSWER_SECONDS 300

struct authorization {
    struct list_node link; /* of its client */
    struct rpc_peer *peer;
    sd_bus_slot *slot;
    sd_bus_message *request;
};

static void authorization_free(struct authorization *a)
{
    list_remove(&a->link);
    a->peer->n_asked--;
    sd_bus_slot_unref(a->slot);
    sd_bus_message_unref(a->request);
    free(a);
}

void rpc_authorize_end_all(struct rpc_peer *p)
{
    while (!list_empty(&p->asked))
        authorization_free(container_of(p->asked.next, struct authorization, link));
}

static int refuse(sd_bus_message *m)
{
    return rpc_reply_error(m, E_ACCESSDENIED, "this client may look, but not change anything");
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
    struct authorization *a = userdata;
    struct rpc_peer *p = rpc_peer_ref(a->peer);
    sd_bus_message *m = sd_bus_message_ref(a->request);
    int yes = 0;

    (void)error;
    authorization_free(a);
    if (!sd_bus_message_is_method_error(reply, NULL) && sd_bus_message_enter_container(reply, 'r', "bba{ss}") > 0 &&
        sd_bus_message_read_basic(reply, 'b', &yes) > 0 && yes) {
        if (rpc_call_begin(p, m) < 0)
            rpc_reply_error(m, E_OUTOFMEMORY, "");
    } else {
        refuse(m);
    }
    sd_bus_message_unref(m);
    rpc_peer_unref(p);
    return 1;
}

static int question(struct rpc_peer *p, sd_bus_message *m, sd_bus_message **ret_question)
{
    uint32_t flags = sd_bus_message_get_allow_interactive_authorization(m) > 0 ? MAY_INTERACT : 0;
    int r = sd_bus_message_new_method_call(p->bus, ret_question, "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
                                           "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");

    if (r >= 0)
        r = sd_bus_message_append(*ret_question, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s", p->sender,
                                  p->server->options.polkit_action, 0, flags, "");
    return r;
}

static int ask(struct rpc_peer *p, sd_bus_message *m)
{
    struct authorization *a = calloc(1, sizeof *a);
    sd_bus_message *q = NULL;
    int r;

    if (!a)
        return -ENOMEM;
    a->peer = p;
    a->request = sd_bus_message_ref(m);
    list_append(&p->asked, &a->link);
    p->n_asked++;
    r = question(p, m, &q);
    if (r >= 0)
        r = sd_bus_call_async(p->bus, &a->slot, q, on_answer, a, (uint64_t)ANSWER_SECONDS * 1000000);
    sd_bus_message_unref(q);
    if (r < 0)
        authorization_free(a);
    return r;
}

int rpc_authorize(struct rpc_peer *p, sd_bus_message *m, const struct rpc_method *method)
{
    const struct rpc_server_options *o = &p->server->options;

    if ((method->flags & RPC_READS) || !o->may_change || o->may_change(o->may_change_arg, &p->who))
        return rpc_call_begin(p, m);
    if (!o->polkit_action || !p->sender || p->n_asked >= ASKED_MAX)
        return refuse(m);
    return ask(p, m) < 0 ? refuse(m) : 1;
}
