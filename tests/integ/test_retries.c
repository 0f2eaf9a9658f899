/* Retries and what the history is used for, through the programs as they are. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/xalloc.h"
#include "tests/integ/service.h"

static const char suite[] =
    "name: opts\n"
    "tests:\n"
    "  - { name: ok1, run: 'true' }\n"
    "  - { name: ok2, run: 'true' }\n"
    "  - { name: ok3, run: 'true' }\n"
    "  - { name: ok4, run: 'true' }\n"
    "  - { name: flaky, tags: [db], run: 'echo NetWork; test $PARATEST_ATTEMPT -gt 2' }\n"
    "  - { name: crash, run: 'kill -SEGV $$' }\n"
    "  - { name: three, tags: [db], run: 'exit 3' }\n"
    "  - { name: please, run: 'exit 75' }\n";

static json_t *
result(json_t *doc, const char *name)
{
	json_t	*results = json_object_get(doc, "results"), *t;
	size_t	 i;

	json_array_foreach(results, i, t) {
		if (strcmp(json_string_value(json_object_get(t, "name")), name) == 0)
			return t;
	}
	fail_msg("no test '%s'", name);
	return NULL;
}

static void
assert_attempts(json_t *doc, const char *name, json_int_t n)
{
	assert_int_equal(json_integer_value(json_object_get(result(doc, name), "attempts")), n);
}

/* What was decided after the last attempt; "" for nothing. */
static const char *
decision(json_t *doc, const char *name)
{
	json_t	*all = json_object_get(result(doc, name), "attemptsDetail");
	json_t	*retry = json_object_get(json_array_get(all, json_array_size(all) - 1), "retry");

	return retry != NULL ? json_string_value(json_object_get(retry, "decision")) : "";
}

static void
each_option_decides(void **state)
{
	static const struct {
		const char	*words[5];
		int		 flaky, crash, three, please;	/* attempts */
		const char	*why;				/* of three */
	} cases[] = {
		{ { NULL }, 1, 1, 1, 3, "" },
		{ { "--retries", "2" }, 3, 3, 3, 3, "" },
		{ { "--retries", "2", "--retry-on", "text:network" }, 3, 1, 1, 3, "rule" },
		{ { "--retries", "2", "--retry-never", "exit:3" }, 3, 3, 1, 3, "rule" },
		{ { "--retry-preset", "aggressive", "--backoff", "1ms" }, 3, 6, 6, 6, "" },
		{ { "--retries", "2", "--retry-where", "alone" }, 3, 3, 3, 3, "" },
		{ { "--retries", "2", "--retry-budget", "db=0" }, 1, 3, 1, 3, "tag_budget" },
		{ { "--retries", "2", "--retry-budget", "0" }, 1, 1, 1, 1, "budget" },
	};
	struct service	*s = *state;
	char		*file = xstrdup(service_file(s, "opts.yaml", suite));

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char	*words[12] = { "run", "--json", "--order", "plan", file };
		struct ran	 r;
		json_t		*doc;

		for (size_t k = 0; cases[i].words[k] != NULL; k++)
			words[5 + k] = cases[i].words[k];
		service_ctl(s, &r, NULL, words);
		assert_int_equal(r.code, 1);
		doc = ran_document(&r);
		assert_attempts(doc, "flaky", cases[i].flaky);
		assert_attempts(doc, "crash", cases[i].crash);
		assert_attempts(doc, "three", cases[i].three);
		assert_attempts(doc, "please", cases[i].please);
		assert_string_equal(decision(doc, "three"), cases[i].why);
		json_decref(doc);
		ran_free(&r);
	}
	free(file);
}

