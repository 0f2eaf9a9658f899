/* Unit tests of ctl/order_file.c: what a file makes of a plan, and what it says of a line
 * that it cannot take. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "ctl/order_file.h"

#define FILE_NAME	"/tmp/paratest-order.XXXXXX"

static void
make_plan(struct plan *p, const char *const *names)
{
	*p = (struct plan){ .name = NULL };
	for (; *names != NULL; names++)
		plan_add(p)->name = xstrdup(*names);
}
#define PLAN(p, ...)	make_plan(p, (const char *const []){ __VA_ARGS__, NULL })

static char *
write_file(const char *text, size_t n)
{
	char	*path = xstrdup(FILE_NAME);
	int	 fd = mkstemp(path);

	assert_true(fd != -1);
	assert_int_equal(write(fd, text, n), (ssize_t)n);
	(void)close(fd);
	return path;
}

static int
apply(struct plan *p, const char *text, size_t n, char *why, size_t size)
{
	char	*path = write_file(text, n);
	int	 r = order_file_apply(p, path, why, size);

	(void)unlink(path);
	free(path);
	return r;
}

static void
assert_order(const struct plan *p, const char *want)
{
	char	got[256] = "";

	for (size_t i = 0; i < p->ntests; i++) {
		(void)strlcat(got, p->tests[i].name, sizeof got);
		(void)strlcat(got, "|", sizeof got);
	}
	assert_string_equal(got, want);
}

static void
those_that_are_named_in_that_order(void **state)
{
	static const char	text[] = "# an order\n\n  c d \t\r\na\n\t# not b\n\"#e\\nf\"";
	struct plan		p;
	char			why[256];

	(void)state;
	PLAN(&p, "a", "b", "c d", "#e\nf");
	assert_int_equal(apply(&p, text, sizeof text - 1, why, sizeof why), 0);
	assert_order(&p, "c d|a|#e\nf|");
	plan_free(&p);
}

static void
what_cannot_be_taken_is_said_with_its_line(void **state)
{
	static const struct { const char *text; size_t n; const char *want; } cases[] = {
		{ "a\nreed\n", 0, ":2: there is no test 'reed': did you mean 'read'?" },
		{ "#\n\nzzzzzzzz\n", 0, ":3: there is no test 'zzzzzzzz'; paratestctl list shows "
		  "their names" },
		{ "a\nread\n a\n", 0, ":3: 'a' is here twice: also in line 1" },
		{ "\"a\n", 0, ":1: a line that begins with \" is a JSON string, which this "
		  "is not" },
		{ "a\0b\n", 4, ":1: a NUL byte: this is no list of names" },
		{ "# none\n", 0, " names no test" },
	};
	struct plan	p;
	char		why[512];

	(void)state;
	PLAN(&p, "a", "read");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t	n = cases[i].n > 0 ? cases[i].n : strlen(cases[i].text);

		assert_int_equal(apply(&p, cases[i].text, n, why, sizeof why), -EINVAL);
		assert_int_equal(strncmp(why, FILE_NAME, 20), 0);
		assert_string_equal(why + strlen(FILE_NAME), cases[i].want);
		assert_order(&p, "a|read|");
	}
	assert_int_equal(order_file_apply(&p, "/nowhere/f", why, sizeof why), -EINVAL);
	assert_non_null(strstr(why, "cannot read /nowhere/f: No such file"));
	assert_int_equal(order_file_apply(&p, "/", why, sizeof why), -EINVAL);
	assert_non_null(strstr(why, "cannot read /: Is a directory"));
	plan_free(&p);
}

/* Any name that was written is read again. */
static void
names_come_back(void **state)
{
	static const char *const	names[] = { "plain", "# hash", " blank ", "two\nlines",
	    "\"q\"", "in \"side\" # it", "back\\slash", "r\r", "\xc3\xa9t\xc3\xa9", NULL };
	struct text			t = { 0 };
	struct plan			p;
	char				why[256];

	(void)state;
	make_plan(&p, names);
	for (size_t i = p.ntests; i-- > 0;)
		order_file_put(&t, names[i]);
	assert_int_equal(apply(&p, t.p, t.n, why, sizeof why), 0);
	for (size_t i = 0; i < p.ntests; i++)
		assert_string_equal(p.tests[i].name, names[p.ntests - 1 - i]);
	assert_int_equal(p.ntests, 9);
	text_free(&t);
	plan_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_that_are_named_in_that_order),
		cmocka_unit_test(what_cannot_be_taken_is_said_with_its_line),
		cmocka_unit_test(names_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
