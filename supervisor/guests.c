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

struct guest *
guests_find(const struct guests *gs, uid_t uid)
{
	struct guest	*g;

	LIST_FOREACH(g, gs, entry) {
		if (g->uid == uid)
			return g;
	}
	return NULL;
}

void
guests_leave(struct guest *g)
{
	if (--g->connections > 0 || g->debt_us > 0)
		return;		/* a debt is not got rid of by leaving */
	LIST_REMOVE(g, entry);
	free(g);
}

static void
pay(struct guest *g, uint64_t now)
{
	uint64_t	paid = g->debt_at != 0 ? (now - g->debt_at) / GUEST_PART : 0;

	g->debt_us -= paid < g->debt_us ? paid : g->debt_us;
	/* What is too little to be counted is left for the next time. */
	g->debt_at = g->debt_at != 0 ? g->debt_at + paid * GUEST_PART : now;
}

void
guest_used(struct guest *g, uint64_t us, uint64_t now)
{
	pay(g, now);
	g->used_us += us;
	g->debt_us += us;
}

bool
guest_owes(struct guest *g, uint64_t now)
{
	pay(g, now);
	return g->debt_us > GUEST_DEBT_US;
}

void
guests_turn(struct guests *gs, uint64_t now)
{
	struct guest	*g, *next;

	for (g = LIST_FIRST(gs); g != NULL; g = next) {
		next = LIST_NEXT(g, entry);
		g->used_us = 0;
		g->woken = 0;
		if (g->connections > 0)
			continue;
		pay(g, now);
		if (g->debt_us > 0)
			continue;
		LIST_REMOVE(g, entry);
		free(g);
	}
}

void
guests_free(struct guests *gs)
{
	struct guest	*g;

	while ((g = LIST_FIRST(gs)) != NULL) {
		LIST_REMOVE(g, entry);
		free(g);
	}
}

bool
guest_complain(struct guest *g, msec_t now)
{
	if (g->complained != 0 && now - g->complained < COMPLAIN_MS)
		return false;
	g->complained = now;
	return true;
}
