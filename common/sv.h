/*
 * Counted strings, and lists of strings and numbers, that somebody else owns.  What a decoder hands out is
 * borrowed until the next message is decoded: copy it to keep it.
 */
#ifndef COMMON_SV_H
#define COMMON_SV_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sv {
	const char	*p;	/* not terminated by NUL */
	size_t		 n;	/* bytes */
};

struct svs {
	const struct sv	*v;
	uint32_t	 n;
};

struct nums {
	const uint64_t	*v;
	uint32_t	 n;
};

#define SV_LIT(s)	((struct sv){ (s), sizeof(s) - 1 })
#define SV_FMT		"%.*s"
#define SV_ARG(s)	(int)(s).n, (s).p

static inline struct sv
sv_from(const char *s)
{
	return (struct sv){ s, s != NULL ? strlen(s) : 0 };
}

/* Number i of a list; one that is not there reads as 0. */
static inline uint64_t
nums_at(struct nums l, uint32_t i)
{
	return i < l.n ? l.v[i] : 0;
}

static inline int
sv_eq(struct sv a, struct sv b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline int
sv_is(struct sv a, const char *s)
{
	return sv_eq(a, sv_from(s));
}

#endif
