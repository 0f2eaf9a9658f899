/* Memory that is short: see memory.h.  Pure. */
#include "supervisor/policy/memory.h"

#define CRITICAL_LOOKS	2
#define MOST	(UINT64_C(1) << 60)	/* no test needs more */

uint64_t
memory_need(uint64_t peak)
{
	uint64_t step = MEMORY_LEAST / 8;

	if (peak <= MEMORY_LEAST)
		return MEMORY_LEAST;
	if (peak >= MOST)
		return MOST;
	while (step * 16 < peak)
		step *= 2;
	return (peak + step - 1) / step * step;
}

static uint64_t
at_most(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void
memory_init(struct memory *m)
{
	*m = (struct memory){ .left = UINT64_MAX };
}

/* Opens or closes. */
static void
decide(struct memory *m, const struct memory_policy *p, const struct memory_seen *seen)
{
	bool stalls = p->stall_milli > 0 && m->stall_milli >= p->stall_milli;
	bool calm = p->stall_milli == 0 || m->stall_milli * 2 < p->stall_milli;

	if (seen->available < m->reserve || stalls) {
		m->stalled = seen->available >= m->reserve;
		m->closed = true;
	} else if (m->closed) {
		m->closed = !calm || seen->available < m->reserve + m->reserve / 4;
		m->stalled = m->closed && !calm;
	}
}

/* What those that run may still ask for. */
static uint64_t
growth(const struct memory_task *v, uint32_t n)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		if (v[i].expected > v[i].used)
			sum += at_most(v[i].expected - v[i].used, MOST - sum);
	return sum;
}

static uint32_t
oldest(const struct memory_task *v, uint32_t n)
{
	uint32_t best = 0, i;

	for (i = 1; i < n; i++)
		if (v[i].age_us > v[best].age_us)
			best = i;
	return best;
}

static bool
goes_before(const struct memory_task *a, const struct memory_task *b)
{
	return a->used != b->used ? a->used > b->used : a->age_us < b->age_us;
}

static uint32_t
choose(const struct memory_task *v, uint32_t n)
{
	uint32_t stays = oldest(v, n), best = MEMORY_NONE, i;

	for (i = 0; i < n; i++) {
		if (v[i].leaving)
			return MEMORY_NONE;	/* its memory comes first */
		if (i != stays && (best == MEMORY_NONE || goes_before(&v[i], &v[best])))
			best = i;
	}
	return best;
}

uint32_t
memory_look(struct memory *m, const struct memory_policy *p, const struct memory_seen *seen,
    const struct memory_task *v, uint32_t n)
{
	uint64_t critical = at_most(p->critical, seen->total / 16), kept;
	uint32_t victim;

	m->available = seen->available;
	m->stall_milli = (m->stall_milli + seen->stall_milli + 1) / 2;
	if (p->reserve == 0 || seen->total == 0) {
		m->closed = m->stalled = false;
		m->critical = 0;
		m->left = UINT64_MAX;
		return MEMORY_NONE;
	}
	m->reserve = at_most(p->reserve, seen->total / 8);
	decide(m, p, seen);
	kept = m->reserve + growth(v, n);
	m->left = seen->available > kept ? seen->available - kept : 0;
	m->critical = seen->available < critical ? m->critical + 1 : 0;
	if (m->critical < CRITICAL_LOOKS || n < 2)
		return MEMORY_NONE;
	victim = choose(v, n);
	if (victim != MEMORY_NONE)
		m->critical = 0;
	return victim;
}

uint64_t
memory_next(const struct memory *m)
{
	return m->critical > 0 ? MEMORY_SOON_MS : MEMORY_LOOK_MS;
}

void
memory_took(struct memory *m, uint64_t need)
{
	if (m->left != UINT64_MAX)
		m->left -= at_most(need, m->left);
}
