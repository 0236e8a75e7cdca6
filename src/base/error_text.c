/* SPDX-License-Identifier: MIT */
#include "base/error_text.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char text[512];

void error_text_set(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
}

void error_text_clear(void)
{
    text[0] = '\0';
}

const char *error_text_get(void)
{
    return text;
}
