/* Each type of expectation: its verdict, and what its message shows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/spec.h"
#include "common/xalloc.h"
#include "worker/assertion.h"
#include "worker/noerrors.h"
#include "worker/strbuf.h"

static struct assertion_result
check(const char *type, const char *target, struct sv expected, const char *message,
    const struct assertion_facts *f)
{
	const struct sv		v[4] = { sv_from(type), sv_from(target), expected,
				    sv_from(message) };
	struct assertion_result	r;

	assertion_check((struct svs){ v, 4 }, 0, f, &r);
	return r;
}

static void
result_free(struct assertion_result *r)
{
	free(r->name);
	free(r->message);
}

static void
assert_part(const char *what, const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("%s: \"%s\" does not contain \"%s\"", what, text, part);
}

/* ---- exit codes ---- */

static const struct {
	const char	*expected;
	bool		 signaled;
	int		 code;
	bool		 passed;
	const char	*message;
} exits[] = {
	{ "0", false, 0, true, "exit code 0" },
	{ "0", false, 3, false, "exit code 3, expected 0" },
	{ "0,3", false, 3, true, "exit code 3" },
	{ "0, 3 ,7", false, 7, true, "exit code 7" },
	{ "0,3", false, 4, false, "exit code 4, expected 0,3" },
	{ "!0", false, 1, true, "exit code 1" },
	{ "!0", false, 0, false, "exit code 0, expected an exit code other than 0" },
	{ "!0,1", false, 1, false, "expected an exit code other than 0,1" },
	{ "!0", true, 11, false, "killed by SIGSEGV" },
	{ "0", true, 11, false, "killed by SIGSEGV, expected 0" },
	{ "11", true, 11, false, "killed by SIGSEGV, expected 11" },
	{ "signal:SEGV", true, 11, true, "killed by SIGSEGV" },
	{ "signal:SIGSEGV", true, 11, true, "killed by SIGSEGV" },
	{ "signal:11", true, 11, true, "killed by SIGSEGV" },
	{ "signal:segv", true, 11, true, "killed by SIGSEGV" },
	{ "0,signal:ABRT", true, 6, true, "killed by SIGABRT" },
	{ "signal:SEGV", true, 6, false, "killed by SIGABRT, expected signal:SEGV" },
	{ "signal:SEGV", false, 11, false, "exit code 11, expected signal:SEGV" },
	{ "signal:NOPE", true, 11, false, "is not an exit code" },
	{ "", false, 0, false, "is not an exit code" },
	{ "zero", false, 0, false, "\"zero\" is not an exit code" },
	{ "0,", false, 0, false, "is not an exit code" },
	{ "-1", false, 1, false, "is not an exit code" },
	{ "!", false, 1, false, "is not an exit code" },
	{ "1000", false, 232, false, "is not an exit code" },
};

static void
exit_codes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++) {
		struct assertion_facts	f = { .signaled = exits[i].signaled,
					    .code = exits[i].code };
		struct assertion_result	r;

		r = check("exit_code", "", sv_from(exits[i].expected), "", &f);
		if (r.passed != exits[i].passed)
			fail_msg("\"%s\": %s", exits[i].expected, r.message);
		assert_part(exits[i].expected, r.message, exits[i].message);
		assert_string_equal(r.name, "exit_code");
		result_free(&r);
	}
}

static void
signals_that_are_expected(void **state)
{
	const struct sv	v[] = { SV_LIT("output_contains"), SV_LIT(""), SV_LIT("signal:SEGV"),
			    SV_LIT(""), SV_LIT("exit_code"), SV_LIT(""), SV_LIT("0,signal:ABRT"),
			    SV_LIT("") };

	(void)state;
	assert_true(assertion_on_exit((struct svs){ v, 8 }));
	assert_false(assertion_on_exit((struct svs){ v, 4 }));
	assert_true(assertion_takes_signal((struct svs){ v, 8 }, 6));
	assert_false(assertion_takes_signal((struct svs){ v, 8 }, 11));
	assert_false(assertion_takes_signal((struct svs){ NULL, 0 }, 6));
}

