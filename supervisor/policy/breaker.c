/* A circuit breaker for retries: see breaker.h.  Pure. */
#include "supervisor/policy/breaker.h"

#define MILLION	1000000

struct breaker_policy
breaker_defaults(struct breaker_policy p, enum breaker_scope scope)
{
	static const uint32_t minimum[] = {
		[BREAKER_RUN] = 20, [BREAKER_TAG] = 10, [BREAKER_FINGERPRINT] = 5,
	};

	if (p.window == 0)
		p.window = 20;
	if (p.window > BREAKER_WINDOW_MAX)
		p.window = BREAKER_WINDOW_MAX;
	if (p.minimum == 0)
		p.minimum = minimum[scope];
	if (p.minimum > p.window)
		p.minimum = p.window;
	if (p.failure_ppm == 0)
		p.failure_ppm = 800000;
	if (p.cool_down_ms == 0)
		p.cool_down_ms = 30000;
	if (p.mass_ppm == 0)
		p.mass_ppm = 800000;
	return p;
}

bool
breaker_allows(const struct breaker *b, uint32_t id, uint64_t now)
{
	switch (b->state) {
	case BREAKER_CLOSED:
		return true;
	case BREAKER_OPEN:
		return now >= b->opened_at && now - b->opened_at >= b->cool_down_ms;
	case BREAKER_HALF_OPEN:
		return !b->probing || b->probe == id;
	case BREAKER_STATE_COUNT:
		break;
	}
	return false;
}

void
breaker_start(struct breaker *b, uint32_t id)
{
	if (b->state == BREAKER_CLOSED)
		return;
	b->state = BREAKER_HALF_OPEN;
	b->probing = true;
	b->probe = id;
}

/* The cool-down of the next opening: of a first one, or after a failed probe. */
static uint64_t
next_cool_down(const struct breaker *b, const struct breaker_policy *p)
{
	if (b->state == BREAKER_CLOSED)
		return p->cool_down_ms;
	if (b->cool_down_ms >= BREAKER_COOL_DOWN_MAX)
		return b->cool_down_ms;
	return b->cool_down_ms * 2 < BREAKER_COOL_DOWN_MAX ? b->cool_down_ms * 2 :
	    BREAKER_COOL_DOWN_MAX;
}

void
breaker_trip(struct breaker *b, const struct breaker_policy *p, uint64_t now)
{
	if (b->state == BREAKER_OPEN)
		return;
	*b = (struct breaker){ .state = BREAKER_OPEN, .opened_at = now,
	    .cool_down_ms = next_cool_down(b, p) };
}

static uint32_t
count_bits(uint64_t v)
{
	uint32_t n = 0;

	for (; v != 0; v &= v - 1)
		n++;
	return n;
}

/* Does what a closed breaker has seen open it? */
static bool
has_seen_enough(const struct breaker *b, const struct breaker_policy *p)
{
	if (p->consecutive > 0)
		return b->row >= p->consecutive;
	return b->n >= p->minimum &&
	    (uint64_t)count_bits(b->failed) * MILLION >= (uint64_t)p->failure_ppm * b->n;
}

/* One more retry in the window of a closed breaker. */
static void
note(struct breaker *b, const struct breaker_policy *p, bool healed)
{
	uint64_t mask = p->window < 64 ? (UINT64_C(1) << p->window) - 1 : UINT64_MAX;

	b->failed = (b->failed << 1 | !healed) & mask;
	if (b->n < p->window)
		b->n++;
	if (healed)
		b->row = 0;
	else if (b->row < UINT32_MAX)
		b->row++;
}

void
breaker_result(struct breaker *b, const struct breaker_policy *p, uint32_t id, bool healed,
    uint64_t now)
{
	if (b->state == BREAKER_CLOSED) {
		note(b, p, healed);
		if (!healed && has_seen_enough(b, p))
			breaker_trip(b, p, now);
	} else if (b->probing && b->probe == id) {
		if (healed)
			*b = (struct breaker){ .state = BREAKER_CLOSED };
		else
			breaker_trip(b, p, now);
	}
}

void
breaker_abandon(struct breaker *b, uint32_t id)
{
	if (b->probing && b->probe == id)
		b->probing = false;
}
