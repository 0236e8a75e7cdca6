/* SPDX-License-Identifier: MIT */
#include "target/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "target/engine.h"

static const struct sockaddr_in *as_v4(const struct sockaddr_storage *addr)
{
    return (const void *)addr;
}

static const struct sockaddr_in6 *as_v6(const struct sockaddr_storage *addr)
{
    return (const void *)addr;
}

void target_address_format(const struct sockaddr_storage *addr, char text[static ADDRESS_TEXT_SIZE])
{
    uint8_t bytes[16];
    char host[INET6_ADDRSTRLEN] = "?";
    size_t n = target_address_bytes(addr, bytes);

    if (n != 0)
        inet_ntop(n == 4 ? AF_INET : AF_INET6, bytes, host, sizeof host);
    snprintf(text, ADDRESS_TEXT_SIZE, n == 16 ? "[%s]:%u" : "%s:%u", host, target_address_port(addr));
}

socklen_t target_address_len(const struct sockaddr_storage *addr)
{
    return addr->ss_family == AF_INET    ? sizeof(struct sockaddr_in)
           : addr->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                         : 0;
}

uint16_t target_address_port(const struct sockaddr_storage *addr)
{
    return ntohs(addr->ss_family == AF_INET6  ? as_v6(addr)->sin6_port
                 : addr->ss_family == AF_INET ? as_v4(addr)->sin_port
                                              : 0);
}

size_t target_address_bytes(const struct sockaddr_storage *addr, uint8_t bytes[static 16])
{
    if (addr->ss_family == AF_INET) {
        memcpy(bytes, &as_v4(addr)->sin_addr, 4);
        return 4;
    }
    if (addr->ss_family != AF_INET6)
        return 0;
    if (IN6_IS_ADDR_V4MAPPED(&as_v6(addr)->sin6_addr)) {
        memcpy(bytes, as_v6(addr)->sin6_addr.s6_addr + 12, 4);
        return 4;
    }
    memcpy(bytes, &as_v6(addr)->sin6_addr, 16);
    return 16;
}

bool target_address_is_wildcard(const struct sockaddr_storage *addr)
{
    static const uint8_t zero[16];
    uint8_t bytes[16];
    size_t n = target_address_bytes(addr, bytes);

    return memcmp(bytes, zero, n) == 0;
}

/* ---- dump ------------------------------------------------------------------------------------------ */

struct address_list {
    struct engine_address *items;
    size_t n, n_room;
};

static int netlink_open(unsigned groups, int type, int *ret_fd)
{
    struct sockaddr_nl local = { .nl_family = AF_NETLINK, .nl_groups = groups };
    _cleanup_(closep) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | type, NETLINK_ROUTE);

    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&local, sizeof local) < 0)
        return -errno;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int list_add(struct address_list *list, const struct sockaddr_storage *addr)
{
    for (size_t i = 0; i < list->n; i++) {
        if (memcmp(&list->items[i].addr, addr, sizeof *addr) == 0)
            return 0; /* the same address on two links */
    }
    if (list->n == list->n_room) {
        size_t n_room = list->n_room ? 2 * list->n_room : 16;
        void *more = reallocarray(list->items, n_room, sizeof *list->items);

        if (!more)
            return -ENOMEM;
        list->items = more;
        list->n_room = n_room;
    }
    list->items[list->n++].addr = *addr;
    return 0;
}

/* One RTM_NEWADDR. IFA_LOCAL is our end of a point-to-point link and wins over IFA_ADDRESS, which then is the
 * peer's. */
static int list_add_message(struct address_list *list, const struct nlmsghdr *header)
{
    const struct ifaddrmsg *ifa = NLMSG_DATA(header);
    int n_left = (int)IFA_PAYLOAD(header);
    const void *local = NULL, *address = NULL;
    uint32_t flags = ifa->ifa_flags;
    size_t want = ifa->ifa_family == AF_INET ? 4 : 16;
    struct sockaddr_storage addr = { .ss_family = ifa->ifa_family };

    if (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6)
        return 0;
    for (const struct rtattr *attr = IFA_RTA(ifa); RTA_OK(attr, n_left); attr = RTA_NEXT(attr, n_left)) {
        if (attr->rta_type == IFA_LOCAL && RTA_PAYLOAD(attr) >= want)
            local = RTA_DATA(attr);
        else if (attr->rta_type == IFA_ADDRESS && RTA_PAYLOAD(attr) >= want)
            address = RTA_DATA(attr);
        else if (attr->rta_type == IFA_FLAGS && RTA_PAYLOAD(attr) >= sizeof flags)
            memcpy(&flags, RTA_DATA(attr), sizeof flags);
    }
    if (!local)
        local = address;
    /* cannot be bound yet; the kernel tells when it can */
    if (!local || flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED))
        return 0;
    if (ifa->ifa_family == AF_INET) {
        memcpy(&((struct sockaddr_in *)&addr)->sin_addr, local, 4);
    } else {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&addr;

        memcpy(&v6->sin6_addr, local, 16);
        if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr))
            v6->sin6_scope_id = ifa->ifa_index;
    }
    return list_add(list, &addr);
}