/* ---- texts ---- */

static const struct text_case {
	const char	*type, *text, *expected;
	bool		 passed;
	const char	*message;	/* a part of it */
} texts[] = {
	{ "output_equals", "hello\n", "hello\n", true, "stdout is \"hello\\n\"" },
	{ "output_equals", "hello\n", "hello", false,
	    "stdout is \"hello\\n\", expected \"hello\"" },
	{ "output_equals", "", "x", false, "stdout is \"\", expected \"x\"" },
	{ "output_equals", "", "", true, "" },
	{ "output_equals", "a\nb\nc\n", "a\nX\nc\n", false,
	    "differs in line 2: it is \"b\\n\", expected \"X\\n\"" },
	{ "output_equals", "a\nb\n", "a\nb\nc\n", false,
	    "differs in line 3: it is the end, expected \"c\\n\"" },
	{ "output_equals", "a\nb\nc\n", "a\nb\n", false,
	    "differs in line 3: it is \"c\\n\", expected the end" },
	{ "output_equals", "a\nb\n", "a\nb", false,
	    "differs in line 2: it is \"b\\n\", expected \"b\"" },
	{ "output_contains", "say hello", "hello", true, "stdout contains \"hello\"" },
	{ "output_contains", "say hello", "", true, "" },
	{ "output_contains", "say hello", "Hello", false,
	    "stdout does not contain \"Hello\"; it is \"say hello\"" },
	{ "output_contains", "", "x", false, "; it is empty" },
	{ "output_not_contains", "fine", "bad", true, "" },
	{ "output_not_contains", "", "bad", true, "" },
	{ "output_not_contains", "a\nis bad here\n", "bad", false,
	    "stdout contains \"bad\" in line 2: \"is bad here\"" },
	{ "output_starts", "abc", "ab", true, "" },
	{ "output_starts", "abc", "bc", false, "does not start with \"bc\"" },
	{ "output_starts", "a", "abc", false, "does not start with" },
	{ "output_ends", "abc", "bc", true, "" },
	{ "output_ends", "abc", "ab", false, "does not end with \"ab\"" },
	{ "output_ends", "c", "abc", false, "does not end with" },
	{ "output_empty", "", "true", true, "stdout is empty" },
	{ "output_empty", "x", "true", false, "expected nothing: \"x\"" },
	{ "output_empty", "x", "false", true, "stdout is not empty" },
	{ "output_empty", "", "false", false, "expected something" },
	{ "output_matches", "id=42 ok", "/id=\\d+/", true, "matches /id=\\d+/" },
	{ "output_matches", "id=42 ok", "id=\\d+ ok$", true, "" },
	{ "output_matches", "id=x", "/id=\\d+/", false, "does not match /id=\\\\d+/" },
	{ "output_matches", "Hello", "/hello/", false, "it is \"Hello\"" },
	{ "output_matches", "Hello", "/hello/i", true, "" },
	{ "output_matches", "a\nb", "/^b$/", false, "" },
	{ "output_matches", "a\nb", "/^b$/m", true, "" },
	{ "output_matches", "a\nb", "/a.b/", false, "" },
	{ "output_matches", "a\nb", "/a.b/s", true, "" },
	{ "output_matches", "ab", "/a b # both/x", true, "" },
	{ "output_matches", "A\nB", "/^b$/im", true, "" },
	{ "output_matches", "a/b", "/a\\/b/", true, "" },
	{ "output_matches", "", "/^$/", true, "" },
	{ "output_matches", "x", "/x/q", false, "cannot be used: unknown flag 'q'" },
	{ "output_matches", "x", "/(x/", false, "cannot be used: missing closing parenthesis" },
	{ "output_matches", "gr\xc3\xbc\xc3\x9f", "/gr..$/", true, "" },
	{ "output_matches", "gr\xc3\xbc\xc3\x9f", "/gr\xc3\x9c./i", true, "" },
	{ "output_matches", "bad \xff\xfe end", "/bad .. end/", true, "" },
	{ "output_matches", "bad \xff end", "/\xc3\xbc/", false, "\"bad \\xff end\"" },
	{ "output_matches", "x", "/\xff/", false, "" },
	{ "output_not_matches", "fine", "/bad/", true, "stdout does not match /bad/" },
	{ "output_not_matches", "a\nso bad\n", "/b.d/", false, "in line 2: \"so bad\"" },
	{ "output_not_matches", "x", "/(/", false, "cannot be used" },
};

