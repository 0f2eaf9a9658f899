/* Unit tests of where an attempt for the cause is made: supervisor/policy/probe.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/policy/probe.h"

#define ASKED	(1u << FLAKE_PAUSED | 1u << FLAKE_LOADED | 1u << FLAKE_ZONE)

static void
each_has_a_few_first(void **state)
{
	struct trial	v[FLAKE_CONDITION_COUNT] = { { 0, 0 } };

	(void)state;
	for (uint32_t i = 0; i < 16; i++)
		probe_count(&v[probe_next(v, ASKED, i)], false);
	for (uint32_t c = 0; c < FLAKE_CONDITION_COUNT; c++)
		assert_int_equal(v[c].runs, c == FLAKE_PLAIN || (ASKED >> c & 1) != 0 ? 4 : 0);
}

/* What fails each fourth time, of four conditions, fails under all of them. */
static void
no_condition_comes_every_so_many(void **state)
{
	struct trial		v[FLAKE_CONDITION_COUNT] = { { 0, 0 } };
	uint32_t		most = 0;

	(void)state;
	for (uint32_t i = 0; i < 16; i++)
		probe_count(&v[probe_next(v, ASKED, i)], i % 4 == 0);
	for (uint32_t c = 0; c < FLAKE_CONDITION_COUNT; c++)
		most = v[c].fails > most ? v[c].fails : most;
	assert_true(most < 4);
}

/* Of many turns half are plain, at random, and the others under one condition: which? */
static enum flake_condition
asked_for(const struct trial v[FLAKE_CONDITION_COUNT])
{
	enum flake_condition	c, other = FLAKE_PLAIN;
	uint32_t		plain = 0, changes = 0;
	bool			was = false;

	for (uint32_t turn = 0; turn < 200; turn++) {
		c = probe_next(v, ASKED, turn);
		plain += c == FLAKE_PLAIN;
		changes += (c == FLAKE_PLAIN) != was;
		was = c == FLAKE_PLAIN;
		if (c == FLAKE_PLAIN)
			continue;
		assert_true(other == FLAKE_PLAIN || other == c);
		other = c;
	}
	if (v[FLAKE_PLAIN].runs < 60) {
		assert_in_range(plain, 70, 130);
		assert_in_range(changes, 60, 140);	/* not in turn, nor in blocks */
	} else {
		assert_int_equal(plain, 0);
	}
	return other;
}

static void
then_the_one_that_looks_different(void **state)
{
	struct trial	v[FLAKE_CONDITION_COUNT] = { [FLAKE_PLAIN] = { 20, 1 },
	    [FLAKE_PAUSED] = { 4, 2 }, [FLAKE_LOADED] = { 4, 0 }, [FLAKE_ZONE] = { 4, 1 } };

	(void)state;
	assert_int_equal(asked_for(v), FLAKE_PAUSED);
	/* It was chance. */
	v[FLAKE_PAUSED] = (struct trial){ 40, 2 };
	assert_int_equal(asked_for(v), FLAKE_ZONE);
	/* It was not, and nothing more is to be learnt there. */
	v[FLAKE_PAUSED] = (struct trial){ 40, 30 };
	assert_int_equal(asked_for(v), FLAKE_ZONE);
	/* Less often is different, too. */
	v[FLAKE_PLAIN] = (struct trial){ 60, 30 };
	v[FLAKE_ZONE] = (struct trial){ 40, 20 };
	v[FLAKE_LOADED] = (struct trial){ 6, 0 };
	v[FLAKE_PAUSED] = (struct trial){ 40, 18 };
	assert_int_equal(asked_for(v), FLAKE_LOADED);
}

static void
counts_end(void **state)
{
	struct trial	v = { UINT8_MAX, 3 };

	(void)state;
	probe_count(&v, true);
	assert_int_equal(v.runs, UINT8_MAX);
	assert_int_equal(v.fails, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_a_few_first),
		cmocka_unit_test(no_condition_comes_every_so_many),
		cmocka_unit_test(then_the_one_that_looks_different),
		cmocka_unit_test(counts_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
