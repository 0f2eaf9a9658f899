/*
 * Lists of "K=V" sorted by name and free of doubles.  What env_list() gives is one
 * allocation: the pointers, then the strings that only this attempt has.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/env.h"

struct var {
	const char	*text;		/* ends with a NUL */
	size_t		 name;		/* bytes of it before the '=' */
};

struct env {
	char		*block;		/* the strings */
	struct var	*v;		/* sorted by name */
	size_t		 n;
};

static struct var
var_of(struct sv text)
{
	const char	*eq = memchr(text.p, '=', text.n);

	return (struct var){ text.p, eq != NULL ? (size_t)(eq - text.p) : text.n };
}

static int
by_name(const void *pa, const void *pb)
{
	const struct var	*a = pa, *b = pb;
	int			 r = memcmp(a->text, b->text, a->name < b->name ? a->name : b->name);

	return r != 0 ? r : (a->name > b->name) - (a->name < b->name);
}

/* As by_name(), and among equals in the order they came: strings of one list lie
 * behind each other in memory. */
static int
by_name_and_place(const void *pa, const void *pb)
{
	const struct var	*a = pa, *b = pb;
	int			 r = by_name(a, b);

	return r != 0 ? r : (a->text > b->text) - (a->text < b->text);
}

/* Copies a list into `block` (whole strings, each with its NUL), sorts it and
 * keeps the last of each name.  How many are left. */
static size_t
sorted(struct svs list, char *block, struct var *ret)
{
	size_t	n = 0;

	for (uint32_t i = 0; i < list.n; i++) {
		memcpy(block, list.v[i].p, list.v[i].n);
		block[list.v[i].n] = '\0';
		ret[i] = var_of((struct sv){ block, list.v[i].n });
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
merge(const struct var *base, size_t n_base, const struct var *over, size_t n_over,
    struct var *ret)
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
	size_t		  n_over = test.n + n_own, room = e->n + n_over, n, bytes = bytes_of(test);
	char		**list = xcalloc(1, (room + 1) * sizeof *list + bytes);
	struct var	 *v = xreallocarray(NULL, room + 2 * n_over + 1, sizeof *v);
	struct var	 *over = v + room, *mine = over + n_over;

	/* Ours and the test's first, which are few: the run's are walked through once. */
	for (size_t i = 0; i < n_own; i++)
		mine[i] = var_of(sv_from(own[i]));
	if (n_own > 1)
		qsort(mine, n_own, sizeof *mine, by_name);
	n = sorted(test, (char *)(list + room + 1), v);
	n = merge(v, n, mine, n_own, over);
	n = merge(e->v, e->n, over, n, v);
	for (size_t i = 0; i < n; i++)
		memcpy(&list[i], &v[i].text, sizeof list[i]);	/* execve wants no const */
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
