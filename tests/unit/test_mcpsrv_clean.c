/* Text on its way into a prompt: what is taken out, what is hidden, where it is cut. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "mcpsrv/clean.h"
#include "mcpsrv/secrets.h"

static void
assert_clean(const char *in, const char *out)
{
	struct text	t = { 0 };

	clean_text(&t, in, strlen(in));
	assert_string_equal(t.p, out);
	assert_int_equal(t.n, strlen(out));
	text_free(&t);
}

static void
sequences_and_controls_are_gone(void **state)
{
	(void)state;
	assert_clean("", "");
	assert_clean("a\tb\nc", "a\tb\nc");
	assert_clean("\x1b[1;31mred\x1b[0m", "red");
	assert_clean("\x1b]0;title\aafter", "after");
	assert_clean("\x1b]8;;http://x/\x1b\\link\x1b]8;;\x1b\\", "link");
	assert_clean("\x1bP1$r\x1b\\x\x1b(By\x1b=z", "xyz");
	assert_clean("\xc2\x9b" "31mx\xc2\x85y", "xy");
	assert_clean("a\x01\x02\x7f\bb\x1b", "ab");
	/* One without an end takes nothing else with it. */
	assert_clean("\x1b]0;never ends\nnext", "0;never ends\nnext");
	assert_clean("\x1b[31", "");
}

static void
what_is_not_seen_is_gone(void **state)
{
	(void)state;
	assert_clean("a\xe2\x80\xae" "b\xe2\x80\x8b" "c\xe2\x81\xa6" "d\xef\xbb\xbf" "e", "abcde");
	/* ASCII that is not shown: U+E0041. */
	assert_clean("x\xf3\xa0\x81\x81y", "xy");
	assert_clean("a\xe2\x80\xa8" "b", "a\nb");
	assert_clean("caf\xc3\xa9 \xe4\xb8\xad", "caf\xc3\xa9 \xe4\xb8\xad");
	assert_clean("bad\xff\xc3(", "bad\xef\xbf\xbd\xef\xbf\xbd(");
}

static void
of_a_line_written_over_the_last_stays(void **state)
{
	(void)state;
	assert_clean("one\r\ntwo\r\n", "one\ntwo\n");
	assert_clean("first\n10%\r50%\r100%\ndone", "first\n100%\ndone");
	assert_clean("kept\r", "kept");
}

static void
a_line_is_one_line_and_ends_with_a_character(void **state)
{
	struct text	t = { 0 };

	(void)state;
	clean_line(&t, NULL, "  a \n\t b  ", 10, 100);
	assert_string_equal(t.p, "a b");
	text_clear(&t);
	clean_line(&t, NULL, "12345678\xc3\xa9\xc3\xa9", 12, 12);
	assert_string_equal(t.p, "12345678\xc3\xa9\xc3\xa9");
	text_clear(&t);
	clean_line(&t, NULL, "12345678\xc3\xa9\xc3\xa9", 12, 11);
	assert_string_equal(t.p, "12345678...");
	text_clear(&t);
	clean_line(&t, NULL, "123456\xc3\xa9\xc3\xa9\xc3\xa9", 12, 10);
	assert_string_equal(t.p, "123456...");
	text_free(&t);
}

static void
output_is_cut_from_the_front(void **state)
{
	struct text	t = { 0 };

	(void)state;
	assert_int_equal(clean_tail(&t, NULL, "a\nb\n", 4, 4, 20, 100), 0);
	assert_string_equal(t.p, "a\nb\n");
	text_clear(&t);
	assert_int_equal(clean_tail(&t, NULL, "a\nb\nc\n", 6, 106, 2, 100), 102);
	assert_string_equal(t.p, "[... 102 bytes before this]\nb\nc\n");
	text_clear(&t);
	assert_int_equal(clean_tail(&t, NULL, "0123\xc3\xa9" "67", 8, 8, 5, 3), 6);
	assert_string_equal(t.p, "[... 6 bytes before this]\n67");
	text_clear(&t);
	assert_int_equal(clean_tail(&t, NULL, "abc", 3, 3, 0, 100), 3);
	assert_int_equal(t.n, 0);
	text_free(&t);
}