static void
texts_and_patterns(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		const struct text_case	*c = &texts[i];
		struct assertion_facts	 f = { .text = { [ASSERTION_STDOUT] =
					    sv_from(c->text) } };
		struct assertion_result	 r;

		r = check(c->type, "stdout", sv_from(c->expected), "", &f);
		if (r.passed != c->passed)
			fail_msg("%zu, %s \"%s\": %s", i, c->type, c->expected, r.message);
		/* patterns are shown with their backslashes doubled */
		if (strstr(c->message, "\\d") == NULL)
			assert_part(c->expected, r.message, c->message);
		assert_memory_equal(r.name, "stdout_", 7);
		result_free(&r);
	}
}

static void
targets(void **state)
{
	struct assertion_facts	f = { .text = { SV_LIT("both"), SV_LIT("out"), SV_LIT("err") } };
	const struct sv		v[] = { SV_LIT("exit_code"), SV_LIT(""), SV_LIT("0"), SV_LIT(""),
				    SV_LIT("output_equals"), SV_LIT("stderr"), SV_LIT(""),
				    SV_LIT(""), SV_LIT("stdout_equals"), SV_LIT(""), SV_LIT(""),
				    SV_LIT(""), SV_LIT("no_errors"), SV_LIT(""), SV_LIT(""),
				    SV_LIT("") };
	static const struct { const char *type, *target, *text, *name; } cases[] = {
		{ "output_equals", "", "both", "output_equals" },
		{ "output_equals", "output", "both", "output_equals" },
		{ "output_equals", "stdout", "out", "stdout_equals" },
		{ "output_equals", "stderr", "err", "stderr_equals" },
		{ "stdout_equals", "", "out", "stdout_equals" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct assertion_result	r;

		r = check(cases[i].type, cases[i].target, sv_from(cases[i].text), "", &f);
		assert_true(r.passed);
		assert_string_equal(r.name, cases[i].name);
		result_free(&r);
	}
	assert_int_equal(assertion_targets((struct svs){ v, 4 }), 0);
	assert_int_equal(assertion_targets((struct svs){ v, 8 }), 1u << ASSERTION_STDERR);
	assert_int_equal(assertion_targets((struct svs){ v, 16 }), 1u << ASSERTION_STDERR |
	    1u << ASSERTION_STDOUT | 1u << ASSERTION_OUTPUT);
}

/* Every type that the client and the supervisor let through is known here. */
static void
all_types_are_known(void **state)
{
	struct assertion_facts	f = { .text = { SV_LIT("0"), SV_LIT("0"), SV_LIT("0") } };

	(void)state;
	for (size_t i = 0; spec_expect_types[i] != NULL; i++) {
		struct assertion_result	r = check(spec_expect_types[i], "", SV_LIT("0"), "", &f);

		assert_null(strstr(r.message, "not known"));
		result_free(&r);
	}
}

/* ---- messages ---- */

static void
messages(void **state)
{
	char			 big[5000];
	struct assertion_facts	 f = { .text = { { big, sizeof big } }, .truncated = true };
	struct assertion_result	 r;

	(void)state;
	memset(big, 'x', sizeof big);
	memcpy(big, "first\0\x01\t", 8);
	memcpy(big + sizeof big - 4, "last", 4);
	r = check("output_contains", "", SV_LIT("y\n\"\\"), "", &f);
	assert_part("escapes", r.message, "\"y\\n\"\\\\\"");
	assert_part("both ends", r.message, "first\\x00\\x01\\t");
	assert_part("both ends", r.message, "last\"");
	assert_part("a cut", r.message, "[... 4800 bytes ...]");
	assert_part("truncation", r.message, "not kept");
	assert_true(strlen(r.message) < 600);
	result_free(&r);

	r = check("output_contains", "", SV_LIT("y"), "say y!", &f);
	assert_string_equal(r.message, "say y!");
	result_free(&r);
	r = check("output_contains", "", SV_LIT("x"), "say x!", &f);
	assert_part("passed", r.message, "contains");
	result_free(&r);
}

/* What is shown of a text is valid UTF-8, cut between characters. */
static void
shown_text(void **state)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "plain", "plain" }, { "\xc3\xa4", "\xc3\xa4" }, { "\xc3", "\\xc3" },
		{ "\xc0\x80", "\\xc0\\x80" }, { "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" }, { "\xc2\x85", "\\xc2\\x85" },
		{ "\x7f\x1b[m", "\\x7f\\x1b[m" }, { "a\\n", "a\\\\n" },
	};
	struct strbuf	t;
	char		umlauts[1001] = "";
	bool		ascii;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		t = (struct strbuf){ NULL, 0, 0 };
		strbuf_add_escaped(&t, sv_from(cases[i].in), 100);
		assert_string_equal(t.p, cases[i].out);
		free(t.p);
	}
	for (int shift = 0; shift < 2; shift++) {
		umlauts[0] = 'x';
		for (size_t i = (size_t)shift; i + 1 < sizeof umlauts - 1; i += 2)
			memcpy(umlauts + i, "\xc3\xa4", 2);
		t = (struct strbuf){ NULL, 0, 0 };
		strbuf_add_escaped(&t, (struct sv){ umlauts, 999 - (size_t)(1 - shift) }, 200);
		assert_true(strbuf_is_utf8((struct sv){ t.p, t.n }, &ascii));
		assert_null(strstr(t.p, "\\x"));
		free(t.p);
	}
}