/* Also of a run that only the history knows. */
static void
a_retry_has_a_parent_and_figures(void **state)
{
	struct service	*s = *state;
	char		*file = xstrdup(service_file(s, "opts.yaml", suite)), *parent;
	struct ran	 r;
	json_t		*doc, *stats;

	CTL(s, &r, NULL, "run", "--json", file);
	doc = ran_document(&r);
	parent = xstrdup(json_string_value(json_object_get(doc, "runId")));
	json_decref(doc);
	ran_free(&r);
	service_crash(s);
	service_again(s);
	CTL(s, &r, NULL, "retry", "--json", "--retries", "2", parent);
	assert_int_equal(r.code, 1);
	doc = ran_document(&r);
	assert_string_equal(json_string_value(json_object_get(doc, "parentRunId")), parent);
	stats = json_object_get(doc, "statistics");
	assert_int_equal(json_integer_value(json_object_get(stats, "totalTests")), 4);
	assert_int_equal(json_integer_value(json_object_get(stats, "successAfterRetry")), 1);
	assert_int_equal(json_integer_value(json_object_get(stats, "failedAfterRetry")), 3);
	assert_true(json_number_value(json_object_get(stats, "averageAttempts")) == 3);
	json_decref(doc);
	ran_free(&r);
	free(parent);
	free(file);
}

static void
equal_failures_are_one_group(void **state)
{
	struct service	*s = *state;
	struct ran	 r;
	char		*list = xcalloc(60, 8), *p = list;
	json_t		*doc, *groups;

	for (int i = 0; i < 60; i++)
		p += snprintf(p, 8, "%d\n", i);
	CTL(s, &r, list, "run", "--json", "--retries", "3", "--each",
	    "echo 'port 80{}: refused (/tmp/x.{}a)'; test {} -ge 40");
	assert_int_equal(r.code, 1);
	doc = ran_document(&r);
	groups = json_object_get(doc, "failureGroups");
	assert_int_equal(json_array_size(groups), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(groups, 0), "count")),
	    40);
	/* The breaker of the failure has ended the retries, three for each otherwise. */
	assert_true(json_array_size(json_object_get(doc, "breakers")) > 0);
	json_decref(doc);
	ran_free(&r);
	CTL(s, &r, NULL, "show");
	assert_non_null(strstr(r.out, "40 tests failed the same way: "));
	ran_free(&r);
	free(list);
}

static void
history_gives_order_and_parts(void **state)
{
	struct service	*s = *state;
	char		*file = xstrdup(service_file(s, "order.yaml", "name: order\ntests:\n"
	    "  - { name: quick, run: 'true' }\n  - { name: slow, run: 'sleep 1' }\n"
	    "  - { name: quick too, run: 'true' }\n"));
	struct ran	 r;
	json_t		*doc;

	CTL(s, &r, NULL, "plan", file);
	assert_non_null(strstr(r.out, "no test of the plan is on record"));
	ran_free(&r);
	CTL(s, &r, NULL, "run", file);
	assert_int_equal(r.code, 0);
	ran_free(&r);
	CTL(s, &r, NULL, "plan", "--json", file);
	doc = ran_document(&r);
	assert_string_equal(json_string_value(json_object_get(json_array_get(
	    json_object_get(doc, "tests"), 0), "name")), "slow");
	assert_true(json_number_value(json_object_get(doc, "makespan")) >= 1000);
	json_decref(doc);
	ran_free(&r);
	CTL(s, &r, NULL, "list", "--shard", "1/2", "--shard-by", "time", file);
	assert_string_equal(r.out, "slow\n");
	ran_free(&r);
	/* The same part, in whatever order it starts. */
	CTL(s, &r, NULL, "run", "--json", "--order", "plan", "--shard", "1/2", "--shard-by", "time",
	    file);
	doc = ran_document(&r);
	assert_int_equal(ran_summary(doc, "total"), 1);
	assert_non_null(result(doc, "slow"));
	json_decref(doc);
	ran_free(&r);
	free(file);
}

static void
a_setting_outlives_its_supervisor(void **state)
{
	struct service	*s = *state;
	struct ran	 r;

	CTL(s, &r, NULL, "config", "set", "timeout", "31s", "--persist");
	assert_string_equal(r.out, "timeout: 31s (was 5m), kept for later supervisors\n");
	ran_free(&r);
	service_crash(s);
	service_again(s);
	CTL(s, &r, NULL, "config", "get", "timeout");
	assert_non_null(strstr(r.out, " 31s * "));
	ran_free(&r);
	CTL(s, &r, NULL, "status");
	assert_non_null(strstr(r.out, "\nhistory   "));
	assert_null(strstr(r.out, "at fault"));
	ran_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_option_decides, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(a_retry_has_a_parent_and_figures, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(equal_failures_are_one_group, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(history_gives_order_and_parts, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(a_setting_outlives_its_supervisor, service_setup,
		    service_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
