/* Which slot serves whom; see pool_int.h. */
#include <stdlib.h>

#include "common/identity.h"
#include "supervisor/pool_int.h"

static struct slot *
add_slot(struct pool *p)
{
	struct slot	**v, *s;

	if (p->nslots >= p->config->max_jobs)
		return NULL;
	v = reallocarray(p->slots, p->nslots + 1, sizeof *v);
	if (v == NULL)
		return NULL;
	p->slots = v;
	s = slot_new(&p->shop, p->nslots + 1, p->scratch);
	if (s == NULL)
		return NULL;
	p->slots[p->nslots++] = s;
	return s;
}

/* Starts the process of a slot that has none, now or after its delay. */
void
pool_bring_up(struct pool *p, struct slot *s, msec_t now)
{
	if (slot_may_spawn(&s->fsm, now))
		slot_spawn(s);
	else
		pool_soon(p, s->fsm.not_before - now);
}

static bool
may_claim(const struct pool *p, const struct slot *s, enum slot_state state)
{
	return s->fsm.state == state && s->holder == NULL && s->claimed != p->pass;
}

/* The first slot in this state; `kind`: of that kind, NULL: of any. */
static struct slot *
in_state(struct pool *p, enum slot_state state, const struct pool_kind *kind)
{
	for (unsigned i = 0; i < p->nslots; i++) {
		if (may_claim(p, p->slots[i], state) &&
		    (kind == NULL || slot_suits(p->slots[i], kind)))
			return p->slots[i];
	}
	return NULL;
}

/* The worker that has been idle for longest, of whatever kind. */
static struct slot *
longest_idle(struct pool *p)
{
	struct slot	*found = NULL;

	for (unsigned i = 0; i < p->nslots; i++) {
		if (may_claim(p, p->slots[i], SLOT_IDLE) &&
		    (found == NULL || p->slots[i]->fsm.since < found->fsm.since))
			found = p->slots[i];
	}
	return found;
}

/* A slot without a process changes hands; what it did so far is none of the next one's. */
static int
hand_over(struct slot *s, const struct pool_kind *kind)
{
	bool	same = s->who != NULL && kind->who != NULL && s->who->uid == kind->who->uid;
	int	r = slot_assign(s, kind);

	if (r != 0 || same)
		return r;
	s->before.completed = s->completed;
	s->before.replaced = s->replaced;
	s->before.busy_us = s->busy_us;
	return 0;
}

/*
 * A worker of this kind for one attempt of this pass: one that is there or comes up, else
 * one of a slot that has none, else of a new slot.  When there may be no more slots a worker
 * of another kind that is idle makes room; its exit brings us here again.
 */
static struct slot *
claim(struct pool *p, const struct pool_kind *kind)
{
	struct slot	*s = in_state(p, SLOT_IDLE, kind);

	if (s == NULL)
		s = in_state(p, SLOT_SPAWNING, kind);
	if (s == NULL && (s = in_state(p, SLOT_DOWN, kind)) != NULL)
		pool_bring_up(p, s, now_ms());
	if (s != NULL)
		return s;
	s = in_state(p, SLOT_DOWN, NULL);
	if (s == NULL)
		s = add_slot(p);
	if (s != NULL) {
		if (hand_over(s, kind) != 0)
			return NULL;
		pool_bring_up(p, s, now_ms());
		return s;
	}
	s = in_state(p, SLOT_RETIRING, NULL);
	if (s == NULL && (s = longest_idle(p)) != NULL)
		slot_event(s, SIN_RETIRE);
	return s;
}

/* Sees to it that one more worker of this kind is coming up in this pass. */
void
pool_want(struct pool *p, const struct pool_kind *kind)
{
	struct slot	*s = claim(p, kind);

	if (s == NULL)
		return;
	s->claimed = p->pass;
	if (p->shop.as_users && s->why[0] != '\0')
		pool_soon(p, 0);	/* it could not even be started */
}

/* The slot that takes only what this owner gives, NULL: none does. */
struct slot *
pool_held_slot(struct pool *p, const void *owner)
{
	for (unsigned i = 0; i < p->nslots; i++) {
		if (p->slots[i]->holder == owner)
			return p->slots[i];
	}
	return NULL;
}

static bool
is_idle(const struct slot *s)
{
	return s->fsm.state == SLOT_IDLE && !s->peer_gone;
}

/* One that may take the job now.  Those who share a folder share a slot: a test knows its
 * number, and may leave something under it. */
struct slot *
pool_idle_slot(struct pool *p, const struct pool_job *job)
{
	struct slot	*held = job->shared ? pool_held_slot(p, job->owner) : NULL;

	if (held != NULL)
		return is_idle(held) ? held : NULL;
	for (unsigned i = 0; i < p->nslots; i++) {
		if (p->slots[i]->holder == NULL && is_idle(p->slots[i]) &&
		    slot_suits(p->slots[i], &job->kind))
			return p->slots[i];
	}
	return NULL;
}