/* ---- no_errors ---- */

static const struct {
	const char	*text, *rules;
	bool		 passed;
	const char	*message;
} errors[] = {
	{ "", "", true, "shows no errors" },
	{ "all fine\n", "", true, "" },
	{ "all fine\n", "true", true, "" },
	{ "ok\nError: no such file\nok\n", "", false, "in line 2: \"Error: no such file\"" },
	{ "ERROR\n", "", false, "" },
	{ "3 errors\n", "", false, "" },
	{ "10 errors, 0 warnings\n", "", false, "" },
	{ "0 errors\n", "", true, "" },
	{ "no errors found\n", "", true, "" },
	{ "without any errors\n", "", true, "" },
	{ "errors: 0\n", "", true, "" },
	{ "Errors = 0, failures = 0\n", "", true, "" },
	{ "error: 0\n", "", true, "" },
	{ "error: 01\n", "", false, "" },
	{ "error: 0.5\n", "", false, "" },
	{ "error: 0x80070005\n", "", false, "" },
	{ "errors: 0 warnings: 2\n", "", true, "" },
	{ "errors: none\nerror: no.\n", "", true, "" },
	{ "error: none of them fits\n", "", false, "" },
	{ "error: 10\n", "", false, "" },
	{ "0 errors, but a fatal one\n", "", false, "" },
	{ "errors: 0; exception thrown\n", "", false, "" },
	{ "no\nerrors\n", "", false, "in line 2" },
	{ "terror in errorland, error_count\n", "", true, "" },
	{ "Unhandled Exception\n", "", false, "" },
	{ "panic: runtime\n", "", false, "" },
	{ "thread main panicked at\n", "", false, "" },
	{ "Traceback (most recent call last):\n", "", false, "" },
	{ "Segmentation fault (core dumped)\n", "", false, "" },
	{ "fatal: not a git repository\n", "", false, "" },
	{ "error one\nerror two\n", "-one", false, "in line 2: \"error two\"" },
	{ "error one\nerror two\n", "-one\n-/TWO/i", true, "" },
	{ "error one\n", "-^error one$", true, "" },
	{ "the end\nwarning: x\n", "+^warning", false, "in line 2: \"warning: x\"" },
	{ "warning: known\nwarning: new\n", "+warning\n-known", false, "\"warning: new\"" },
	{ "x\n", "warning", false, "neither +PATTERN nor -PATTERN" },
	{ "x\n", "+(", false, "cannot be used" },
	{ "x\n", "-[", false, "cannot be used" },
	{ "a\n\nb\n", "+^$\n-a", false, "in line 2: \"\"" },
	{ "bad \xff\xfe error\n", "", false, "\"bad \\xff\\xfe error\"" },
};

