/*
 * Calls that fail when a test wants it: the program is linked with --wrap for each
 * of them.  What the C library and other libraries call among themselves does not
 * come by here, except for libevent's memory.
 */
#ifndef TESTS_FAULT_FAULT_H
#define TESTS_FAULT_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind { FAULT_MEMORY, FAULT_WRITE, FAULT_SPAWN, FAULT_KINDS };

/* Before anything else: libevent's memory comes by here too. */
void		fault_init(void);

/* The nth call of a kind from now on fails, from 1; for_ever: all that follow too. */
void		fault_arm(enum fault_kind, uint64_t nth, bool for_ever);

/* From now on this process is killed where a call would fail. */
void		fault_kills(void);

/* For calls that the linker does not lead here: does this one fail, with errno set? */
bool		fault_hits(enum fault_kind, int error);

/* No more failures.  How many there were. */
uint64_t	fault_disarm(void);

#endif
