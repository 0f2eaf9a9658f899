/*
 * Open addressing with linear probing.  The hash is FNV-1a over a secret start
 * (Fowler, Noll, Vo: the 64-bit prime), finished by a multiplication, so that a
 * client cannot aim names at one cell.
 */
#include <errno.h>
#include <stdlib.h>

#include "supervisor/strmap.h"

struct strmap_cell {
	struct sv	key;	/* p NULL: empty */
	uint32_t	hash;
	uint32_t	value;
};

static uint32_t
hash_of(const struct strmap *m, struct sv s)
{
	uint64_t	h = UINT64_C(0xcbf29ce484222325) ^ m->key;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 32;
	h *= m->key | 1;
	return (uint32_t)(h >> 32);
}

static struct strmap_cell *
find(const struct strmap *m, struct sv key, uint32_t hash)
{
	uint32_t	at = hash & (m->size - 1);

	while (m->cells[at].key.p != NULL &&
	    !(m->cells[at].hash == hash && sv_eq(m->cells[at].key, key)))
		at = (at + 1) & (m->size - 1);
	return &m->cells[at];
}

static int
grow(struct strmap *m)
{
	struct strmap		 old = *m;
	struct strmap_cell	*c;

	m->size = old.size != 0 ? old.size * 2 : 64;
	m->cells = calloc(m->size, sizeof *m->cells);
	if (m->cells == NULL) {
		*m = old;
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < old.size; i++) {
		c = &old.cells[i];
		if (c->key.p != NULL)
			*find(m, c->key, c->hash) = *c;
	}
	free(old.cells);
	return 0;
}

uint32_t
strmap_get(const struct strmap *m, struct sv key)
{
	struct strmap_cell	*c;

	if (m->size == 0)
		return STRMAP_NONE;
	c = find(m, key, hash_of(m, key));
	return c->key.p != NULL ? c->value : STRMAP_NONE;
}

int
strmap_put(struct strmap *m, struct sv key, uint32_t value)
{
	uint32_t	hash = hash_of(m, key);

	if ((m->n + 1) * 4 > m->size * 3 && grow(m) != 0)
		return -ENOMEM;
	*find(m, key, hash) = (struct strmap_cell){ key, hash, value };
	m->n++;
	return 0;
}

void
strmap_free(struct strmap *m)
{
	free(m->cells);
	m->cells = NULL;
	m->n = m->size = 0;
}