static int dump_request(int fd)
{
    struct {
        struct nlmsghdr header;
        struct ifaddrmsg ifa;
    } request = { .header = { .nlmsg_len = NLMSG_LENGTH(sizeof request.ifa),
                              .nlmsg_type = RTM_GETADDR,
                              .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                              .nlmsg_seq = 1 },
                  .ifa = { .ifa_family = AF_UNSPEC } };

    return send(fd, &request, sizeof request, 0) < 0 ? -errno : 0;
}

/* One datagram of the answer. 1: there is more to come, 0: that was all, -errno. */
static int dump_answer(int fd, struct address_list *list)
{
    _Alignas(struct nlmsghdr) char buf[16384];
    ssize_t n = recv(fd, buf, sizeof buf, 0);
    int left = (int)n;

    if (n < 0)
        return errno == EINTR ? 1 : -errno;
    for (const struct nlmsghdr *header = (void *)buf; NLMSG_OK(header, (unsigned)left);
         header = NLMSG_NEXT(header, left)) {
        int r = 0;

        if (header->nlmsg_type == NLMSG_DONE)
            return 0;
        if (header->nlmsg_type == NLMSG_ERROR)
            return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
        if (header->nlmsg_type == RTM_NEWADDR)
            r = list_add_message(list, header);
        if (r < 0)
            return r;
    }
    return 1;
}

static int by_family_and_bytes(const void *a, const void *b)
{
    const struct engine_address *x = a, *y = b;
    uint8_t xb[16] = { 0 }, yb[16] = { 0 };
    size_t nx = target_address_bytes(&x->addr, xb), ny = target_address_bytes(&y->addr, yb);

    return nx != ny ? (nx < ny ? -1 : 1) : memcmp(xb, yb, nx);
}

int engine_host_addresses(struct engine_address **ret_addresses, size_t *ret_n)
{
    struct address_list list = { 0 };
    _cleanup_(closep) int fd = -1;
    int r = netlink_open(0, 0, &fd);

    if (r < 0)
        return r;
    r = dump_request(fd);
    if (r == 0)
        do
            r = dump_answer(fd, &list);
        while (r > 0);
    if (r == 0 && list.n == 0 && !(list.items = calloc(1, sizeof *list.items)))
        r = -ENOMEM;
    if (r < 0) {
        free(list.items);
        return r;
    }
    qsort(list.items, list.n, sizeof *list.items, by_family_and_bytes);
    *ret_addresses = list.items;
    *ret_n = list.n;
    return 0;
}

/* ---- watch ----------------------------------------------------------------------------------------- */

static void watch_close(struct target_address_watch *watch)
{
    close(watch->fd);
    watch->fd = -1;
    watch->stopped(watch->arg);
}

/* What the messages say does not matter, a lost one (ENOBUFS) neither: whoever is told reads the whole list
 * again. */
static void watch_empty(int fd)
{
    char buf[4096];

    while (recv(fd, buf, sizeof buf, MSG_DONTWAIT) >= 0 || errno == EINTR || errno == ENOBUFS)
        ;
}

static void watch_ready(struct loop_op *op, int res)
{
    struct target_address_watch *watch = container_of(op, struct target_address_watch, op);

    watch->polling = false;
    if (watch->stopping) {
        watch_close(watch);
        return;
    }
    if (res < 0) {
        log_warning("addresses of the host are no longer watched: %s", strerror(-res));
        return;
    }
    watch_empty(watch->fd);
    target_address_watch_start(watch);
    watch->changed(watch->arg);
}

int target_address_watch_open(struct target_address_watch *watch, struct loop *loop,
                              void (*changed)(void *arg), void *arg)
{
    *watch = (struct target_address_watch){ .loop = loop, .fd = -1, .changed = changed, .arg = arg };
    watch->op.done = watch_ready;
    return netlink_open(RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, SOCK_NONBLOCK, &watch->fd);
}

void target_address_watch_start(struct target_address_watch *watch)
{
    watch->polling = true;
    loop_poll(watch->loop, &watch->op, watch->fd, POLLIN);
}

void target_address_watch_stop(struct target_address_watch *watch, void (*stopped)(void *arg))
{
    watch->stopping = true;
    watch->stopped = stopped;
    if (watch->polling)
        loop_cancel(watch->loop, &watch->op);
    else
        watch_close(watch);
}
