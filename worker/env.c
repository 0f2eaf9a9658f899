/*
 * Lists of "K=V" sorted by name and free of doubles.  What env_list() gives is one
 * allocation: the pointers, then the strings that only this attempt has.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/env.h"

struct env {
	char		*block;		/* the strings */
	struct sv	*v;		/* sorted by name; each ends with a NUL */
	size_t		 n;
};

static size_t
name_len(struct sv s)
{
	const char	*eq = memchr(s.p, '=', s.n);

	return eq != NULL ? (size_t)(eq - s.p) : s.n;
}

static int
by_name(const void *pa, const void *pb)
{
	const struct sv	*a = pa, *b = pb;
	size_t		 na = name_len(*a), nb = name_len(*b);
	int		 r = memcmp(a->p, b->p, na < nb ? na : nb);

	return r != 0 ? r : (na > nb) - (na < nb);
}

/* As by_name(), and among equals in the order they came: strings of one list lie
 * behind each other in memory. */
static int
by_name_and_place(const void *pa, const void *pb)
{
	const struct sv	*a = pa, *b = pb;
	int		 r = by_name(a, b);

	return r != 0 ? r : (a->p > b->p) - (a->p < b->p);
}

/* Copies a list into `block` (whole strings, each with its NUL), sorts it and
 * keeps the last of each name.  How many are left. */
static size_t
sorted(struct svs list, char *block, struct sv *ret)
{
	size_t	n = 0;

	for (uint32_t i = 0; i < list.n; i++) {
		memcpy(block, list.v[i].p, list.v[i].n);
		block[list.v[i].n] = '\0';
		ret[i] = (struct sv){ block, list.v[i].n };
		block += list.v[i].n + 1;
	}
	if (list.n > 1)
		qsort(ret, list.n, sizeof *ret, by_name_and_place);
	for (uint32_t i = 0; i < list.n; i++) {
		if (i + 1 < list.n && by_name(&ret[i], &ret[i + 1]) == 0)
			continue;
		ret[n++] = ret[i];
	}
	return n;
}

static size_t
bytes_of(struct svs list)
{
	size_t	n = 1;

	for (uint32_t i = 0; i < list.n; i++)
		n += list.v[i].n + 1;
	return n;
}

struct env *
env_new(struct svs run_env)
{
	struct env	*e = xcalloc(1, sizeof *e);

	e->block = xcalloc(bytes_of(run_env), 1);
	e->v = xcalloc((size_t)run_env.n + 1, sizeof *e->v);
	e->n = sorted(run_env, e->block, e->v);
	return e;
}

void
env_free(struct env *e)
{
	if (e == NULL)
		return;
	free(e->v);
	free(e->block);
	free(e);
}

/* Merges two sorted lists; where both have a name, `over` counts. */
static size_t
merge(const struct sv *base, size_t n_base, const struct sv *over, size_t n_over, struct sv *ret)
{
	size_t	b = 0, o = 0, n = 0;

	while (b < n_base || o < n_over) {
		int	r = b == n_base ? 1 : o == n_over ? -1 : by_name(&base[b], &over[o]);

		if (r == 0)
			b++;
		ret[n++] = r < 0 ? base[b++] : over[o++];
	}
	return n;
}

char **
env_list(const struct env *e, struct svs test, char *const *own, size_t n_own)
{
	size_t		  room = e->n + test.n + n_own + 1, n, bytes = bytes_of(test);
	char		**list = xcalloc(1, room * sizeof *list + bytes);
	struct sv	 *v = xreallocarray(NULL, 3 * room, sizeof *v);
	struct sv	 *over = v + room, *all = v + 2 * room;

	n = sorted(test, (char *)(list + room), over);
	n = merge(e->v, e->n, over, n, all);
	for (size_t i = 0; i < n_own; i++)
		over[i] = sv_from(own[i]);
	if (n_own > 1)
		qsort(over, n_own, sizeof *over, by_name);
	n = merge(all, n, over, n_own, v);
	for (size_t i = 0; i < n; i++)
		memcpy(&list[i], &v[i].p, sizeof list[i]);	/* execve wants no const */
	free(v);
	return list;
}

void
env_list_free(char **list)
{
	free(list);
}

const char *
env_get(char *const *list, const char *name)
{
	size_t	len = strlen(name);

	for (size_t i = 0; list[i] != NULL; i++) {
		if (strncmp(list[i], name, len) == 0 && list[i][len] == '=')
			return list[i] + len + 1;
	}
	return NULL;
}
