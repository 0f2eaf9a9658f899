/*
 * Which levels of isolation can be had here, found out by doing, and which one a run gets:
 * what it asks for or else the setting `isolation`, and never less than that setting.
 */
#ifndef SUPERVISOR_LEVELS_H
#define SUPERVISOR_LEVELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/isolation.h"

#define LEVELS_WHY	512	/* bytes of an error's text */
#define LEVELS_TRIED	16	/* wishes whose answers are remembered */

/* What came of trying one wish. */
struct levels_answer {
	uint64_t	 want;		/* as isolation_pack() has it */
	int		 r;		/* 0, or -errno for `why` */
	char		 why[160];
};

struct levels {
	bool			 as_users;	/* each worker becomes its jobs' user */
	bool			 groups;	/* all tests are in control groups */
	struct levels_answer	 tried[LEVELS_TRIED];
	size_t			 ntried;
};

/* Tries what runs are to get that ask for nothing, and logs it. */
void	levels_init(struct levels *, uint64_t setting, bool as_users, bool groups);

/* For show: what a run gets that asks for nothing, and why it is no more, or that none
 * can be had ("": there is nothing to say). */
void	levels_tell(struct levels *, uint64_t setting, char text[ISOLATION_TEXT],
	    char why[LEVELS_WHY]);

/*
 * What a run gets that asks for `asked`, with the setting as isolation_pack() has it: in
 * *ret, a level and for a sandbox a network, both said.  0, or -EINVAL with one line in
 * why: it cannot be had, or contradicts the setting.
 */
int	levels_decide(struct levels *, uint64_t setting, const struct isolation_want *asked,
	    struct isolation_want *ret, char why[LEVELS_WHY]);

#endif
