/* SPDX-License-Identifier: MIT */
/* Threads of ours in somebody else's process: signals are not for them. */
#ifndef VDS_RPC_THREAD_H
#define VDS_RPC_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

/* pthread_create() of a thread that takes no signal. -errno. */
static inline int rpc_thread_create(pthread_t *ret_thread, bool detached, void *(*run)(void *arg), void *arg)
{
    sigset_t all, before;
    pthread_attr_t attr;
    int r;

    sigfillset(&all);
    pthread_attr_init(&attr);
    if (detached)
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* inherited */
    r = pthread_create(ret_thread, &attr, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return -r;
}

#endif
