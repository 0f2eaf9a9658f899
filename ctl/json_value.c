/* Results as JSON values; see json_value.h. */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/json_value.h"
#include "ctl/results.h"
#include "ctl/text_view.h"

static json_t *
checked(json_t *v)
{
	if (v == NULL)
		fatal("memory", "out of memory");
	return v;
}

json_t *
json_value_bytes(const char *p, size_t n)
{
	struct text	 t = { 0 };
	json_t		*v;

	if (n == 0)
		return checked(json_string_nocheck(""));
	if (text_is_utf8(p, n))
		return checked(json_stringn_nocheck(p, n));
	text_utf8(&t, p, n);
	v = checked(json_stringn_nocheck(t.p, t.n));
	text_free(&t);
	return v;
}

json_t *
json_value_text(const char *s)
{
	return json_value_bytes(s, s != NULL ? strlen(s) : 0);
}

json_t *
json_value_u64(uint64_t n)
{
	char	buf[24];

	if (n <= INT64_MAX)
		return checked(json_integer((json_int_t)n));
	(void)snprintf(buf, sizeof(buf), "%llu", (unsigned long long)n);
	return checked(json_string_nocheck(buf));
}

json_t *
json_value_ms(uint64_t us)
{
	if (us % 1000 == 0)
		return checked(json_integer((json_int_t)(us / 1000)));
	return checked(json_real((double)us / 1000));
}

void
json_value_put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new_nocheck(object, key, value) != 0)
		fatal("memory", "out of memory");
}

static void
append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0)
		fatal("memory", "out of memory");
}

static int
dump_part(const char *p, size_t n, void *arg)
{
	text_add(arg, p, n);
	return 0;
}

void
json_value_dump(struct text *t, json_t *value, bool bare)
{
	/* 15 digits: 12.5 and not 12.500000000000001. */
	(void)json_dump_callback(value, dump_part, t, JSON_COMPACT | JSON_ENCODE_ANY |
	    JSON_REAL_PRECISION(15) | (bare ? JSON_EMBED : 0));
	json_decref(value);
}

/* A number that came as text, or the text when it is none. */
static json_t *
number(struct sv s)
{
	char		 buf[24];
	const char	*why = NULL;
	long long	 n;

	if (s.n == 0 || s.n >= sizeof(buf))
		return json_value_bytes(s.p, s.n);
	memcpy(buf, s.p, s.n);
	buf[s.n] = '\0';
	n = strtonum(buf, 0, INT64_MAX, &why);
	return why == NULL ? json_value_u64((uint64_t)n) : json_value_bytes(s.p, s.n);
}

json_t *
json_value_assertions(struct svs v)
{
	json_t	*list = checked(json_array());

	for (uint32_t i = 0; i + 2 < v.n; i += 3) {
		json_t	*one = checked(json_object());
		json_t	*what = checked(json_object());

		json_value_put(what, "type", json_value_bytes(v.v[i].p, v.v[i].n));
		json_value_put(one, "assertion", what);
		json_value_put(one, "passed", json_boolean(sv_is(v.v[i + 1], "pass")));
		json_value_put(one, "message", json_value_bytes(v.v[i + 2].p, v.v[i + 2].n));
		append(list, one);
	}
	return list;
}

json_t *
json_value_leaked(struct svs v)
{
	json_t	*list = checked(json_array());

	for (uint32_t i = 0; i + 1 < v.n; i += 2) {
		json_t	*one = checked(json_object());

		json_value_put(one, "pid", number(v.v[i]));
		json_value_put(one, "argv", json_value_bytes(v.v[i + 1].p, v.v[i + 1].n));
		append(list, one);
	}
	return list;
}

json_t *
json_value_subtests(uint64_t total, uint64_t passed, uint64_t failed, uint64_t skipped,
    uint64_t todo, struct svs failures)
{
	json_t	*all = checked(json_object());
	json_t	*list = checked(json_array());

	json_value_put(all, "total", json_value_u64(total));
	json_value_put(all, "passed", json_value_u64(passed));
	json_value_put(all, "failed", json_value_u64(failed));
	json_value_put(all, "skipped", json_value_u64(skipped));
	json_value_put(all, "todo", json_value_u64(todo));
	for (uint32_t i = 0; i + 1 < failures.n; i += 2) {
		json_t	*one = checked(json_object());
		struct sv name = failures.v[i + 1];

		json_value_put(one, "number", number(failures.v[i]));
		json_value_put(one, "name", json_value_bytes(name.p, name.n));
		append(list, one);
	}
	json_value_put(all, "failures", list);
	return all;
}

json_t *
json_value_error(struct sv message, uint64_t category)
{
	json_t	*error = checked(json_object());

	json_value_put(error, "message", json_value_bytes(message.p, message.n));
	if (category != CATEGORY_NONE)
		json_value_put(error, "category", json_value_text(error_category_name(category)));
	return error;
}

json_t *
json_value_signal(uint64_t sig)
{
	char	buf[40];

	return json_value_text(text_signal(sig, buf, sizeof(buf)));
}

