/* SPDX-License-Identifier: MIT */
/* Timers in a pairing heap: the nodes are the timers themselves, so starting one allocates nothing and cannot
 * fail. Start and look are O(1), stop and fire O(log n) amortised.
 *
 * Pushing a deadline out, what keep-alives do with every PDU, only notes the new deadline: the heap keeps the
 * old one as `key_ns` and the timer is put back when that comes up.
 */
#include "loop/loop_internal.h"

enum { TIMER_OFF, TIMER_HEAP, TIMER_DUE };

static bool before(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->key_ns != b->key_ns ? a->key_ns < b->key_ns : a->seq < b->seq;
}

/* Makes one tree of two roots: the later one becomes the first child of the earlier one. */
static struct loop_timer *meld(struct loop_timer *a, struct loop_timer *b)
{
    struct loop_timer *t;

    if (!a || !b)
        return a ? a : b;
    if (before(b, a)) {
        t = a;
        a = b;
        b = t;
    }
    b->back = a;
    b->sibling = a->child;
    if (a->child)
        a->child->back = b;
    a->child = b;
    return a;
}

/* Two passes over a list of siblings: meld neighbours, then the pairs from the last to the first. */
static struct loop_timer *meld_siblings(struct loop_timer *first)
{
    struct loop_timer *pairs = NULL, *root = NULL;

    while (first) {
        struct loop_timer *a = first, *b = a->sibling;

        first = b ? b->sibling : NULL;
        a->sibling = NULL;
        if (b)
            b->sibling = NULL;
        a = meld(a, b);
        a->sibling = pairs;
        pairs = a;
    }
    while (pairs) {
        struct loop_timer *next = pairs->sibling;

        pairs->sibling = NULL;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

static void heap_insert(struct loop *loop, struct loop_timer *t)
{
    t->child = t->sibling = t->back = NULL;
    t->state = TIMER_HEAP;
    loop->timers = meld(loop->timers, t);
}

static void heap_remove(struct loop *loop, struct loop_timer *t)
{
    struct loop_timer *rest = meld_siblings(t->child);

    if (t == loop->timers) {
        loop->timers = rest;
    } else {
        if (t->back->child == t)
            t->back->child = t->sibling;
        else
            t->back->sibling = t->sibling;
        if (t->sibling)
            t->sibling->back = t->back;
        loop->timers = meld(loop->timers, rest);
    }
    if (loop->timers)
        loop->timers->back = NULL;
    t->state = TIMER_OFF;
}

void loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t deadline_ns)
{
    timer->deadline_ns = deadline_ns;
    timer->seq = loop->timer_seq++;
    if (timer->state == TIMER_HEAP && deadline_ns > timer->key_ns)
        return; /* put back by collect_due() when the old time comes */
    loop_timer_stop(loop, timer);
    timer->key_ns = deadline_ns;
    heap_insert(loop, timer);
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
    if (timer->state == TIMER_HEAP)
        heap_remove(loop, timer);
    else if (timer->state == TIMER_DUE)
        list_remove(&timer->link);
    timer->state = TIMER_OFF;
}

int64_t loop_timers_wait(const struct loop *loop)
{
    uint64_t now;

    if (!loop->timers)
        return -1;
    now = loop_clock();
    return loop->timers->key_ns > now ? (int64_t)(loop->timers->key_ns - now) : 0;
}

static void collect_due(struct loop *loop, struct list_node *due)
{
    struct loop_timer *t;

    while ((t = loop->timers) && t->key_ns <= loop->now_ns) {
        heap_remove(loop, t);
        if (t->deadline_ns > t->key_ns) {
            t->key_ns = t->deadline_ns;
            heap_insert(loop, t);
            continue;
        }
        t->state = TIMER_DUE;
        list_append(due, &t->link);
    }
}

/* Collected first: a timer that restarts itself with a time already past fires in the next turn, not for
 * ever in this one. */
void loop_timers_run(struct loop *loop)
{
    struct list_node due, *n;

    list_init(&due);
    collect_due(loop, &due);
    while ((n = list_pop(&due))) {
        struct loop_timer *t = container_of(n, struct loop_timer, link);

        t->state = TIMER_OFF;
        t->fired(t);
    }
}
