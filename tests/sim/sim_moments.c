/*
 * Are causes told by when tests fail, and beside what?  A run of tests, two at a time, is
 * played by the scheduler with a clock of its own: tests of which the failures come in
 * spells, at the end of a second, after another test, beside one, or by chance.  Under no
 * condition do they fail more often.  Of many such runs the categories are counted.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/flaky.h"
#include "supervisor/policy/order.h"
#include "supervisor/policy/sched.h"

#define RUNS	40
#define JOBS	2
#define SPELL_MS 400

enum kind { CHANCE, SPELL, SECOND, VICTIM, POLLUTER, CLEANER, MESSAGE, SENDER, READER, WRITER,
	NINTH, SOUND };

/* `fails`: what a failure says. */
static const struct program {
	const char		*name, *fails;
	enum kind		 kind;
	double			 rate;
	enum flaky_category	 cause;
} programs[] = {
	{ "chance, 5 %", "the page is empty", CHANCE, 0.05, FLAKY_RANDOMNESS },
	{ "chance, 10 %", "the page is empty", CHANCE, 0.1, FLAKY_RANDOMNESS },
	{ "chance, 30 %", "the page is empty", CHANCE, 0.3, FLAKY_RANDOMNESS },
	{ "a server away", "Connection refused", SPELL, 0.08, FLAKY_INFRASTRUCTURE },
	{ "another one", "No route to host", SPELL, 0.15, FLAKY_INFRASTRUCTURE },
	{ "the end of a second", "another day", SECOND, 0.06, FLAKY_TIME },
	{ "expects nothing left", "one entry is left", VICTIM, 0, FLAKY_ORDER },
	{ "leaves an entry", "", POLLUTER, 0, FLAKY_UNKNOWN },
	{ "removes the entry", "", CLEANER, 0, FLAKY_UNKNOWN },
	{ "expects no message", "a message", MESSAGE, 0, FLAKY_ORDER },
	{ "sends one", "", SENDER, 0, FLAKY_UNKNOWN },
	{ "reads a file", "it is empty", READER, 0, FLAKY_CLASH },
	{ "writes the file", "", WRITER, 0, FLAKY_UNKNOWN },
	{ "each ninth time", "none is left", NINTH, 0, FLAKY_LEAK },
	{ "sound", "", SOUND, 0, FLAKY_UNKNOWN },
	{ "sound, too", "", SOUND, 0, FLAKY_UNKNOWN },
};
#define PROGRAMS	(sizeof programs / sizeof programs[0])

struct world {
	struct results	 r;
	uint64_t	 now, seed;
	bool		 left, sent;
	unsigned	 uses;
	struct running {
		bool	on, failed, met;
		uint32_t test, attempt;
		uint64_t start, end;
		enum flake_condition under;
	} at[JOBS];
};

static double
uniform(uint64_t *state)
{
	return (double)(order_random(state) >> 11) * 0x1p-53;
}

/* Does it fail, as things are at its start?  And what it leaves. */
static bool
fails(struct world *w, const struct program *p)
{
	uint64_t	spell = (w->now / SPELL_MS) << 8 ^ (uint64_t)(p - programs);
	bool		bad = false;

	switch (p->kind) {
	case CHANCE:
		return uniform(&w->seed) < p->rate;
	case SPELL:
		return uniform(&spell) < p->rate;
	case SECOND:
		return (double)(w->now % 1000) >= 1000 * (1 - p->rate);
	case VICTIM:
		return w->left;
	case MESSAGE:
		bad = w->sent;
		w->sent = false;
		return bad;
	case NINTH:
		return ++w->uses % 9 == 0;
	default:
		return false;
	}
}

static void
start(struct world *w, struct running *j, const struct sched_act *a)
{
	*j = (struct running){ .on = true, .test = a->test, .attempt = a->attempt,
	    .start = w->now, .end = w->now + 10 + order_below(&w->seed, 40),
	    .under = a->condition, .failed = fails(w, &programs[a->test]) };
	for (int i = 0; i < JOBS; i++) {
		enum kind	k = programs[w->at[i].test].kind, other = programs[j->test].kind;

		if (&w->at[i] == j || !w->at[i].on)
			continue;
		j->failed |= other == READER && k == WRITER;
		w->at[i].failed |= k == READER && other == WRITER;
	}
}

static void
finish(struct world *w, struct running *j)
{
	struct test_result	*t = &w->r.tests[j->test];
	enum kind		 k = programs[j->test].kind;

	w->left = k == POLLUTER || (k != CLEANER && w->left);
	w->sent |= k == SENDER;
	t->full = xreallocarray(t->full, t->nattempts + 1, sizeof *t->full);
	t->full[t->nattempts++] = (struct attempt_result){ .number = j->attempt, .started = true,
	    .finished = true, .outcome = j->failed ? OUTCOME_FAIL : OUTCOME_PASS,
	    .condition = j->under, .start_ms = j->start, .end_ms = j->end,
	    .duration_us = (j->end - j->start) * 1000, .fingerprint = j->failed ? 7 : 0,
	    .failure = j->failed ? xstrdup(programs[j->test].fails) : NULL };
	j->on = false;
}

