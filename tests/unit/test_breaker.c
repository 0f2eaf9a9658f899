/*
 * Unit tests of supervisor/policy/breaker.c: scripts, and random use of it beside a
 * second breaker that is written from the words of the header alone.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "supervisor/policy/breaker.h"
#include "supervisor/policy/order.h"

#define ME	1
#define OTHER	2

static struct breaker_policy
defaults(void)
{
	return breaker_defaults((struct breaker_policy){ 0 }, BREAKER_FINGERPRINT);
}

static void
policies(void **state)
{
	struct breaker_policy p = defaults();

	(void)state;
	assert_false(p.off);
	assert_int_equal(p.window, 20);
	assert_int_equal(p.minimum, 5);
	assert_int_equal(p.failure_ppm, 800000);
	assert_int_equal(p.consecutive, 0);
	assert_int_equal(p.cool_down_ms, 30000);
	assert_int_equal(p.mass_ppm, 800000);
	p = breaker_defaults((struct breaker_policy){ 0 }, BREAKER_TAG);
	assert_int_equal(p.minimum, 10);
	p = breaker_defaults((struct breaker_policy){ 0 }, BREAKER_RUN);
	assert_int_equal(p.minimum, 20);
	/* What is stated stays, within bounds. */
	p = breaker_defaults((struct breaker_policy){ .off = true, .window = 8,
	    .failure_ppm = 1, .consecutive = 3, .cool_down_ms = 4, .mass_ppm = 5 },
	    BREAKER_RUN);
	assert_true(p.off);
	assert_int_equal(p.window, 8);
	assert_int_equal(p.minimum, 8);
	assert_int_equal(p.failure_ppm, 1);
	assert_int_equal(p.consecutive, 3);
	assert_int_equal(p.cool_down_ms, 4);
	assert_int_equal(p.mass_ppm, 5);
	p = breaker_defaults((struct breaker_policy){ .window = UINT32_MAX,
	    .minimum = UINT32_MAX }, BREAKER_TAG);
	assert_int_equal(p.window, BREAKER_WINDOW_MAX);
	assert_int_equal(p.minimum, BREAKER_WINDOW_MAX);
}

/* '+' healed, '-' failed: after which result does it open?  0: after none. */
static size_t
opens_after(struct breaker_policy p, enum breaker_scope scope, const char *results)
{
	struct breaker b = { 0 };
	size_t i;

	p = breaker_defaults(p, scope);
	for (i = 0; results[i] != '\0'; i++) {
		assert_true(breaker_allows(&b, ME, i));
		breaker_result(&b, &p, ME, results[i] == '+', i);
		if (b.state == BREAKER_OPEN)
			return i + 1;
		assert_int_equal(b.state, BREAKER_CLOSED);
	}
	return 0;
}

static void
what_opens_it(void **state)
{
	static const struct {
		struct breaker_policy p;
		enum breaker_scope scope;
		const char *results;
		size_t want;
	} cases[] = {
		{ { 0 }, BREAKER_FINGERPRINT, "-----", 5 },
		{ { 0 }, BREAKER_FINGERPRINT, "----", 0 },
		{ { 0 }, BREAKER_FINGERPRINT, "+----", 5 },	/* 80 % */
		{ { 0 }, BREAKER_FINGERPRINT, "----+", 0 },	/* it heals: not now */
		{ { 0 }, BREAKER_FINGERPRINT, "----+-", 6 },
		{ { 0 }, BREAKER_FINGERPRINT, "++--------", 10 },
		{ { 0 }, BREAKER_FINGERPRINT, "+++---+---+---+---+---", 0 },
		/* Only the newest 20: what healed long ago is forgotten. */
		{ { 0 }, BREAKER_FINGERPRINT, "+++++++++++++++++++++----------------", 37 },
		{ { 0 }, BREAKER_TAG, "---------", 0 },
		{ { 0 }, BREAKER_TAG, "----------", 10 },
		{ { 0 }, BREAKER_RUN, "-------------------", 0 },
		{ { 0 }, BREAKER_RUN, "--------------------", 20 },
		{ { .window = 4 }, BREAKER_RUN, "++++----", 8 },
		{ { .minimum = 1 }, BREAKER_RUN, "-", 1 },
		{ { .minimum = 1, .failure_ppm = 500000 }, BREAKER_RUN, "++--", 4 },
		{ { .failure_ppm = 1000001 }, BREAKER_TAG, "----------------------", 0 },
		{ { .window = 64, .minimum = 64 }, BREAKER_TAG,
		  "+--------------------------------------------------------------+-", 65 },
		/* In a row, whatever the window. */
		{ { .consecutive = 5 }, BREAKER_RUN, "-----", 5 },
		{ { .consecutive = 5 }, BREAKER_FINGERPRINT, "----+----+----+-----", 20 },
		{ { .consecutive = 1 }, BREAKER_TAG, "++-", 3 },
	};
	size_t i, got;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		got = opens_after(cases[i].p, cases[i].scope, cases[i].results);
		if (got != cases[i].want)
			fail_msg("case %zu (%s): %zu", i, cases[i].results, got);
	}
}