/* A list as the functions above take it; the caller frees .v. */
static struct svs
borrow(const struct strs *s)
{
	struct sv	*v = xcalloc(s->n > 0 ? s->n : 1, sizeof(*v));

	for (size_t i = 0; i < s->n; i++)
		v[i] = sv_from(s->v[i]);
	return (struct svs){ v, (uint32_t)s->n };
}

static void
put_ending(json_t *o, const struct attempt_result *a)
{
	if (a->has_exit_code)
		json_value_put(o, "exitCode", json_value_u64(a->exit_code));
	if (a->has_signal)
		json_value_put(o, "signal", json_value_signal(a->signal));
}

static void
put_attempts(json_t *o, const struct test_result *t)
{
	json_t	*list = checked(json_array());

	for (size_t i = 0; i < t->nattempts; i++) {
		const struct attempt_result	*a = &t->attempts[i];
		json_t				*one = checked(json_object());

		json_value_put(one, "outcome", json_value_text(outcome_name(a->outcome)));
		json_value_put(one, "duration", json_value_ms(a->duration_us));
		json_value_put(one, "startTime", json_value_u64(a->start_ms));
		json_value_put(one, "worker", json_value_u64(a->worker));
		put_ending(one, a);
		json_value_put(one, "delayBefore", json_value_u64(a->delay_ms));
		append(list, one);
	}
	json_value_put(o, "attemptsDetail", list);
}

/* What the last attempt says for its test. */
static void
put_verdict(json_t *o, const struct attempt_result *a)
{
	struct svs	v = borrow(&a->assertions);
	struct text	why = { 0 };

	json_value_put(o, "assertions", json_value_assertions(v));
	free((void *)(uintptr_t)v.v);
	if (a->error_message != NULL || a->error_category != CATEGORY_NONE) {
		text_why_attempt(&why, a);
		json_value_put(o, "error", json_value_error((struct sv){ why.p, why.n },
		    a->error_category));
		text_free(&why);
	}
	json_value_put(o, "output", json_value_bytes(a->output, a->output_len));
	json_value_put(o, "outputBytes", json_value_u64(a->output_bytes));
	json_value_put(o, "outputTruncated", json_boolean(a->output_truncated));
	if (a->leaked.n > 0) {
		v = borrow(&a->leaked);
		json_value_put(o, "leaked", json_value_leaked(v));
		free((void *)(uintptr_t)v.v);
	}
	if (a->has_subtests) {
		v = borrow(&a->sub_failures);
		json_value_put(o, "subtests", json_value_subtests(a->sub_total, a->sub_passed,
		    a->sub_failed, a->sub_skipped, a->sub_todo, v));
		free((void *)(uintptr_t)v.v);
	}
	json_value_put(o, "worker", json_value_u64(a->worker));
	json_value_put(o, "cpuTime", json_value_ms(a->cpu_us));
	json_value_put(o, "peakMemory", json_value_u64(a->max_rss));
}

/* The outcome of a test that had no attempt, by its status. */
static enum outcome
outcome_without_attempt(enum test_status s)
{
	switch (s) {
	case TEST_PASS:
		return OUTCOME_PASS;
	case TEST_FAIL:
		return OUTCOME_FAIL;
	case TEST_SKIP:
		return OUTCOME_SKIP;
	case TEST_TIMEOUT:
		return OUTCOME_TIMEOUT;
	case TEST_CANCELLED:
		return OUTCOME_CANCELLED;
	case TEST_ERROR:
	case TEST_STATUS_COUNT:
		break;
	}
	return OUTCOME_LOST;
}

json_t *
json_value_result(const struct test_result *t)
{
	static const struct attempt_result	 none;
	const struct attempt_result		*a = t->nattempts > 0 ?
	    &t->attempts[t->nattempts - 1] : &none;
	const char	*why = t->message != NULL ? t->message : a->message;
	json_t		*o = checked(json_object());

	json_value_put(o, "name", json_value_text(t->name));
	json_value_put(o, "status", json_value_text(test_status_name(t->status)));
	json_value_put(o, "outcome", json_value_text(outcome_name(t->nattempts > 0 ?
	    a->outcome : outcome_without_attempt(t->status))));
	json_value_put(o, "flaky", json_boolean(t->flaky));
	json_value_put(o, "duration", json_value_ms(t->duration_us));
	json_value_put(o, "startTime", t->nattempts > 0 ?
	    json_value_u64(t->attempts[0].start_ms) : json_null());
	json_value_put(o, "endTime", t->nattempts > 0 ? json_value_u64(a->end_ms) : json_null());
	put_ending(o, a);
	json_value_put(o, "attempts", json_value_u64(t->nattempts));
	json_value_put(o, "retries", json_value_u64(t->retries));
	if (why != NULL)
		json_value_put(o, "message", json_value_text(why));
	put_verdict(o, a);
	json_value_put(o, "sessionCount", json_value_u64(0));
	put_attempts(o, t);
	return o;
}
