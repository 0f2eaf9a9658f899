/* Filter expressions: what they select, and what is said about wrong ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/filter.h"

/* Five tests; expectations below name them by letter. */
static void
make_plan(struct plan *p)
{
	static const struct { const char *name, *suite, *tag, *word, *source; bool serial; } v[] = {
		{ "alpha connects", "net", "slow", "curl", "a.yaml:3", false },
		{ "beta", "net", "fast", "sort", "a.yaml:7", true },
		{ "gamma-ray (x)", "phys", "slow", "awk", "b.yaml:1", false },
		{ "delta", "phys", "slower", "sort", "b.yaml:9", false },
		{ "order", NULL, "db", "sleep", NULL, false },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct plan_test *t = plan_add(p);

		t->name = xstrdup(v[i].name);
		t->suite = v[i].suite != NULL ? xstrdup(v[i].suite) : NULL;
		t->source = v[i].source != NULL ? xstrdup(v[i].source) : NULL;
		strs_add(&t->tags, "all");
		strs_add(&t->tags, v[i].tag);
		strs_add(&t->argv, v[i].word);
		strs_add(&t->argv, "-n");
		t->serial = v[i].serial;
	}
}

static void
selects(void **state)
{
	static const struct { const char *expr, *tests; } cases[] = {
		{ "all()", "abcde" }, { "none()", "" }, { "not none()", "abcde" },
		{ "!all()", "" }, { "serial()", "b" }, { "serial( )", "b" },
		/* matchers and their default marks */
		{ "beta", "b" }, { "ta", "bd" }, { "~ta", "bd" }, { "=ta", "" }, { "=beta", "b" },
		{ "name(ta)", "bd" }, { "name(~ta)", "bd" }, { "name(=delta)", "d" },
		{ "name( alpha connects )", "a" }, { "name(alpha c)", "a" },
		{ "tag(slow)", "ac" }, { "tag(~slow)", "acd" }, { "tag(#slow*)", "acd" },
		{ "tag(all)", "abcde" }, { "suite(net)", "ab" }, { "suite(ne)", "" },
		{ "suite(~ne)", "ab" }, { "command(sort)", "bd" }, { "command(sort -n)", "bd" },
		{ "command(=awk -n)", "c" }, { "source(b.yaml)", "cd" },
		{ "source(=a.yaml:7)", "b" },
		{ "#*ta", "bd" }, { "name(#?eta)", "b" }, { "name(#[bd]*)", "bd" },
		{ "/^[ab]/", "ab" }, { "name(/a$/)", "bd" }, { "name(/c{1}on+/)", "a" },
		{ "name(/\\(x\\)/)", "c" }, { "name(/a b|t./)", "abd" },
		{ "source(/^b\\.yaml:\\d$/)", "cd" }, { "/^(?i)ALPHA/", "a" },
		/* texts with signs of the grammar */
		{ "gamma-ray", "c" }, { "name((x\\))", "c" }, { "name(=gamma-ray (x\\))", "c" },
		{ "order", "e" }, { "name(or)", "e" }, { "gamma-ray\\ \\(x\\)", "c" },
		/* operators */
		{ "beta or delta", "bd" }, { "beta|delta", "bd" }, { "beta + delta", "bd" },
		{ "beta | delta | order", "bde" },
		{ "ta and suite(net)", "b" }, { "ta & suite(net)", "b" }, { "ta&suite(net)", "b" },
		{ "all() - ta", "ace" }, { "all() - ta - order", "ac" }, { "ta -beta", "d" },
		{ "not ta", "ace" }, { "!ta", "ace" }, { "! ta", "ace" }, { "not not ta", "bd" },
		{ "not(ta)", "ace" }, { "not (ta or order)", "ac" }, { "(((beta)))", "b" },
		{ " ( beta )or( delta ) ", "bd" },
		/* and binds closer than or, not closer than both */
		{ "beta or delta and none()", "b" }, { "(beta or delta) and none()", "" },
		{ "none() and beta or delta", "d" }, { "not beta and ta", "d" },
		{ "order or ta - beta", "de" },
	};
	char	why[512], found[8];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan	 p = { 0 };
		struct filter	*f = filter_parse(cases[i].expr, why, sizeof(why));
		size_t		 n = 0;

		make_plan(&p);
		print_message("%s\n", cases[i].expr);
		if (f == NULL)
			fail_msg("%s", why);
		for (size_t k = 0; k < p.ntests; k++) {
			if (filter_match(f, &p.tests[k]))
				found[n++] = (char)('a' + k);
		}
		found[n] = '\0';
		assert_string_equal(found, cases[i].tests);
		filter_free(f);
		plan_free(&p);
	}
}

