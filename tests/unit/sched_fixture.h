/*
 * For tests of the scheduler.  A case is a plan and a script: at a time, under a limit,
 * an input, and what must come out, written
 *
 *	+T.A		START of attempt A of test T; +T.A/D after a delay of D ms
 *	kill T.A	KILL; "!" no grace; "@" for the run's timeout
 *	T=STATUS	VERDICT; "~" flaky; "?" lost for good
 *	again T.A	RETRY; /D after a delay; "," WHERE
 *	no T.A:WHY	REFUSED; #N the tag, #run the run, #@F the fingerprint
 *	N:STATE,WHY	BREAKER of tag N, or run, or @F
 *	stop:WHY	STOPPING
 *	end		RUN_DONE
 */
#ifndef UNIT_SCHED_FIXTURE_H
#define UNIT_SCHED_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/policy/sched.h"

#define NEVER	SCHED_NEVER
#define ALL	UINT32_MAX	/* limit: as many as jobs */
#define ANY	(UINT64_MAX - 1) /* next: not looked at */

#define RETRY(...)	.retry = &(const struct sched_retry){ __VA_ARGS__ }

#define TICK		{ .type = SCHED_IN_TICK }
#define CANCEL		{ .type = SCHED_IN_CANCEL }
#define CANCEL_NOW	{ .type = SCHED_IN_CANCEL, .kill = true }
#define OVER(t, a, o)	{ .type = SCHED_IN_DONE, .test = t, .attempt = a,	\
			  .outcome = OUTCOME_##o }

struct script {
	uint64_t	now;
	uint32_t	limit;
	struct sched_in	in;
	const char	*out;
	uint64_t	next;
};

static void
add(char *text, size_t size, const char *fmt, ...)
{
	size_t len = strlen(text);
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text + len, size - len, fmt, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < size - len);
}

static void
add_scope(const struct sched_act *a, char *text, size_t size)
{
	switch (a->scope) {
	case BREAKER_RUN:
		add(text, size, "run");
		break;
	case BREAKER_TAG:
		add(text, size, "%u", a->tag);
		break;
	case BREAKER_FINGERPRINT:
		add(text, size, "@%llu", (unsigned long long)a->fingerprint);
		break;
	}
}

static void
write_out(const struct sched_out *out, char *text, size_t size)
{
	static const char *const why[] = { "none", "cancel", "max_fail", "timeout" };
	static const char *const where[] = { "", ",end", ",alone" };
	uint32_t i;

	text[0] = '\0';
	for (i = 0; i < out->n; i++) {
		const struct sched_act *a = &out->v[i];

		add(text, size, "%s", i ? " " : "");
		switch (a->type) {
		case SCHED_ACT_START:
			add(text, size, "+%u.%u", a->test, a->attempt);
			if (a->delay_ms > 0)
				add(text, size, "/%llu", (unsigned long long)a->delay_ms);
			break;
		case SCHED_ACT_KILL:
			add(text, size, "kill %u.%u%s%s", a->test, a->attempt,
			    a->kill ? "!" : "", a->timeout ? "@" : "");
			break;
		case SCHED_ACT_VERDICT:
			add(text, size, "%u=%s%s%s", a->test, test_status_name(a->status),
			    a->flaky ? "~" : "", a->lost_for_good ? "?" : "");
			break;
		case SCHED_ACT_RETRY:
			add(text, size, "again %u.%u", a->test, a->attempt);
			if (a->delay_ms > 0)
				add(text, size, "/%llu", (unsigned long long)a->delay_ms);
			add(text, size, "%s", where[a->where]);
			assert_int_equal(a->decision, RETRY_GRANTED);
			break;
		case SCHED_ACT_REFUSED:
			add(text, size, "no %u.%u:%s#", a->test, a->attempt,
			    retry_decision_name(a->decision));
			add_scope(a, text, size);
			break;
		case SCHED_ACT_BREAKER:
			add_scope(a, text, size);
			add(text, size, ":%s,%s", breaker_state_name(a->state),
			    retry_decision_name(a->decision));
			break;
		case SCHED_ACT_STOPPING:
			add(text, size, "stop:%s", why[a->reason]);
			break;
		case SCHED_ACT_RUN_DONE:
			add(text, size, "end");
			break;
		}
	}
}

/* Of a run that detects flaky tests: an attempt that passes, whatever it is run under. */
static bool __attribute__((unused))
never(uint32_t attempt, enum flake_condition c)
{
	(void)attempt;
	(void)c;
	return false;
}

static void __attribute__((unused))
play(const struct sched_plan *plan, const struct script *v, size_t n)
{
	struct sched *s = sched_new(plan, 0);
	struct sched_out out;
	char text[2048];
	size_t i;

	assert_non_null(s);
	for (i = 0; i < n; i++) {
		sched_step(s, v[i].now, v[i].limit, &v[i].in, &out);
		write_out(&out, text, sizeof(text));
		if (strcmp(text, v[i].out) != 0)
			fail_msg("step %zu: \"%s\", not \"%s\"", i, text, v[i].out);
		if (v[i].next != ANY && out.next != v[i].next)
			fail_msg("step %zu: next %llu", i, (unsigned long long)out.next);
	}
	sched_free(s);
}

#define PLAY(plan, ...)	do {						\
	static const struct script script_[] = { __VA_ARGS__ };		\
	play((plan), script_, sizeof(script_) / sizeof(script_[0]));	\
} while (0)

/* A plan of the tests in the array `t`, 4 jobs; and with more than that. */
#define PLAN(t)		PLAN_WITH(t, .shuffle = false)
#define PLAN_WITH(t, ...) (&(struct sched_plan){ .tests = (t),		\
	.ntests = sizeof(t) / sizeof((t)[0]), .jobs = 4, __VA_ARGS__ })

#endif
