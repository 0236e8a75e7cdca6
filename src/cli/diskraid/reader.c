/* SPDX-License-Identifier: MIT */
#include "cli/diskraid/reader.h"

#include <stdint.h>
#include <string.h>

#define NOT_UTF16 0xff

void reader_init(struct reader *reader, FILE *file)
{
    static const struct {
        unsigned char mark[3], n;
        enum reader_encoding encoding;
    } marks[] = { { { 0xef, 0xbb, 0xbf }, 3, READER_UTF8 },
                  { { 0xff, 0xfe }, 2, READER_UTF16_LITTLE },
                  { { 0xfe, 0xff }, 2, READER_UTF16_BIG } };
    unsigned most = 1; /* more only while it may be a mark: whoever types should not have to type ahead */

    *reader = (struct reader){ .file = file, .encoding = READER_UTF8 };
    while (reader->n_ready < most) {
        int c = getc(file);

        if (c == EOF)
            return;
        reader->ready[reader->n_ready++] = (unsigned char)c;
        for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
            if (memcmp(reader->ready, marks[i].mark, reader->n_ready) != 0)
                continue;
            most = marks[i].n;
            if (reader->n_ready == most) {
                reader->encoding = marks[i].encoding;
                reader->n_ready = 0;
                return;
            }
        }
    }
}

static int take_ready(struct reader *reader)
{
    int c = reader->ready[0];

    memmove(reader->ready, reader->ready + 1, --reader->n_ready);
    return c;
}

#define HALF_A_UNIT 0x10000 /* no unit, and no end of a pair */

/* EOF at the end. */
static int32_t read_unit(struct reader *reader)
{
    int first = getc(reader->file), second;

    if (first == EOF)
        return EOF;
    second = getc(reader->file);
    if (second == EOF)
        return HALF_A_UNIT;
    return reader->encoding == READER_UTF16_LITTLE ? second << 8 | first : first << 8 | second;
}

static void make_ready(struct reader *reader, uint32_t point)
{
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    unsigned n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

    for (unsigned i = n; i-- > 1; point >>= 6)
        reader->ready[i] = (unsigned char)(0x80 | (point & 0x3f));
    reader->ready[0] = (unsigned char)(lead[n > 1 ? n : 0] | point);
    reader->n_ready = n;
}

/* One character, of one unit or of a pair. */
static void decode(struct reader *reader)
{
    int32_t unit = read_unit(reader), low;

    if (unit == EOF)
        return;
    if (unit < 0xd800 || (unit > 0xdfff && unit != HALF_A_UNIT)) {
        make_ready(reader, (uint32_t)unit);
        return;
    }
    low = unit < 0xdc00 ? read_unit(reader) : EOF;
    if (low >= 0xdc00 && low <= 0xdfff) {
        make_ready(reader, 0x10000 + (((uint32_t)unit - 0xd800) << 10) + ((uint32_t)low - 0xdc00));
        return;
    }
    reader->ready[reader->n_ready++] = NOT_UTF16;
    if (low == '\n') /* the line ends here all the same */
        reader->ready[reader->n_ready++] = '\n';
}

int reader_next(struct reader *reader)
{
    if (reader->n_ready == 0 && reader->encoding == READER_UTF8)
        return getc(reader->file);
    if (reader->n_ready == 0)
        decode(reader);
    return reader->n_ready == 0 ? EOF : take_ready(reader);
}
