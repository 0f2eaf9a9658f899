/* Unit tests of ctl/order_report.c: a shell that is given what is printed makes the order
 * that was meant, whatever the names; and what is told of a search that was cut short. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "common/rmtree.h"
#include "common/xalloc.h"
#include "ctl/order_file.h"
#include "ctl/order_report.h"

#define TESTS	4

/* The polluter, its victim, and what is needed to write their names. */
static const char *const	names[TESTS] = { "one", "it's #1 of \"two\"", " blanks \nlines ",
    "$HOME `id` \\n %s *" };

struct fx {
	char		 dir[32], *cwd;
	struct plan	 plan;
	struct order_search *search;
	struct order_report report;
};

/* 2 fails after 1, and 3 after 0. */
static void
run(const struct order_probe *p, enum order_outcome *o)
{
	bool	was[TESTS] = { false };

	for (uint32_t i = 0; i < p->n; i++) {
		uint32_t	t = p->tests[i];

		o[i] = (t == 2 && was[1]) || (t == 3 && was[0]) ? ORDER_FAIL : ORDER_PASS;
		was[t] = true;
	}
}

static void
make_report(struct fx *fx, uint32_t runs_max)
{
	const struct order_probe	*p;
	enum order_outcome		 o[TESTS];

	order_search_free(fx->search);
	fx->search = order_search_new(TESTS, 10, runs_max, 1);
	while ((p = order_search_next(fx->search)) != NULL) {
		run(p, o);
		order_search_took(fx->search, o);
	}
	fx->report = (struct order_report){ .search = fx->search, .plan = &fx->plan,
	    .suites = "suite.yaml", .runs_max = runs_max };
}

static int
setup(void **state)
{
	struct fx	*fx = xcalloc(1, sizeof *fx);

	(void)snprintf(fx->dir, sizeof fx->dir, "/tmp/paratest-report.XXXXXX");
	assert_non_null(mkdtemp(fx->dir));
	fx->cwd = getcwd(NULL, 0);
	assert_int_equal(chdir(fx->dir), 0);
	for (size_t i = 0; i < TESTS; i++)
		plan_add(&fx->plan)->name = xstrdup(names[i]);
	make_report(fx, 1000);
	*state = fx;
	return 0;
}

static int
teardown(void **state)
{
	struct fx	*fx = *state;
	int		 r = chdir(fx->cwd);

	order_search_free(fx->search);
	plan_free(&fx->plan);
	r |= rmtree_at(AT_FDCWD, fx->dir);
	free(fx->cwd);
	free(fx);
	return r;
}

static json_t *
document(const struct fx *fx)
{
	struct text	 t = { 0 };
	json_error_t	 e;
	json_t		*doc;

	order_report_json(&fx->report, &t);
	doc = json_loadb(t.p, t.n, JSON_REJECT_DUPLICATES, &e);
	if (doc == NULL)
		fail_msg("no JSON: %s in %s", e.text, t.p);
	text_free(&t);
	return doc;
}

static const char *
text_of(json_t *doc, size_t i, const char *key)
{
	json_t	*t = json_array_get(json_object_get(doc, "tests"), i);

	return json_string_value(json_object_get(json_object_get(t, "reproduce"), key));
}

/* What the file makes of the plan. */
static void
assert_file(const char *file, const char *first, const char *second)
{
	struct plan	p = { .name = NULL };
	char		why[512] = "";

	for (size_t i = 0; i < TESTS; i++)
		plan_add(&p)->name = xstrdup(names[i]);
	if (order_file_apply(&p, file, why, sizeof why) != 0)
		fail_msg("%s", why);
	assert_int_equal(p.ntests, 2);
	assert_string_equal(p.tests[0].name, first);
	assert_string_equal(p.tests[1].name, second);
	plan_free(&p);
}

static void
a_shell_makes_the_order(void **state)
{
	struct fx	*fx = *state;
	json_t		*doc = document(fx);
	char		*command, *end;

	assert_int_equal(order_report_code(&fx->report), 1);
	assert_int_equal(json_array_size(json_object_get(doc, "tests")), 2);
	for (size_t i = 0; i < 2; i++) {
		command = xstrdup(text_of(doc, i, "command"));
		end = strstr(command, " && paratestctl run --order ");
		assert_non_null(end);
		assert_string_equal(end, i == 0 ?
		    " && paratestctl run --order order.txt suite.yaml" :
		    " && paratestctl run --order order.txt.2 suite.yaml");
		*end = '\0';
		assert_int_equal(system(command), 0);
		free(command);
	}
	assert_file("order.txt", names[1], names[2]);
	assert_file("order.txt.2", names[0], names[3]);
	json_decref(doc);
}

static void
files_are_written_where_they_were_asked_for(void **state)
{
	struct fx	*fx = *state;
	char		 why[256];
	json_t		*doc;

	fx->report.file = "plan";	/* which is a word where it is read */
	assert_int_equal(order_report_write(&fx->report, why, sizeof why), 0);
	assert_file("./plan", names[1], names[2]);
	assert_file("plan.2", names[0], names[3]);
	doc = document(fx);
	assert_string_equal(text_of(doc, 0, "command"),
	    "paratestctl run --order ./plan suite.yaml");
	assert_string_equal(text_of(doc, 0, "file"), "plan");
	assert_string_equal(text_of(doc, 0, "shows"), "fail");
	json_decref(doc);
	fx->report.file = "nowhere/plan";
	assert_int_not_equal(order_report_write(&fx->report, why, sizeof why), 0);
	assert_string_equal(why, "cannot write nowhere/plan: No such file or directory");
}

static void
what_was_cut_short_is_told(void **state)
{
	struct fx	*fx = *state;
	struct text	 t = { 0 };

	make_report(fx, 14);
	fx->report.ended = "interrupted";
	fx->report.no_result = 3;
	order_report_text(&fx->report, &t);
	assert_int_equal(order_report_code(&fx->report), 0);
	assert_non_null(strstr(t.p, "\n         the search ended before\n"));
	assert_non_null(strstr(t.p, "\ninterrupted: what is said here is what was known by "
	    "then\n"));
	assert_non_null(strstr(t.p, "4 tests, 10 orders: 0 victims, 0 brittle, 0 broken, 0 flaky, "
	    "2 unsure, 3 skipped or not run; 14 runs of at most 14, --shuffle=0\n"));
	/* A name is one line. */
	assert_non_null(strstr(t.p, "unsure    blanks \\nlines \n"));
	text_free(&t);
}

#define WITH_FX(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FX(a_shell_makes_the_order),
		WITH_FX(files_are_written_where_they_were_asked_for),
		WITH_FX(what_was_cut_short_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
