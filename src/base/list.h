/* SPDX-License-Identifier: MIT */
/* Intrusive, circular, doubly linked list: the node lives in the element, so linking never allocates and
 * never fails.
 *
 *     struct list_node waiting;                 list_init(&waiting);
 *     struct task { struct list_node link; };   list_append(&waiting, &t->link);
 *     list_for_each(n, &waiting) { struct task *t = container_of(n, struct task, link); ... }
 */
#ifndef VDS_BASE_LIST_H
#define VDS_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *prev, *next;
};

#define LIST_INIT(name) { &(name), &(name) }

static inline void list_init(struct list_node *head)
{
    head->prev = head->next = head;
}

static inline bool list_empty(const struct list_node *head)
{
    return head->next == head;
}

static inline void list_insert_after(struct list_node *where, struct list_node *n)
{
    n->prev = where;
    n->next = where->next;
    where->next->prev = n;
    where->next = n;
}

static inline void list_append(struct list_node *head, struct list_node *n)
{
    list_insert_after(head->prev, n);
}

/* Removes n from whatever list it is on; harmless on a node that is initialised and on none. */
static inline void list_remove(struct list_node *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}

static inline bool list_linked(const struct list_node *n)
{
    return n->next && n->next != n;
}

/* Takes the first node off the list, or NULL. */
static inline struct list_node *list_pop(struct list_node *head)
{
    struct list_node *n = head->next;

    if (n == head)
        return NULL;
    list_remove(n);
    return n;
}

/* Moves all of `from` to the end of `head`; `from` is left empty. */
static inline void list_splice(struct list_node *head, struct list_node *from)
{
    if (list_empty(from))
        return;
    from->next->prev = head->prev;
    head->prev->next = from->next;
    from->prev->next = head;
    head->prev = from->prev;
    list_init(from);
}

#define list_for_each(n, head) for (struct list_node *n = (head)->next; n != (head); n = n->next)

/* The current node may be removed inside the loop. */
#define list_for_each_safe(n, head)                                            \
    for (struct list_node *n = (head)->next, *n##_next = n->next; n != (head); \
         n = n##_next, n##_next = n->next)

#endif