/* Starts what there is room for; verdicts go into the results.  Is the run over? */
static bool
act(struct world *w, const struct sched_out *out)
{
	bool	over = false;

	for (uint32_t i = 0; i < out->n; i++) {
		const struct sched_act	*a = &out->v[i];

		if (a->type == SCHED_ACT_START) {
			struct running	*j = w->at[0].on ? &w->at[1] : &w->at[0];

			assert_false(j->on);
			start(w, j, a);
		} else if (a->type == SCHED_ACT_VERDICT) {
			struct flake_policy	f = { .on = true }, d = flake_defaults(&f);

			w->r.tests[a->test].done = true;
			w->r.tests[a->test].flake = (struct flake_result){ .verdict =
			    flake_conclude(&d, a->fails, a->passes, 0), .fails = a->fails,
			    .passes = a->passes };
		} else {
			over = true;
		}
	}
	return over;
}

static void
play(struct world *w, uint64_t seed)
{
	static struct sched_test	tests[PROGRAMS];
	struct flake_policy		f = { .on = true, .provoke = true,
	    .diagnose = FLAKE_DIAGNOSE, .conditions = FLAKE_USUAL | FLAKE_ASIDE };
	struct sched_plan		plan = { .tests = tests, .ntests = PROGRAMS, .jobs = JOBS,
	    .seed = seed };
	struct sched_in			in = { .type = SCHED_IN_TICK };
	struct sched_out		out = { .n = 0 };
	struct sched			*s;

	*w = (struct world){ .now = 1700000000000 + seed * 31337, .seed = seed };
	w->r = (struct results){ .total = PROGRAMS, .finished = true,
	    .tests = xcalloc(PROGRAMS, sizeof *w->r.tests) };
	for (size_t i = 0; i < PROGRAMS; i++) {
		tests[i].weight = 1;
		w->r.tests[i].name = xstrdup(programs[i].name);
	}
	plan.flake = flake_defaults(&f);
	s = sched_new(&plan, w->now);
	assert_non_null(s);
	for (;;) {
		uint32_t	room = !w->at[0].on + !w->at[1].on;

		sched_step(s, w->now, room, &in, &out);
		if (act(w, &out))
			break;
		/* The one that ends first. */
		struct running *j = !w->at[1].on || (w->at[0].on && w->at[0].end <= w->at[1].end) ?
		    &w->at[0] : &w->at[1];
		assert_true(j->on);
		w->now = j->end;
		in = (struct sched_in){ .type = SCHED_IN_DONE, .test = j->test,
		    .attempt = j->attempt, .outcome = j->failed ? OUTCOME_FAIL : OUTCOME_PASS };
		finish(w, j);
		w->now += 2;
	}
	sched_free(s);
}

static void
release(struct world *w)
{
	for (size_t i = 0; i < PROGRAMS; i++) {
		struct test_result	*t = &w->r.tests[i];

		for (size_t k = 0; k < t->nattempts; k++)
			free(t->full[k].failure);
		free(t->full);
		free(t->name);
	}
	free(w->r.tests);
}

static void
causes_by_time_and_neighbours(void **state)
{
	uint32_t	counts[PROGRAMS][FLAKY_CATEGORY_COUNT] = { { 0 } }, all = 0, right = 0,
	    wrong = 0;

	(void)state;
	for (uint64_t run = 0; run < RUNS; run++) {
		struct world		w;
		struct flaky_report	r;

		play(&w, 2 * run + 2);
		flaky_report_of(&w.r, NULL, &r);
		for (size_t i = 0; i < r.n; i++) {
			const struct flaky_test	*f = &r.tests[i];

			if (f->test->flake.verdict == FLAKE_FLAKY)
				counts[f->test - w.r.tests][f->cause.category]++;
		}
		flaky_report_free(&r);
		release(&w);
	}
	for (size_t i = 0; i < PROGRAMS; i++) {
		print_message("%-22s", programs[i].name);
		for (unsigned c = 0; c < FLAKY_CATEGORY_COUNT; c++) {
			if (counts[i][c] > 0)
				print_message(" %s %u", flaky_category_name(c), counts[i][c]);
			all += counts[i][c];
			right += programs[i].cause == c ? counts[i][c] : 0;
			wrong += programs[i].cause != c && c != FLAKY_UNKNOWN ? counts[i][c] : 0;
		}
		print_message("\n");
	}
	print_message("of %u right %.1f%%, wrong %.1f%%\n", all, 100.0 * right / all,
	    100.0 * wrong / all);
	assert_true(right >= 0.8 * all);
	assert_true(wrong <= 0.05 * all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(causes_by_time_and_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
