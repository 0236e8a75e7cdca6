/* SPDX-License-Identifier: MIT */
/* The main() of sources written for Windows that have a wmain(): linked only into programs without a main()
 * of their own (`pkg-config --libs vds-compat`). Their arguments and environment, which are UTF-8, become
 * 16-bit text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vds/compat/wide.h>

typedef int wmain_function(int argc, WCHAR **argv, WCHAR **envp); /* those that take less ignore the rest */

/* As C names it, and as C++ does (Itanium ABI §5.1) for each list of parameters that a wmain() may have. */
#define WMAIN(name, symbol) extern wmain_function name __asm__(symbol) __attribute__((weak))
WMAIN(wmain_of_c, "wmain");
WMAIN(wmain_of_nothing, "_Z5wmainv");
WMAIN(wmain_of_arguments, "_Z5wmainiPPw");
WMAIN(wmain_of_const_arguments, "_Z5wmainiPPKw");
WMAIN(wmain_of_environment, "_Z5wmainiPPwS0_");
WMAIN(wmain_of_const_environment, "_Z5wmainiPPKwS1_");

static wmain_function *wmain_find(void)
{
    wmain_function *const all[] = { wmain_of_c,
                                    wmain_of_nothing,
                                    wmain_of_arguments,
                                    wmain_of_const_arguments,
                                    wmain_of_environment,
                                    wmain_of_const_environment };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i])
            return all[i];
    }
    return NULL;
}

static void texts_free(WCHAR **texts)
{
    for (size_t i = 0; texts && texts[i]; i++)
        free(texts[i]);
    free(texts);
}

static WCHAR *widen(const char *text)
{
    size_t size = strlen(text) + 1;
    WCHAR *wide = malloc(size * sizeof *wide);

    if (wide && vds_swprintf(wide, size, u"%hs", text) >= 0)
        return wide;
    free(wide);
    return NULL;
}

/* Leaves out what is not UTF-8, and all from where memory ends. */
static WCHAR **texts_widen(char **narrow, int *ret_n)
{
    int n = 0;
    WCHAR **texts;

    while (narrow[n])
        n++;
    texts = calloc((size_t)n + 1, sizeof *texts);
    *ret_n = 0;
    for (int i = 0; texts && i < n; i++) {
        texts[*ret_n] = widen(narrow[i]);
        *ret_n += texts[*ret_n] != NULL;
    }
    return texts;
}

int main(int argc, char **argv, char **envp)
{
    wmain_function *run = wmain_find();
    int n_arguments, n_variables, r = 127;
    WCHAR **arguments = texts_widen(argv, &n_arguments), **environment = texts_widen(envp, &n_variables);

    if (!run)
        fprintf(stderr, "%s: the program has neither main() nor wmain()\n", argv[0]);
    else if (!environment || n_arguments < argc)
        fprintf(stderr, "%s: an argument is not UTF-8, or there is no memory\n", argv[0]);
    else
        r = run(argc, arguments, environment);
    texts_free(arguments);
    texts_free(environment);
    return r;
}
