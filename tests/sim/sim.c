/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <ucontext.h>

#include "base/cleanup.h"
#include "loop_sim.h"

#define CO_MAX     64
#define STACK_SIZE (128u << 10)
#define TURNS_MAX  3000000u /* of one seed: more is a world that does not come to an end */
#define YIELD_PERCENT 15

struct co {
    char name[32];
    ucontext_t context;
    void *stack;
    void (*run)(void *arg);
    void *(*thread_main)(void *arg); /* of pthread_create() */
    void *arg;
    const void *blocked_on;          /* NULL: can run */
    uint64_t deadline_ns;
    bool used, ended, woken;
    /* what a thread has of its own */
    int saved_errno;
    struct loop *loop;
};

static struct {
    uint64_t seed, state, now_ns, n_turns;
    bool trace;
    struct co cos[CO_MAX];
    struct co *current;
} world;

static void *stacks[CO_MAX]; /* kept from seed to seed */

/* ---- chance ---------------------------------------------------------------------------------------- */

uint64_t sim_random(void) /* splitmix64 */
{
    uint64_t z = world.state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint32_t sim_below(uint32_t n)
{
    return (uint32_t)(sim_random() % n);
}

bool sim_chance(unsigned percent)
{
    return sim_below(100) < percent;
}

/* ---- what is said ---------------------------------------------------------------------------------- */

void sim_trace(const char *format, ...)
{
    va_list args;

    if (!world.trace)
        return;
    printf("%12.6f %-12s ", (double)world.now_ns / 1e9, world.current->name);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

void sim_fail(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fprintf(stderr, "sim: seed %llu, %.6f s, %s: ", (unsigned long long)world.seed,
            (double)world.now_ns / 1e9, world.current->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    for (unsigned i = 0; i < CO_MAX; i++) {
        const struct co *co = &world.cos[i];

        if (co->used && !co->ended)
            fprintf(stderr, "    %-12s %s\n", co->name,
                    !co->blocked_on                ? "can run"
                    : co->deadline_ns == SIM_NEVER ? "waits"
                                                   : "waits with a deadline");
    }
    fprintf(stderr, "replay: sim --seed %llu --trace\n", (unsigned long long)world.seed);
    _Exit(1);
}

/* ---- turns ----------------------------------------------------------------------------------------- */

static bool can_run(const struct co *co)
{
    return co->used && !co->ended && (!co->blocked_on || co->woken || co->deadline_ns <= world.now_ns);
}

static struct co *pick(void)
{
    struct co *found[CO_MAX];
    unsigned n = 0;

    for (unsigned i = 0; i < CO_MAX; i++) {
        if (can_run(&world.cos[i]))
            found[n++] = &world.cos[i];
    }
    return n ? found[sim_below(n)] : NULL;
}

/* Nobody can run: on to the next deadline. */
static void let_time_pass(void)
{
    uint64_t next = SIM_NEVER;

    for (unsigned i = 0; i < CO_MAX; i++) {
        const struct co *co = &world.cos[i];

        if (co->used && !co->ended && co->blocked_on && co->deadline_ns < next)
            next = co->deadline_ns;
    }
    sim_check(next != SIM_NEVER, "deadlock: everybody waits and nothing is due");
    world.now_ns = next;
}

static void switch_to(struct co *next)
{
    struct co *self = world.current;

    if (next == self)
        return;
    self->saved_errno = errno;
    self->loop = loop_sim_current(NULL, false);
    world.current = next;
    loop_sim_current(next->loop, true);
    swapcontext(&self->context, &next->context);
    errno = self->saved_errno;
}

static void turn(void)
{
    struct co *next;

    sim_check(++world.n_turns < TURNS_MAX, "it does not come to an end");
    world.now_ns += sim_below(2000);
    while (!(next = pick()))
        let_time_pass();
    switch_to(next);
}

void sim_yield(void)
{
    if (sim_chance(YIELD_PERCENT))
        turn();
}

bool sim_block(const void *on, uint64_t deadline_ns)
{
    struct co *self = world.current;
    bool woken;

    self->blocked_on = on;
    self->deadline_ns = deadline_ns;
    self->woken = false;
    turn();
    woken = self->woken;
    self->blocked_on = NULL;
    self->woken = false;
    return woken;
}

void sim_wake(const void *on)
{
    for (unsigned i = 0; i < CO_MAX; i++) {
        if (world.cos[i].used && world.cos[i].blocked_on == on)
            world.cos[i].woken = true;
    }
}

void sim_wake_one(const void *on)
{
    struct co *found[CO_MAX];
    unsigned n = 0;

    for (unsigned i = 0; i < CO_MAX; i++) {
        struct co *co = &world.cos[i];

        if (co->used && co->blocked_on == on && !co->woken)
            found[n++] = co;
    }
    if (n)
        found[sim_below(n)]->woken = true;
}

uint64_t sim_now(void)
{
    return world.now_ns;
}

void sim_sleep(uint64_t ns)
{
    sim_block(&world.now_ns, world.now_ns + ns);
}

/* ---- coroutines ------------------------------------------------------------------------------------ */

static void co_main(void)
{
    struct co *self = world.current;

    if (self->thread_main)
        self->thread_main(self->arg);
    else
        self->run(self->arg);
    self->ended = true;
    sim_wake(self);
    turn();
    abort();
}

static struct co *co_new(const char *name, void *arg)
{
    unsigned i = 1;
    struct co *co;

    while (i < CO_MAX && world.cos[i].used)
        i++;
    sim_check(i < CO_MAX, "more than %d coroutines", CO_MAX);
    co = &world.cos[i];
    if (!stacks[i])
        stacks[i] = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    sim_check(stacks[i] != MAP_FAILED, "no memory for a stack");
    *co = (struct co){ .stack = stacks[i], .arg = arg, .used = true };
    snprintf(co->name, sizeof co->name, "%s", name);
    getcontext(&co->context);
    co->context.uc_stack.ss_sp = co->stack;
    co->context.uc_stack.ss_size = STACK_SIZE;
    co->context.uc_link = NULL;
    makecontext(&co->context, co_main, 0);
    return co;
}

struct co *sim_spawn(const char *name, void (*run)(void *arg), void *arg)
{
    struct co *co = co_new(name, arg);

    co->run = run;
    return co;
}

void sim_join(struct co *co)
{
    while (!co->ended)
        sim_block(co, SIM_NEVER);
    co->used = false;
}

void sim_begin(uint64_t seed, bool trace)
{
    memset(&world, 0, sizeof world);
    world.seed = seed;
    world.state = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
    world.now_ns = 1000 * SIM_S;
    world.trace = trace;
    world.current = &world.cos[0];
    world.cos[0].used = true;
    snprintf(world.cos[0].name, sizeof world.cos[0].name, "main");
}

uint64_t sim_end(void)
{
    for (unsigned i = 1; i < CO_MAX; i++)
        sim_check(!world.cos[i].used, "%s is still there at the end", world.cos[i].name);
    return world.n_turns;
}

/* ---- what the linker brings here ------------------------------------------------------------------- */

#define WRAP(type, name, ...) \
    type __real_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__)


WRAP(int, pthread_create, pthread_t *ret, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    static const char *const names[] = { "thread-a", "thread-b", "thread-c", "thread-d" };
    struct co *co = co_new("thread", arg);

    (void)attr;
    snprintf(co->name, sizeof co->name, "%s", names[(co - world.cos) % 4]);
    co->thread_main = run;
    *ret = (pthread_t)(uintptr_t)co;
    return 0;
}

WRAP(int, pthread_join, pthread_t thread, void **ret)
{
    (void)ret;
    sim_join((struct co *)(uintptr_t)thread);
    return 0;
}

WRAP(pthread_t, pthread_self, void)
{
    return (pthread_t)(uintptr_t)world.current;
}

WRAP(int, pthread_setname_np, pthread_t thread, const char *name)
{
    struct co *co = (struct co *)(uintptr_t)thread;

    snprintf(co->name, sizeof co->name, "%s", name);
    return 0;
}

WRAP(int, pthread_mutex_lock, pthread_mutex_t *mutex)
{
    sim_yield();
    while (pthread_mutex_trylock(mutex) == EBUSY)
        sim_block(mutex, SIM_NEVER);
    return 0;
}

WRAP(int, pthread_mutex_unlock, pthread_mutex_t *mutex)
{
    __real_pthread_mutex_unlock(mutex);
    sim_wake(mutex);
    sim_yield();
    return 0;
}

WRAP(int, pthread_rwlock_rdlock, pthread_rwlock_t *lock)
{
    sim_yield();
    while (pthread_rwlock_tryrdlock(lock) == EBUSY)
        sim_block(lock, SIM_NEVER);
    return 0;
}

WRAP(int, pthread_rwlock_wrlock, pthread_rwlock_t *lock)
{
    sim_yield();
    while (pthread_rwlock_trywrlock(lock) == EBUSY)
        sim_block(lock, SIM_NEVER);
    return 0;
}

WRAP(int, pthread_rwlock_unlock, pthread_rwlock_t *lock)
{
    __real_pthread_rwlock_unlock(lock);
    sim_wake(lock);
    sim_yield();
    return 0;
}

/* Now and then it returns for no reason, as POSIX allows. */
static int cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t deadline_ns)
{
    bool woken = true;

    __real_pthread_mutex_unlock(mutex);
    sim_wake(mutex);
    if (!sim_chance(3))
        woken = sim_block(cond, deadline_ns);
    __wrap_pthread_mutex_lock(mutex);
    return woken || sim_now() < deadline_ns ? 0 : ETIMEDOUT;
}

static uint64_t ns_of(const struct timespec *ts)
{
    return (uint64_t)ts->tv_sec * SIM_S + (uint64_t)ts->tv_nsec;
}

WRAP(int, pthread_cond_wait, pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    return cond_wait_until(cond, mutex, SIM_NEVER);
}

WRAP(int, pthread_cond_timedwait, pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *ts)
{
    return cond_wait_until(cond, mutex, ns_of(ts));
}

WRAP(int, pthread_cond_clockwait, pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
     const struct timespec *ts)
{
    (void)clock;
    return cond_wait_until(cond, mutex, ns_of(ts));
}

WRAP(int, pthread_cond_signal, pthread_cond_t *cond)
{
    sim_wake_one(cond);
    return 0;
}

WRAP(int, pthread_cond_broadcast, pthread_cond_t *cond)
{
    sim_wake(cond);
    return 0;
}

WRAP(int, sem_wait, sem_t *sem)
{
    while (sem_trywait(sem) < 0)
        sim_block(sem, SIM_NEVER);
    return 0;
}

WRAP(int, sem_post, sem_t *sem)
{
    int r = __real_sem_post(sem);

    sim_wake(sem);
    return r;
}

WRAP(int, clock_gettime, clockid_t clock, struct timespec *ts)
{
    (void)clock;
    *ts = (struct timespec){ .tv_sec = (time_t)(world.now_ns / SIM_S),
                             .tv_nsec = (long)(world.now_ns % SIM_S) };
    return 0;
}

WRAP(ssize_t, getrandom, void *buf, size_t len, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)buf)[i] = (uint8_t)sim_random();
    return (ssize_t)len;
}
