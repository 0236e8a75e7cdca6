/* SPDX-License-Identifier: MIT */
/* Messages from other threads: a stack that many push to and the loop takes whole; turned round it is oldest
 * first.
 *
 * Waking costs a system call, so it is done only for a loop that sleeps or is about to. Both sides write,
 * then read what the other wrote (sequentially consistent), so at least one of them sees the other:
 *     sender: push, read `asleep`          loop: set `asleep`, read the stack, sleep
 */
#include <errno.h>
#include <semaphore.h>
#include <unistd.h>

#include "loop/loop_internal.h"

void loop_wake(struct loop *loop)
{
    const uint64_t one = 1;

    if (!atomic_load(&loop->asleep) || !atomic_exchange(&loop->asleep, false))
        return;
    while (write(loop->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

bool loop_has_mail(struct loop *loop)
{
    return atomic_load(&loop->messages) || atomic_load(&loop->worked) || atomic_load(&loop->stop);
}

void loop_post(struct loop *loop, struct loop_message *message)
{
    message->next = atomic_load_explicit(&loop->messages, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&loop->messages, &message->next, message))
        ;
    loop_wake(loop);
}

void loop_messages_run(struct loop *loop)
{
    struct loop_message *m, *next, *oldest = NULL;

    if (!atomic_load_explicit(&loop->messages, memory_order_relaxed))
        return;
    for (m = atomic_exchange(&loop->messages, NULL); m; m = next) {
        next = m->next;
        m->next = oldest;
        oldest = m;
    }
    for (m = oldest; m; m = next) {
        next = m->next; /* run() may free or reuse the message */
        m->run(m);
    }
}

struct call {
    struct loop_message message;
    void (*run)(void *arg);
    void *arg;
    sem_t done;
};

static void call_run(struct loop_message *message)
{
    struct call *c = container_of(message, struct call, message);

    c->run(c->arg);
    sem_post(&c->done);
}

void loop_call(struct loop *loop, void (*run)(void *arg), void *arg)
{
    struct call c = { .message = { .run = call_run }, .run = run, .arg = arg };

    if (loop_current() == loop) {
        run(arg);
        return;
    }
    sem_init(&c.done, 0, 0);
    loop_post(loop, &c.message);
    while (sem_wait(&c.done) < 0 && errno == EINTR)
        ;
    sem_destroy(&c.done);
}