static void
no_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		struct assertion_facts	f = { .text = { sv_from(errors[i].text) } };
		struct assertion_result	r;

		r = check("no_errors", "", sv_from(errors[i].rules), "", &f);
		if (r.passed != errors[i].passed)
			fail_msg("%zu, \"%s\" with \"%s\": %s", i, errors[i].text,
			    errors[i].rules, r.message);
		assert_part(errors[i].text, r.message, errors[i].message);
		assert_string_equal(r.name, "no_errors");
		result_free(&r);
	}
}

/* ---- what would take for ever ---- */

static void
patterns_cannot_hang(void **state)
{
	static const char *const patterns[] = {
		"/^(a+)+$/", "/^(a|aa)+$/", "/([^c]*c){2}/", "/\\A(?s)(?:.[^c]*+c|.)*$/",
		"/(a?){2000}a{2000}$/", "/(.*)(.*)(.*)(.*)(.*)c/", "/(?R)?c/", "/(a*)*\\1c/",
		"/a{65535}c|(?:(?:a{60}){60}){60}c/",
	};
	size_t			 n = 1 << 20;
	char			*text = xcalloc(n + 1, 1);
	struct assertion_facts	 f = { .text = { { text, n } } };
	struct assertion_result	 r;

	(void)state;
	memset(text, 'a', n);
	text[n - 1] = 'b';
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
		uint64_t	begun = now_us();

		r = check("output_matches", "", sv_from(patterns[i]), "", &f);
		assert_false(r.passed);
		/* a second of its own, and room for a busy machine */
		if (now_us() - begun > 8000000)
			fail_msg("%s: %llu us", patterns[i],
			    (unsigned long long)(now_us() - begun));
		if (i == 0)
			assert_part(patterns[i], r.message, "gave up");
		result_free(&r);
		r = check("no_errors", "", SV_LIT(""), "", &f);
		assert_true(r.passed);
		result_free(&r);
	}
	/* not even a line at a time */
	for (size_t i = 0; i < n; i += 64)
		memcpy(text + i, "error\n", 6);
	r = check("no_errors", "", SV_LIT("-/^(.+)+x(a|aa)+$/\n-/^(e|er|r|o)+a/"), "", &f);
	assert_false(r.passed);
	result_free(&r);
	r = check("no_errors", "", SV_LIT("-error"), "", &f);
	assert_true(r.passed);
	result_free(&r);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(exit_codes),
		cmocka_unit_test(signals_that_are_expected),
		cmocka_unit_test(texts_and_patterns),
		cmocka_unit_test(targets),
		cmocka_unit_test(all_types_are_known),
		cmocka_unit_test(messages),
		cmocka_unit_test(shown_text),
		cmocka_unit_test(no_errors),
		cmocka_unit_test(patterns_cannot_hang),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