/* The message, the expression and the column of its caret (from 0). */
static void
explains_what_is_wrong(void **state)
{
	static const struct { const char *expr, *text; size_t caret; } cases[] = {
		{ "", "a predicate is expected here", 0 },
		{ "  ", "a predicate is expected here", 2 },
		{ "beta or", "a predicate is expected here", 7 },
		{ "or", NULL, 0 },
		{ "beta and | x", "a predicate is expected before '|'", 9 },
		{ "(beta", "this bracket is not closed", 0 },
		{ "tag(slow", "this bracket is not closed", 3 },
		{ "beta)", "this bracket was never opened", 4 },
		{ "alpha connects", "a text with blanks is written name(~two words)", 6 },
		{ "tga(slow)", "'tga' is no predicate: did you mean 'tag'?", 0 },
		{ "beta or colour(red)", "there are name, tag, suite", 8 },
		{ "tag()", "a text to look for is expected here", 4 },
		{ "name(=)", "a text to look for is expected here", 6 },
		{ "serial(x)", "serial() takes nothing in its brackets", 7 },
		{ "/ab", "no '/' at its end", 0 },
		{ "name(/a(b/)", "regular expression: missing closing parenthesis", 9 },
		{ "name(/ab/x)", "')' is expected here", 9 },
		{ "\xc3\xa4\xc3\xb6 x", "'and', 'or' or '-' is expected here", 3 },
		{ "a\tb", "is expected here", 2 },
	};
	char	why[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct filter	*f = filter_parse(cases[i].expr, why, sizeof(why));
		const char	*caret;

		print_message("'%s'\n", cases[i].expr);
		if (cases[i].text == NULL) {
			assert_non_null(f);
			filter_free(f);
			continue;
		}
		assert_null(f);
		print_message("%s\n", why);
		assert_non_null(strstr(why, cases[i].text));
		assert_int_equal(strncmp(why, "filter: ", 8), 0);
		caret = strrchr(why, '\n');
		assert_non_null(caret);
		assert_int_equal(strlen(caret), cases[i].caret + 4);
		assert_int_equal(caret[strlen(caret) - 1], '^');
		assert_null(strchr(why, '\t'));
	}
}

/* An error far into a long expression shows only what is around it. */
static void
shows_a_part_of_long_expressions(void **state)
{
	char	expr[4000] = "", why[512];
	size_t	lines = 0;

	(void)state;
	for (int i = 0; i < 200; i++)
		(void)strlcat(expr, "abc or def or ", sizeof(expr));
	(void)strlcat(expr, "tga(x)", sizeof(expr));
	assert_null(filter_parse(expr, why, sizeof(why)));
	assert_non_null(strstr(why, "did you mean 'tag'"));
	assert_non_null(strstr(why, "tga(x)\n"));
	for (const char *s = why; *s != '\0'; s++)
		lines += *s == '\n';
	assert_int_equal(lines, 2);
}

static void
refuses_what_is_too_deep(void **state)
{
	char	expr[50001], why[512];

	(void)state;
	memset(expr, '(', sizeof(expr) - 1);
	expr[sizeof(expr) - 1] = '\0';
	assert_null(filter_parse(expr, why, sizeof(why)));
	memset(expr, '!', sizeof(expr) - 1);
	assert_null(filter_parse(expr, why, sizeof(why)));
	for (size_t i = 0; i < sizeof(expr) - 1; i++)
		expr[i] = i % 2 == 0 ? 'a' : '|';
	assert_null(filter_parse(expr, why, sizeof(why)));
	assert_non_null(strstr(why, "too long"));
}

/* A pattern that would take for ever gives up and matches nothing. */
static void
patterns_cannot_hang(void **state)
{
	struct plan_test t = { 0 };
	struct filter	*f;
	char		 name[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
	char		 why[512];

	(void)state;
	f = filter_parse("/^(([a-z])+.)+[A-Z]([a-z])+$/", why, sizeof(why));
	assert_non_null(f);
	t.name = name;
	assert_false(filter_match(f, &t));
	filter_free(f);
}

static void
filters_a_plan(void **state)
{
	const char	*exprs[] = { "beta", "order", "=nothing", "ta" };
	struct filter	*filters[4];
	size_t		 hits[4];
	char		 why[512];
	struct plan	 p = { 0 };

	(void)state;
	make_plan(&p);
	for (size_t i = 0; i < 4; i++) {
		filters[i] = filter_parse(exprs[i], why, sizeof(why));
		assert_non_null(filters[i]);
	}
	plan_filter(&p, filters, 0, NULL);
	assert_int_equal(p.ntests, 5);
	plan_filter(&p, filters, 4, hits);
	assert_int_equal(p.ntests, 3);
	assert_string_equal(p.tests[0].name, "beta");
	assert_string_equal(p.tests[1].name, "delta");
	assert_string_equal(p.tests[2].name, "order");
	assert_int_equal(hits[0], 1);
	assert_int_equal(hits[1], 1);
	assert_int_equal(hits[2], 0);
	assert_int_equal(hits[3], 2);
	plan_filter(&p, &filters[2], 1, NULL);
	assert_int_equal(p.ntests, 0);
	for (size_t i = 0; i < 4; i++)
		filter_free(filters[i]);
	filter_free(NULL);
	plan_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selects),
		cmocka_unit_test(explains_what_is_wrong),
		cmocka_unit_test(shows_a_part_of_long_expressions),
		cmocka_unit_test(refuses_what_is_too_deep),
		cmocka_unit_test(patterns_cannot_hang),
		cmocka_unit_test(filters_a_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
