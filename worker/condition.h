/*
 * The environment of an attempt: what each test is told, and what a changed condition of
 * flake detection (common/flake.h) makes of it.  What a test states itself is left as
 * it is: it has said what it needs.  HOME is never another one: the tools of a test
 * (compilers, interpreters, caches) are often there.
 */
#ifndef WORKER_CONDITION_H
#define WORKER_CONDITION_H

#include <stddef.h>
#include <stdint.h>

#include "common/flake.h"
#include "common/sv.h"
#include "worker/env.h"

#define CONDITION_OWN	16	/* variables that we set, at the most */

/* What it is made of; borrowed until condition_env_free(). */
struct condition_facts {
	enum flake_condition	 condition;
	const struct env	*run_env;
	struct svs		 test_env;
	struct sv		 name;		/* of the test */
	const char		*run, *tmpdir;	/* tmpdir: a path */
	uint64_t		 number, slot, seed;
};

struct condition_env {
	char	*own[CONDITION_OWN];
	size_t	 n;
	char	**list;		/* for execve */
};

void	condition_env_make(struct condition_env *, const struct condition_facts *);
void	condition_env_free(struct condition_env *);	/* takes {0} */

/* TMPDIR: what comes behind the ordinary one.  Two levels, with blanks and letters that
 * are not ASCII, and no longer: a socket's path has 108 bytes. */
#define CONDITION_OUTER	"/a folder of \xc3\xa9t\xc3\xa9"
#define CONDITION_INNER	CONDITION_OUTER "/its tmp"
/* Makes it in *dir, which is replaced by its path (malloc'ed, both).  0 or -errno. */
int	condition_tmpdir(char **dir);

/* ZONE: the zone where it is two seconds before midnight now, as TZ has it. */
void	condition_midnight(uint64_t wall_ms, char *buf, size_t size);

/*
 * CLOCK: by how much the time of day is shifted so that a day, a month or a year ends
 * shortly after the start, in milliseconds; each attempt another of these, and another
 * "shortly": 20 ms, 200 ms or 2 s.  By local time.
 */
int64_t	condition_shift_ms(uint64_t wall_ms, uint64_t number);

/* CLOCK: what libfaketime leaves in that folder (/dev/shm) of processes that are no
 * more, is removed.  None of its names is another's: they end with a pid. */
void	condition_tidy(const char *dir);

#endif