static void
a_probe_closes_or_opens_it(void **state)
{
	struct breaker_policy p = defaults();
	struct breaker b = { 0 };

	(void)state;
	breaker_trip(&b, &p, 1000);
	assert_int_equal(b.state, BREAKER_OPEN);
	assert_false(breaker_allows(&b, ME, 1000));
	assert_false(breaker_allows(&b, ME, 30999));
	assert_false(breaker_allows(&b, ME, 0));
	assert_true(breaker_allows(&b, ME, 31000));
	assert_int_equal(b.state, BREAKER_OPEN);	/* until one starts */
	breaker_start(&b, ME);
	assert_int_equal(b.state, BREAKER_HALF_OPEN);
	assert_true(breaker_allows(&b, ME, 31000));
	assert_false(breaker_allows(&b, OTHER, UINT64_MAX));
	/* The results of others do not count, and neither does their giving up. */
	breaker_result(&b, &p, OTHER, true, 31001);
	breaker_result(&b, &p, OTHER, false, 31001);
	breaker_abandon(&b, OTHER);
	assert_int_equal(b.state, BREAKER_HALF_OPEN);
	assert_false(breaker_allows(&b, OTHER, 31001));
	/* Without a result the next one is the probe. */
	breaker_abandon(&b, ME);
	assert_true(breaker_allows(&b, OTHER, 31002));
	breaker_start(&b, OTHER);
	breaker_result(&b, &p, ME, true, 31003);
	assert_int_equal(b.state, BREAKER_HALF_OPEN);
	breaker_result(&b, &p, OTHER, true, 31003);
	assert_int_equal(b.state, BREAKER_CLOSED);
	/* All is forgotten. */
	breaker_result(&b, &p, ME, false, 31004);
	assert_int_equal(b.n, 1);
}

static void
the_cool_down_doubles_up_to_a_bound(void **state)
{
	static const uint64_t want[] = { 30000, 60000, 120000, 240000, 300000, 300000 };
	struct breaker_policy p = defaults();
	struct breaker b = { 0 };
	uint64_t now = 7;
	size_t i;

	(void)state;
	breaker_trip(&b, &p, now);
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_int_equal(b.cool_down_ms, want[i]);
		assert_false(breaker_allows(&b, ME, now + want[i] - 1));
		now += want[i];
		assert_true(breaker_allows(&b, ME, now));
		breaker_start(&b, ME);
		/* What started before it opened does not make it longer. */
		breaker_result(&b, &p, OTHER, false, now);
		breaker_result(&b, &p, ME, false, now);
	}
	now += 300000;
	breaker_start(&b, ME);
	breaker_result(&b, &p, ME, true, now);
	breaker_trip(&b, &p, now);
	assert_int_equal(b.cool_down_ms, 30000);
	breaker_trip(&b, &p, now + 5);		/* it is open already */
	assert_int_equal(b.opened_at, now);
	/* A longer one does not double. */
	p.cool_down_ms = UINT64_MAX - 1;
	b = (struct breaker){ 0 };
	breaker_trip(&b, &p, 0);
	breaker_start(&b, ME);
	breaker_result(&b, &p, ME, false, 1);
	assert_true(b.cool_down_ms == UINT64_MAX - 1);
	assert_false(breaker_allows(&b, ME, UINT64_MAX - 1));
}

/* ---- the second breaker: everything since it was last closed, in an array ---- */

struct plain {
	enum breaker_state	state;
	bool			healed[4096];	/* results while closed */
	uint32_t		n;
	uint64_t		opened, cool_down;
	int			probe;		/* -1: none */
};

static void
plain_open(struct plain *b, uint64_t now, uint64_t cool_down)
{
	b->state = BREAKER_OPEN;
	b->opened = now;
	b->cool_down = cool_down;
	b->probe = -1;
	b->n = 0;
}

