/* Retries and their waits: see retry.h.  Pure. */
#include "supervisor/policy/order.h"
#include "supervisor/policy/retry.h"

bool
retry_wanted(enum outcome o)
{
	switch (o) {
	case OUTCOME_FAIL:
	case OUTCOME_TIMEOUT:
	case OUTCOME_CRASH:
	case OUTCOME_OOM:
		return true;
	case OUTCOME_PASS:
	case OUTCOME_EXEC_ERROR:
	case OUTCOME_SKIP:
	case OUTCOME_LOST:
	case OUTCOME_CANCELLED:
	case OUTCOME_COUNT:
		break;
	}
	return false;
}

struct sched_retry
retry_policy(const struct sched_retry *r, bool resource_like)
{
	struct sched_retry to = *r;

	if (!r->auto_delay)
		return to;
	to.delay_ms = resource_like ? RETRY_AUTO_BASE : 0;
	to.max_delay_ms = RETRY_AUTO_MAX;
	to.multiplier_milli = 0;
	to.jitter = resource_like ? JITTER_DECORRELATED : JITTER_NONE;
	return to;
}

static uint64_t
min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* a * b, cut to UINT64_MAX. */
static uint64_t
mul_cut(uint64_t a, uint64_t b)
{
	return b != 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

/* base * multiplier^(k - 1), at most `ceiling`.  Counted in microseconds, so
 * that short waits grow too. */
static uint64_t
grown(uint64_t base, uint32_t multiplier_milli, uint32_t k, uint64_t ceiling)
{
	uint64_t v = base * 1000, before;
	uint32_t i;

	if (multiplier_milli == 0)
		return base;
	for (i = 1; i < k && v < ceiling * 1000; i++) {
		before = v;
		if (v > UINT64_MAX / multiplier_milli)
			v = mul_cut(v / 1000, multiplier_milli);
		else
			v = v * multiplier_milli / 1000;
		if (v == before)
			break;
	}
	return min_u64(v / 1000, ceiling);
}

/* lo..hi, from what names this one wait. */
static uint64_t
between(uint64_t lo, uint64_t hi, uint64_t seed, uint32_t test, uint32_t k)
{
	uint64_t state = seed;

	if (hi <= lo)
		return lo;
	state = order_random(&state) ^ ((uint64_t)test << 32 | k);
	return lo + order_random(&state) % (hi - lo + 1);
}

uint64_t
retry_delay(const struct sched_retry *r, uint64_t seed, uint32_t test, uint32_t k,
    uint64_t prev)
{
	uint64_t ceiling = RETRY_DELAY_MAX, base, mean;

	if (r->max_delay_ms != 0)
		ceiling = min_u64(ceiling, r->max_delay_ms);
	base = min_u64(r->delay_ms, ceiling);
	mean = grown(base, r->multiplier_milli, k, ceiling);
	switch (r->jitter) {
	case JITTER_FULL:
		return between(0, mean, seed, test, k);
	case JITTER_EQUAL:
		return between(mean / 2, mean, seed, test, k);
	case JITTER_DECORRELATED:
		if (prev < base)
			prev = base;
		return min_u64(ceiling, between(base, min_u64(mul_cut(prev, 3),
		    RETRY_DELAY_MAX), seed, test, k));
	case JITTER_NONE:
	case JITTER_COUNT:
		break;
	}
	return mean;
}
