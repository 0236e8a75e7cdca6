/* SPDX-License-Identifier: MIT */
/* src/loop's own turn and queues over the virtual network: the part of io_uring and epoll is played here. */
#ifndef VDS_TESTS_SIM_LOOP_SIM_H
#define VDS_TESTS_SIM_LOOP_SIM_H

#include "loop/loop.h"

/* The loop that the running coroutine is in, which loop.c keeps per thread; `set`: it is to be `loop`. */
struct loop *loop_sim_current(struct loop *loop, bool set);

#endif
