/* Definitions in a call, and the URIs of resources: what is taken, what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/xalloc.h"
#include "mcpsrv/define.h"
#include "mcpsrv/uri.h"

/* Adds the definition; 0 or -errno, the sentence in `why`. */
static int
add(struct plan *p, const char *text, char *why)
{
	json_error_t	 e;
	json_t		*o = json_loads(text, 0, &e);
	int		 r;

	if (o == NULL)
		fail_msg("%s in %s", e.text, text);
	r = define_add(p, o, "tests[0]", why);
	json_decref(o);
	return r;
}

static void
assert_words(const struct strs *s, const char *const *words)
{
	size_t	n = 0;

	for (; words[n] != NULL; n++) {
		assert_true(n < s->n);
		assert_string_equal(s->v[n], words[n]);
	}
	assert_int_equal(s->n, n);
}
#define WORDS(s, ...)	assert_words(s, (const char *const []){ __VA_ARGS__, NULL })

static void
every_member_arrives(void **state)
{
	struct define_call	 call = { .cwd = "/tmp", .has_timeout = true, .timeout_ms = 9 };
	struct plan		 p = { .name = NULL };
	struct plan_test	*t;
	json_t			*env = json_pack("{s:s, s:s}", "A", "call", "B", "call");
	char			 why[DEFINE_WHY];

	(void)state;
	assert_int_equal(add(&p, "{\"name\": \"one\", \"argv\": [\"prog\", \"a b\"], \"cwd\": "
	    "\"/\", \"env\": {\"A\": \"own\"}, \"stdin\": \"in\", \"timeout\": 5, \"retry\": 2,"
	    " \"tags\": [\"x\"], \"resources\": [\"db\"], \"exclusive\": true,"
	    " \"recording\": \"ignored\", \"setup\": {\"command\": \"up\", \"timeout\": 7},"
	    " \"teardown\": {\"argv\": [\"down\"]}, \"assertions\": ["
	    " {\"type\": \"exit_code\", \"expected\": 3, \"operator\": \"equals\"},"
	    " {\"type\": \"output_contains\", \"expected\": \"hi\", \"message\": \"no hi\"},"
	    " {\"type\": \"output_matches\", \"expected\": \"^a$\"},"
	    " {\"type\": \"output_matches\", \"expected\": \"/^A/im\"},"
	    " {\"type\": \"stdout_equals\", \"expected\": \"\"},"
	    " {\"type\": \"no_errors\"}]}", why), 0);
	assert_int_equal(add(&p, "{\"name\": \"two\", \"command\": \"echo $X\", \"skip\": "
	    "true}", why),
	    0);
	call.env = env;
	assert_int_equal(define_finish(&p, &call, why), 0);
	t = &p.tests[0];
	WORDS(&t->argv, "prog", "a b");
	assert_string_equal(t->cwd, "/");
	WORDS(&t->env, "A=own", "B=call");
	assert_int_equal(t->stdin_len, 2);
	assert_int_equal(t->timeout_ms, 5);
	assert_int_equal(t->retry.count, 2);
	WORDS(&t->tags, "x");
	WORDS(&t->locks, "db");
	assert_true(t->serial);
	WORDS(&t->setup.argv, "/bin/sh", "-c", "up");
	assert_int_equal(t->setup.timeout_ms, 7);
	WORDS(&t->teardown.argv, "down");
	WORDS(&t->expect, "exit_code", "", "3", "", "output_contains", "", "hi", "no hi",
	    "output_matches", "", "/^a$/", "", "output_matches", "", "/^A/im", "",
	    "stdout_equals", "stdout", "", "", "no_errors", "", "", "");
	t = &p.tests[1];
	WORDS(&t->argv, "/bin/sh", "-c", "echo $X");
	assert_string_equal(t->cwd, "/tmp");
	assert_int_equal(t->timeout_ms, 9);
	assert_non_null(t->skip);
	plan_free(&p);
	json_decref(env);
}

static void
what_cannot_be_is_named(void **state)
{
	static const struct {
		const char	*text, *because;
	} wrong[] = {
		{ "{\"name\": \"x\", \"command\": \"a\", \"argv\": [\"b\"]}", "keep one" },
		{ "{\"name\": \"x\", \"command\": 5}", "command" },
		{ "{\"name\": \"x\", \"argv\": [\"\"]}", "name a program" },
		{ "{\"name\": \"x\", \"setup\": {}}", "tests[0].setup" },
		{ "{\"name\": \"x\", \"env\": {\"A=B\": \"c\"}}", "'A=B'" },
		{ "{\"name\": \"x\", \"assertions\": [{\"type\": \"custom\"}]}", "JavaScript" },
		{ "{\"name\": \"x\", \"assertions\": [{\"type\": \"state_equals\"}]}", "recorder" },
		{ "{\"name\": \"x\", \"assertions\": [{\"type\": \"exit_code\", \"expected\": "
		    "\"3\"}]}",
		    "tests[0].assertions[0].expected" },
		{ "{\"name\": \"x\", \"assertions\": [{\"type\": \"exit_code\", \"expected\": "
		    "256}]}",
		    "0 to 255" },
		{ "{\"name\": \"x\", \"assertions\": [{\"type\": \"no_errors\", \"expected\": "
		    "false}]}",
		    "leave it out" },
		{ "{\"name\": \"x\", \"assertions\": [{\"type\": \"output_contains\"}]}", "a "
		    "text" },
		{ "{\"name\": \"x\", \"assertions\": [{\"type\": \"output_contains\","
		    " \"expected\": \"\"}]}", "not empty" },
		{ "{\"name\": \"x\", \"assertions\": [{\"type\": \"output_matches\","
		    " \"expected\": \"(a\"}]}", "no regular expression" },
		{ "{\"name\": \"x\", \"timeout\": 0}", "timeout" },
		{ "{\"name\": \"\"}", "name" },
	};
	char	why[DEFINE_WHY];

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct plan	p = { .name = NULL };

		assert_int_not_equal(add(&p, wrong[i].text, why), 0);
		if (strstr(why, wrong[i].because) == NULL)
			fail_msg("'%s' is not in: %s", wrong[i].because, why);
		plan_free(&p);
	}
}