static bool
plain_is_bad(const struct plain *b, const struct breaker_policy *p)
{
	uint32_t from = b->n > p->window ? b->n - p->window : 0, i, failed = 0, row = 0;

	if (p->consecutive > 0) {
		for (i = b->n; i > 0 && !b->healed[i - 1]; i--)
			row++;
		return row >= p->consecutive;
	}
	for (i = from; i < b->n; i++)
		failed += !b->healed[i];
	return b->n - from >= p->minimum &&
	    (double)failed / (b->n - from) >= p->failure_ppm / 1e6 - 1e-12;
}

static void
plain_result(struct plain *b, const struct breaker_policy *p, int id, bool healed,
    uint64_t now)
{
	uint64_t twice = b->cool_down * 2;

	if (b->state == BREAKER_CLOSED) {
		b->healed[b->n++] = healed;
		if (!healed && plain_is_bad(b, p))
			plain_open(b, now, p->cool_down_ms);
	} else if (b->state == BREAKER_HALF_OPEN && b->probe == id) {
		if (!healed) {
			twice = twice > 300000 ? 300000 : twice;
			plain_open(b, now, twice > b->cool_down ? twice : b->cool_down);
		} else {
			b->state = BREAKER_CLOSED;
			b->n = 0;
		}
	}
}

static bool
plain_allows(const struct plain *b, int id, uint64_t now)
{
	return b->state == BREAKER_CLOSED ||
	    (b->state == BREAKER_OPEN && now >= b->opened + b->cool_down) ||
	    (b->state == BREAKER_HALF_OPEN && (b->probe == -1 || b->probe == id));
}

static void
same_as(uint64_t seed, uint32_t opened[2])
{
	static struct plain want;
	struct breaker b = { 0 };
	uint64_t rng = seed, now = 0;
	struct breaker_policy p = { .window = order_below(&rng, 70),
	    .minimum = order_below(&rng, 12), .failure_ppm = order_below(&rng, 1000001),
	    .consecutive = order_below(&rng, 3) ? 0 : order_below(&rng, 6),
	    .cool_down_ms = order_below(&rng, 1000) };
	uint32_t chance = 1 + order_below(&rng, 10), i;

	memset(&want, 0, sizeof(want));
	want.probe = -1;
	p = breaker_defaults(p, (enum breaker_scope)order_below(&rng, 3));
	for (i = 0; i < 2000; i++) {
		uint32_t id = order_below(&rng, 3), what = order_below(&rng, 40);
		enum breaker_state was = b.state;

		now += order_below(&rng, 2) * order_below(&rng, 200);
		if (breaker_allows(&b, id, now) != plain_allows(&want, (int)id, now))
			fail_msg("seed %llu, step %u: allows", (unsigned long long)seed, i);
		if (what < 20 && breaker_allows(&b, id, now)) {
			breaker_start(&b, id);
			if (want.state != BREAKER_CLOSED) {
				want.state = BREAKER_HALF_OPEN;
				want.probe = (int)id;
			}
		} else if (what < 38) {
			bool healed = order_below(&rng, chance) == 0;

			breaker_result(&b, &p, id, healed, now);
			plain_result(&want, &p, (int)id, healed, now);
		} else if (what < 39) {
			breaker_abandon(&b, id);
			want.probe = want.probe == (int)id ? -1 : want.probe;
		} else if (order_below(&rng, 20) == 0) {
			breaker_trip(&b, &p, now);
			if (want.state == BREAKER_CLOSED)
				plain_open(&want, now, p.cool_down_ms);
			else if (want.state == BREAKER_HALF_OPEN)
				plain_open(&want, now, want.cool_down * 2 > 300000 ?
				    300000 : want.cool_down * 2);
		}
		if (b.state != want.state)
			fail_msg("seed %llu, step %u: state", (unsigned long long)seed, i);
		opened[0] += b.state == BREAKER_OPEN && was == BREAKER_CLOSED;
		opened[1] += b.state == BREAKER_CLOSED && was == BREAKER_HALF_OPEN;
	}
}

static void
same_as_the_plain_one(void **state)
{
	uint32_t opened[2] = { 0 };
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 400; seed++)
		same_as(seed, opened);
	assert_true(opened[0] > 1000 && opened[1] > 1000);	/* it was tried */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies),
		cmocka_unit_test(what_opens_it),
		cmocka_unit_test(a_probe_closes_or_opens_it),
		cmocka_unit_test(the_cool_down_doubles_up_to_a_bound),
		cmocka_unit_test(same_as_the_plain_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
