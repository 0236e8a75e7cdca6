/* SPDX-License-Identifier: MIT */
/* One thread that plays many: coroutines, a virtual clock, and chance, all from one seed.
 *
 * The engine under test is linked as it is; the linker hands its calls of pthread_*, sem_*, clock_gettime and
 * getrandom to sim.c (meson.build: --wrap). Whoever takes or leaves a lock, waits or signals, may lose its
 * turn; time passes by steps of less than 2 us and jumps to the next deadline when nobody can run. When
 * nobody can run and there is no deadline, that is a deadlock, and the seed fails.
 */
#ifndef VDS_TESTS_SIM_SIM_H
#define VDS_TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_NEVER UINT64_MAX
#define SIM_MS    UINT64_C(1000000)
#define SIM_S     UINT64_C(1000000000)

/* A new world: clock at a fixed start, chance from the seed. The caller becomes the coroutine "main". */
void sim_begin(uint64_t seed, bool trace);
/* Every coroutine but main must have ended. Returns how many turns were given. */
uint64_t sim_end(void);

struct co *sim_spawn(const char *name, void (*run)(void *arg), void *arg);
void sim_join(struct co *co);

uint64_t sim_now(void); /* nanoseconds */
/* Lets others go first, perhaps. */
void sim_yield(void);
void sim_sleep(uint64_t ns);
/* Until somebody wakes `on`, or the deadline: false. */
bool sim_block(const void *on, uint64_t deadline_ns);
void sim_wake(const void *on);     /* all that wait */
void sim_wake_one(const void *on); /* one of them, by chance */

uint64_t sim_random(void);
uint32_t sim_below(uint32_t n); /* 0 .. n - 1 */
bool sim_chance(unsigned percent);

/* What the trace shows and a failure ends with. */
void sim_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The seed has failed: says why, who is where, how to play it again; ends the program. */
void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
#define sim_check(condition, ...) \
    do { \
        if (!(condition)) \
            sim_fail(__VA_ARGS__); \
    } while (0)

#endif