static void
a_plan_is_checked_as_a_whole(void **state)
{
	struct define_call	call = { .cwd = "/tmp" };
	struct plan		p = { .name = NULL };
	char			why[DEFINE_WHY];

	(void)state;
	assert_int_equal(add(&p, "{\"name\": \"x\", \"command\": \"a\"}", why), 0);
	assert_int_equal(add(&p, "{\"name\": \"x\", \"command\": \"b\"}", why), 0);
	assert_int_not_equal(define_finish(&p, &call, why), 0);
	assert_non_null(strstr(why, "two tests of the call have the name 'x'"));
	plan_free(&p);
	assert_int_equal(add(&p, "{\"name\": \"x\", \"command\": \"a\", \"cwd\": "
	    "\"no/such\"}", why),
	    0);
	assert_int_not_equal(define_finish(&p, &call, why), 0);
	assert_non_null(strstr(why, "/tmp/no/such"));
	plan_free(&p);
}

/* What a caller leaves out of a known test is as it was; what it says is new. */
static void
a_name_alone_is_the_last_definition(void **state)
{
	struct plan	p = { .name = NULL }, known = { .name = NULL };
	struct plan_test *t;
	char		why[DEFINE_WHY];

	(void)state;
	assert_int_equal(add(&known, "{\"name\": \"x\", \"argv\": [\"old\"], \"cwd\": \"/usr\","
	    " \"env\": {\"A\": \"1\", \"B\": \"1\"}, \"timeout\": 5, \"retry\": 1,"
	    " \"stdin\": \"s\", \"assertions\": [{\"type\": \"exit_code\", \"expected\": "
	    "1}]}", why), 0);
	strs_add(&known.tests[0].slots, "db=1");
	assert_int_equal(add(&p, "{\"name\": \"y\", \"command\": \"true\"}", why), 0);
	assert_int_equal(add(&p, "{\"name\": \"x\", \"env\": {\"B\": \"2\"}, \"timeout\": "
	    "6}", why), 0);
	t = define_unknown(&p, 0);
	assert_ptr_equal(t, &p.tests[1]);
	define_known(t, &known.tests[0]);
	assert_null(define_unknown(&p, 0));
	WORDS(&t->argv, "old");
	WORDS(&t->env, "A=1", "B=2");
	WORDS(&t->expect, "exit_code", "", "1", "");
	assert_string_equal(t->cwd, "/usr");
	assert_int_equal(t->timeout_ms, 6);
	assert_int_equal(t->retry.count, 1);
	assert_int_equal(t->stdin_len, 1);
	WORDS(&t->slots, "db=1");
	plan_free(&p);
	plan_free(&known);
}

static void
uris_are_taken_strictly(void **state)
{
	static const char *const	wrong[] = { "", "paratest:", "paratest://", "http://runs",
	    "paratest://runs/", "paratest://runs/XYZ", "paratest://runs/../config",
	    "paratest://runs/ab/", "paratest://runs/ab/report.exe", "paratest://runs/ab/tests/1",
	    "paratest://runs/ab/tests/-1/output", "paratest://runs/ab/tests/01/output",
	    "paratest://runs/ab/tests/1/output/x", "paratest://runs/ab/tests/9999999999/output",
	    "paratest://tests//history", "paratest://tests/%/history",
	    "paratest://tests/%0/history", "paratest://tests/%00/history",
	    "paratest://tests/%zz/history", "paratest://tests/a", "paratest://tests/a/b/history",
	    "paratest://configs", "paratest://runs/0123456789abcdef0123456789abcdef0" };
	struct uri			u;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		if (uri_parse(wrong[i], &u))
			fail_msg("taken: %s", wrong[i]);
		assert_int_equal(u.kind, URI_NONE);
	}
	assert_true(uri_parse("paratest://runs", &u));
	assert_int_equal(u.kind, URI_RUNS);
	assert_true(uri_parse("paratest://runs/0123456789abcdef", &u));
	assert_int_equal(u.kind, URI_RUN_STATE);
	assert_string_equal(u.run, "0123456789abcdef");
	assert_true(uri_parse("paratest://runs/ab/report.markdown", &u));
	assert_int_equal(u.kind, URI_REPORT);
	assert_int_equal(u.format, URI_MARKDOWN);
	assert_true(uri_parse("paratest://runs/ab/tests/10/output", &u));
	assert_int_equal(u.kind, URI_OUTPUT);
	assert_int_equal(u.index, 10);
	/* Decoded once. */
	assert_true(uri_parse("paratest://tests/a%20b%2Fc%2525/history", &u));
	assert_int_equal(u.kind, URI_HISTORY);
	assert_string_equal(u.name, "a b/c%25");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(every_member_arrives),
		cmocka_unit_test(what_cannot_be_is_named),
		cmocka_unit_test(a_plan_is_checked_as_a_whole),
		cmocka_unit_test(a_name_alone_is_the_last_definition),
		cmocka_unit_test(uris_are_taken_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
