/*
 * Open addressing over FNV-1a (Fowler, Noll, Vo; draft-eastlake-fnv); see
 * suite_names.h.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/suite_names.h"

#define NAMES_FIRST	64	/* a power of two, as every size after it */

uint64_t
suite_names_hash(const char *s)
{
	uint64_t	h = UINT64_C(0xcbf29ce484222325);

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	return h;
}

/* The entry of a name, or the free one where it belongs. */
static struct suite_names_entry *
find(struct suite_names_entry *v, size_t cap, const char *name, uint64_t hash)
{
	size_t	i = (size_t)(hash ^ (hash >> 32)) & (cap - 1);

	while (v[i].name != NULL && (v[i].hash != hash || strcmp(v[i].name, name) != 0))
		i = (i + 1) & (cap - 1);
	return &v[i];
}

static void
grow(struct suite_names *s)
{
	size_t				 cap = s->cap > 0 ? s->cap * 2 : NAMES_FIRST;
	struct suite_names_entry	*v = xcalloc(cap, sizeof(*v));

	for (size_t i = 0; i < s->cap; i++) {
		if (s->v[i].name != NULL)
			*find(v, cap, s->v[i].name, s->v[i].hash) = s->v[i];
	}
	free(s->v);
	s->v = v;
	s->cap = cap;
}

bool
suite_names_add(struct suite_names *s, const char *name, size_t value, size_t *ret_old)
{
	uint64_t			 hash = suite_names_hash(name);
	struct suite_names_entry	*e;

	if (s->n >= s->cap / 2)
		grow(s);
	e = find(s->v, s->cap, name, hash);
	if (e->name != NULL) {
		*ret_old = e->value;
		return false;
	}
	*e = (struct suite_names_entry){ name, hash, value };
	s->n++;
	return true;
}

void
suite_names_free(struct suite_names *s)
{
	free(s->v);
	*s = (struct suite_names){ 0 };
}
