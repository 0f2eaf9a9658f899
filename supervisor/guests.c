/* Users with connections; see guests.h. */
#include <stdlib.h>

#include "supervisor/guests.h"

#define COMPLAIN_MS	1000

struct guest *
guests_enter(struct guests *gs, uid_t uid)
{
	struct guest	*g;

	LIST_FOREACH(g, gs, entry) {
		if (g->uid == uid)
			break;
	}
	if (g == NULL) {
		g = calloc(1, sizeof *g);
		if (g == NULL)
			return NULL;
		g->uid = uid;
		LIST_INSERT_HEAD(gs, g, entry);
	}
	g->connections++;
	return g;
}

const struct guest *
guests_find(const struct guests *gs, uid_t uid)
{
	const struct guest	*g;

	LIST_FOREACH(g, gs, entry) {
		if (g->uid == uid)
			return g;
	}
	return NULL;
}

void
guests_leave(struct guest *g)
{
	if (--g->connections > 0)
		return;
	LIST_REMOVE(g, entry);
	free(g);
}

void
guests_turn(struct guests *gs)
{
	struct guest	*g;

	LIST_FOREACH(g, gs, entry)
		g->used_us = 0;
}

bool
guest_complain(struct guest *g, msec_t now)
{
	if (g->complained != 0 && now - g->complained < COMPLAIN_MS)
		return false;
	g->complained = now;
	return true;
}
