/* SPDX-License-Identifier: MIT */
/* Names: iSCSI names (RFC 7143 §4.2.7), friendly names, masks, addresses. Text in, normal form out; no object
 * is touched. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "array/array_internal.h"
#include "base/plain.h"

#define NAMING_AUTHORITY "iqn.2026-11.org.vds:"

/* ---- iSCSI names ----------------------------------------------------------------------------- */

static bool all_of(const char *text, const char *set)
{
    return text[strspn(text, set)] == '\0';
}

static bool digits(const char *text, size_t n)
{
    return strspn(text, "0123456789") >= n;
}

/* A reversed domain name: labels of letters, digits and inner hyphens, separated by single dots. */
static bool domain_ok(const char *text, size_t n)
{
    bool label_open = false; /* the last character may end a label */

    for (size_t i = 0; i < n; i++) {
        if (text[i] == '.' || text[i] == '-') {
            if (!label_open && (text[i] == '.' || i == 0 || text[i - 1] == '.'))
                return false;
            label_open = label_open && text[i] != '.' && text[i] != '-';
        } else if (islower((unsigned char)text[i]) || isdigit((unsigned char)text[i])) {
            label_open = true;
        } else {
            return false;
        }
    }
    return n > 0 && label_open;
}

/* iqn.yyyy-mm.reversed.domain[:anything] */
static bool iqn_ok(const char *text)
{
    const char *domain = text + 8;
    size_t n;

    if (!digits(text, 4) || text[4] != '-' || !digits(text + 5, 2) || text[7] != '.')
        return false;
    if (strncmp(text + 5, "01", 2) < 0 || strncmp(text + 5, "12", 2) > 0)
        return false;
    n = strcspn(domain, ":");
    return domain_ok(domain, n) && all_of(domain + n, "abcdefghijklmnopqrstuvwxyz0123456789.:-");
}

static bool hex_ok(const char *text, size_t a, size_t b)
{
    size_t n = strlen(text);

    return (n == a || n == b) && all_of(text, "0123456789abcdef");
}

int iscsi_name_normalise(const char *name, char ret_name[static ISCSI_NAME_MAX + 1])
{
    char low[ISCSI_NAME_MAX + 1];
    size_t n = strlen(name);

    if (n < 5 || n > ISCSI_NAME_MAX)
        return -EINVAL;
    for (size_t i = 0; i <= n; i++)
        low[i] = (char)tolower((unsigned char)name[i]); /* RFC 3722 §4: names compare without case */
    if (!(strncmp(low, "iqn.", 4) == 0 && iqn_ok(low + 4)) &&
        !(strncmp(low, "eui.", 4) == 0 && hex_ok(low + 4, 16, 16)) &&
        !(strncmp(low, "naa.", 4) == 0 && hex_ok(low + 4, 16, 32)))
        return -EINVAL;
    memcpy(ret_name, low, n + 1);
    return 0;
}

/* The host's part of a made-up name: a digest of the machine id (which itself is not to be shown:
 * machine-id(5)), or, where there is none, of the array's own id. */
static uint64_t host_digest(const struct guid *subsystem)
{
    char id[64] = "";
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    FILE *f = fopen("/etc/machine-id", "re");

    if (f && !fgets(id, sizeof id, f))
        id[0] = '\0';
    if (f)
        fclose(f);
    if (strlen(id) < 32)
        guid_format(subsystem, id);
    for (const char *p = id; *p; p++)
        h = (h ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
    return h;
}

int iscsi_name_make(const struct guid *target, const struct guid *subsystem,
                    char ret_name[static ISCSI_NAME_MAX + 1])
{
    char text[GUID_TEXT_SIZE];

    guid_format(target, text);
    return snprintf(ret_name, ISCSI_NAME_MAX + 1, NAMING_AUTHORITY "%012llx:%.13s",
                    (unsigned long long)host_digest(subsystem) & 0xffffffffffff, text);
}

/* ---- friendly names -------------------------------------------------------------------------- */

HRESULT friendly_name_normalise(const char *name, char ret_name[static ARRAY_NAME_MAX + 1])
{
    size_t n = strlen(name);
    HRESULT hr = S_OK;

    if (!text_is_plain(name)) {
        error_text_set("a name has no control characters");
        return E_INVALIDARG;
    }
    if (n > ARRAY_NAME_MAX) {
        for (n = ARRAY_NAME_MAX; n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80;)
            n--; /* not in the middle of a character */
        hr = VDS_S_NAME_TRUNCATED;
    }
    memmove(ret_name, name, n);
    ret_name[n] = '\0';
    return hr;
}

/* ---- masks ----------------------------------------------------------------------------------- */

#define MASK_NAMES_MAX 1024

static bool listed(const char *list, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = list; *p; p += strcspn(p, ";"), p += *p == ';')
        if (strcspn(p, ";") == n && memcmp(p, name, n) == 0)
            return true;
    return false;
}

/* Appends the normal form of one name unless it is there. */
static int mask_append(char *mask, const char *name, size_t n)
{
    char raw[ISCSI_NAME_MAX + 1], normal[ISCSI_NAME_MAX + 1];

    if (n > ISCSI_NAME_MAX)
        return -EINVAL;
    memcpy(raw, name, n);
    raw[n] = '\0';
    if (iscsi_name_normalise(raw, normal) < 0) {
        error_text_set("\"%s\" is not an iSCSI name (iqn., eui. or naa.)", raw);
        return -EINVAL;
    }
    if (listed(mask, normal))
        return 0;
    if (*mask)
        strcat(mask, ";");
    strcat(mask, normal);
    return 1;
}

/* "*" and "" stand alone (IVdsLun::SetMask); names are separated by semicolons, blanks around them are
 * forgiven. */
