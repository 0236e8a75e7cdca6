/* SPDX-License-Identifier: MIT */
/* Socket addresses as text and as keys, the host's own addresses from rtnetlink(7), and the watcher that says
 * when they change. */
#ifndef VDS_TARGET_ADDRESS_H
#define VDS_TARGET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "loop/loop.h"

#define ADDRESS_TEXT_SIZE 80

/* "192.0.2.1:3260", "[2001:db8::1]:3260": the form of TargetAddress without its tag (RFC 7143 §13.8). No
 * scope: it means nothing to a peer. */
void target_address_format(const struct sockaddr_storage *addr, char text[static ADDRESS_TEXT_SIZE]);
socklen_t target_address_len(const struct sockaddr_storage *addr);
uint16_t target_address_port(const struct sockaddr_storage *addr);
bool target_address_is_wildcard(const struct sockaddr_storage *addr);

/* The bytes of the address alone, a v4-mapped one as IPv4. Returns how many: 4, 16, or 0 for another
 * family. */
size_t target_address_bytes(const struct sockaddr_storage *addr, uint8_t bytes[static 16]);

/* Calls changed(arg) from the loop whenever an address of the host comes or goes. */
struct target_address_watch {
    struct loop *loop;
    struct loop_op op;
    int fd;
    bool polling, stopping;
    void (*changed)(void *arg);
    void (*stopped)(void *arg);
    void *arg;
};

/* Any thread but before the loop runs, or on its thread. -errno when the kernel gives no such socket (some
 * containers). */
int target_address_watch_open(struct target_address_watch *watch, struct loop *loop,
                              void (*changed)(void *arg), void *arg);
void target_address_watch_start(struct target_address_watch *watch);
/* On the loop's thread; stopped(arg) is called when nothing refers to `watch` any more, perhaps before this
 * returns. */
void target_address_watch_stop(struct target_address_watch *watch, void (*stopped)(void *arg));

#endif
