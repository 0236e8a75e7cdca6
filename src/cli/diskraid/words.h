/* SPDX-License-Identifier: MIT */
/* Values as DiskRAID shows them: "Not Ready", "107 GB". A value that is not in a table is "Unknown", never
 * something near it. */
#ifndef VDS_CLI_DISKRAID_WORDS_H
#define VDS_CLI_DISKRAID_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include <vds/vdstypes.h>

const char *word_status(int status); /* all VDS status enumerations share their numbers */
const char *word_health(int health);
const char *word_transition(int state);
const char *word_layout(int type); /* VDS_LUN_TYPE, VDS_LUN_PLEX_TYPE */
const char *word_provider_type(int type);
const char *word_hwprovider_type(int type);
const char *word_bus(int type);

#define WORD_SIZE 24
/* Whole numbers, cut, in the unit that leaves at most four digits. */
const char *word_size(uint64_t bytes, char text[static WORD_SIZE]);

struct word_flag {
    uint32_t bit;
    const char *word;
};
/* "a, b", or "none"; bits that are not in the table as one hexadecimal number. */
void word_flags(uint32_t flags, const struct word_flag *table, size_t n, char *text, size_t size);

#endif
