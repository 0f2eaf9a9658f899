/*
 * libfaketime (https://github.com/wolfcw/libfaketime): a library that is loaded into a
 * program before all others and shifts the time of day that it sees.
 */
#ifndef COMMON_FAKETIME_H
#define COMMON_FAKETIME_H

/*
 * The path of the one for programs like us, malloc'ed, or NULL: there is none.  It is in
 * the folder "faketime" beside the C library, where distributions put it, so that the
 * one of a foreign architecture is not taken for it; or in /usr/local/lib, where its own
 * Makefile does.
 */
char	*faketime_find(void);

#endif