static void
names_that_look_secret(void **state)
{
	static const char *const	yes[] = { "GITHUB_TOKEN", "aws_secret_access_key",
	    "DB_PASSWORD", "OPENAI_API_KEY", "SESSION_COOKIE" };
	static const char *const	no[] = { "PATH", "HOME", "SSH_AUTH_SOCK", "AUTHOR",
	    "KEYBOARD" };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_true(secrets_is_name(yes[i], strlen(yes[i])));
		assert_false(secrets_is_name(no[i], strlen(no[i])));
	}
}

static void
secret_values_are_hidden(void **state)
{
	struct secrets	*s = xcalloc(1, sizeof *s);
	struct text	 t = { 0 };
	char		 more[64];

	(void)state;
	secrets_add(s, "MY_TOKEN=hunter22");
	secrets_add(s, "SHORT_TOKEN=abc");
	secrets_add(s, "PLAIN=not-secret");
	secrets_add(s, "NO_VALUE_TOKEN");
	assert_int_equal(s->n, 1);
	(void)clean_tail(&t, s, "is hunter22, hunter22! abc not-secret", 37, 37, 9, 999);
	assert_string_equal(t.p, "is [MY_TOKEN is hidden], [MY_TOKEN is hidden]! abc not-secret");
	text_free(&t);
	/* Hidden before a line is cut: no half of one is left. */
	clean_line(&t, s, "is hunter22, hunter22! abc", 26, 16);
	assert_string_equal(t.p, "is [MY_TOKEN ...");
	text_free(&t);
	/* Bounded: the oldest is forgotten, and none of the newer. */
	for (int i = 0; i < SECRETS_MAX; i++) {
		(void)snprintf(more, sizeof more, "A_TOKEN=value-%d", i);
		secrets_add(s, more);
	}
	assert_int_equal(s->n, SECRETS_MAX);
	text_puts(&t, "hunter22 value-255");
	secrets_hide(s, &t);
	assert_string_equal(t.p, "hunter22 [A_TOKEN is hidden]");
	text_free(&t);
	secrets_free(s);
	free(s);
}

/* Wherever a text is cut, no part of a value shows. */
static void
a_part_has_no_part_of_a_secret(void **state)
{
	static const char	all[] = "a:hunter22hunter22:hunter2200:z";
	static const struct { size_t from, n; const char *part; } parts[] = {
		{ 0, 2, "a:" }, { 0, 3, "a:[T is hidden]" }, { 9, 1, "[T is hidden]" },
		{ 9, 2, "[T is hidden][T is hidden]" }, { 18, 1, ":" },
		{ 17, 3, "[T is hidden]:[LONG_TOKEN is hidden]" },
		{ 27, 4, "[LONG_TOKEN is hidden]:z" },
		{ 28, 3, "[LONG_TOKEN is hidden]:z" }, { 29, 2, ":z" }, { 5, 0, "" } };
	struct secrets		*s = xcalloc(1, sizeof *s);
	struct text		 t = { 0 };

	(void)state;
	assert_int_equal(secrets_longest(s), 0);
	text_puts(&t, all);
	secrets_cut(s, &t, 2, 6);
	assert_string_equal(t.p, "hunter");
	secrets_add(s, "TOKEN=hunter22");
	secrets_add(s, "LONG_TOKEN=hunter2200");
	s->v[0].name[1] = '\0';
	assert_int_equal(secrets_longest(s), 10);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		text_clear(&t);
		text_puts(&t, all);
		secrets_cut(s, &t, parts[i].from, parts[i].n);
		assert_string_equal(t.p, parts[i].part);
		assert_int_equal(t.n, strlen(parts[i].part));
	}
	text_free(&t);
	secrets_free(s);
	free(s);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(sequences_and_controls_are_gone),
		cmocka_unit_test(what_is_not_seen_is_gone),
		cmocka_unit_test(of_a_line_written_over_the_last_stays),
		cmocka_unit_test(a_line_is_one_line_and_ends_with_a_character),
		cmocka_unit_test(output_is_cut_from_the_front),
		cmocka_unit_test(names_that_look_secret),
		cmocka_unit_test(secret_values_are_hidden),
		cmocka_unit_test(a_part_has_no_part_of_a_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