HRESULT mask_normalise(const char *mask, char **ret_mask)
{
    _cleanup_(freep) char *normal = malloc(strlen(mask) + 2);
    unsigned n_names = 0;

    if (!normal)
        return E_OUTOFMEMORY;
    normal[0] = '\0';
    if (strcmp(mask, "*") == 0) {
        strcpy(normal, "*");
        *ret_mask = TAKE_PTR(normal);
        return S_OK;
    }
    for (const char *p = mask; *p; p += *p == ';') {
        size_t n = strcspn(p, ";");
        const char *first = p + strspn(p, " "), *end = p + n;
        int r = 0;

        while (end > first && end[-1] == ' ')
            end--;
        if (first < end)
            r = mask_append(normal, first, (size_t)(end - first));
        if (r < 0)
            return E_INVALIDARG;
        if ((n_names += (unsigned)r) > MASK_NAMES_MAX) {
            error_text_set("a mask has at most %u names", MASK_NAMES_MAX);
            return E_INVALIDARG;
        }
        p += n;
    }
    *ret_mask = TAKE_PTR(normal);
    return S_OK;
}

int mask_split(const char *mask, char **ret_copy, const char ***ret_names, size_t *ret_n)
{
    _cleanup_(freep) char *copy = strdup(mask);
    const char **names;
    size_t n = 0, room = 1;

    for (const char *p = mask; *p; p++)
        room += *p == ';';
    names = calloc(room, sizeof *names);
    if (!copy || !names) {
        free(names);
        return -ENOMEM;
    }
    for (char *rest = copy, *name; (name = strsep(&rest, ";"));)
        if (*name)
            names[n++] = name;
    *ret_copy = TAKE_PTR(copy);
    *ret_names = names;
    *ret_n = n;
    return 0;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static int numeric(const char *text, struct sockaddr_storage *ret_addr)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM }, *found = NULL;

    if (getaddrinfo(text, NULL, &hints, &found) != 0)
        return -EINVAL;
    memset(ret_addr, 0, sizeof *ret_addr);
    memcpy(ret_addr, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return 0;
}

/* inet_aton's short forms ("1", "127.1") are numbers to getaddrinfo, but not addresses to a person. */
static bool looks_whole(const char *text)
{
    struct in_addr any;

    return strchr(text, ':') || inet_pton(AF_INET, text, &any) == 1;
}

static bool is_wildcard(const struct sockaddr_storage *addr)
{
    if (addr->ss_family == AF_INET)
        return ((const struct sockaddr_in *)addr)->sin_addr.s_addr == 0;
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)addr)->sin6_addr);
}

static void set_port(struct sockaddr_storage *addr, uint16_t port)
{
    if (addr->ss_family == AF_INET)
        ((struct sockaddr_in *)addr)->sin_port = htons(port);
    else
        ((struct sockaddr_in6 *)addr)->sin6_port = htons(port);
}

uint16_t address_port(const struct sockaddr_storage *addr)
{
    return ntohs(addr->ss_family == AF_INET ? ((const struct sockaddr_in *)addr)->sin_port
                                            : ((const struct sockaddr_in6 *)addr)->sin6_port);
}

/* Without its interface a link-local address still has a text and a GUID, only no scope: it is absent then.
 */
int address_parse(const char *text, uint16_t port, struct sockaddr_storage *ret_addr)
{
    char bare[80];

    if (numeric(text, ret_addr) < 0) {
        snprintf(bare, sizeof bare, "%.*s", (int)strcspn(text, "%"), text);
        if (numeric(bare, ret_addr) < 0)
            return -EINVAL;
    }
    set_port(ret_addr, port);
    return 0;
}

static int port_parse(const char *text, uint16_t *ret_port)
{
    unsigned long value = 0;

    if (strlen(text) < 1 || strlen(text) > 5 || !all_of(text, "0123456789"))
        return -EINVAL;
    value = strtoul(text, NULL, 10);
    if (value == 0 || value > 65535)
        return -EINVAL;
    *ret_port = (uint16_t)value;
    return 0;
}

/* "ADDR", "ADDR:PORT", "V6", "[V6]", "[V6]:PORT" */
int portal_parse(const char *text, uint16_t default_port, struct sockaddr_storage *ret_addr)
{
    const char *end = text[0] == '[' ? strchr(text, ']') : NULL;
    const char *colon = end ? end + 1 : strchr(text, ':');
    uint16_t port = default_port;
    struct sockaddr_storage addr;
    char host[80];
    size_t n;

    if (!end && colon && strchr(colon + 1, ':'))
        colon = NULL; /* a bare IPv6 address */
    n = end ? (size_t)(end - text - 1) : colon ? (size_t)(colon - text) : strlen(text);
    if (n == 0 || n >= sizeof host || (text[0] == '[' && !end))
        return -EINVAL;
    memcpy(host, end ? text + 1 : text, n);
    host[n] = '\0';
    if (colon && *colon && (*colon != ':' || port_parse(colon + 1, &port) < 0))
        return -EINVAL;
    if (!looks_whole(host) || address_parse(host, port, &addr) < 0 || is_wildcard(&addr))
        return -EINVAL;
    *ret_addr = addr;
    return 0;
}

void address_format(const struct sockaddr_storage *addr, char text[static 80])
{
    socklen_t len = addr->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

    if (getnameinfo((const struct sockaddr *)addr, len, text, 80, NULL, 0, NI_NUMERICHOST) != 0)
        text[0] = '\0';
}

void address_format_with_port(const char *address, uint16_t port, char text[static 80])
{
    snprintf(text, 80, strchr(address, ':') ? "[%.70s]:%u" : "%.70s:%u", address, port);
}
