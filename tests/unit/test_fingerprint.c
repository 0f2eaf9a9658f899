/* Unit tests of worker/fingerprint.c and normal.c: which failures are the same. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/fingerprint.h"
#include "worker/normal.h"
#include "worker/strbuf.h"

static void
a_text_is_made_equal(void **state)
{
	static const struct {
		const char	*text, *normal;
	} cases[] = {
		{ "", "" },
		{ "plain words stay", "plain words stay" },
		{ "  a \t b\r\n c ", "a b c " },
		/* numbers */
		{ "expected 3, got -17", "expected <n>, got -<n>" },
		{ "0.25 1e-05 1,234,567 1.2.3 10.0.0.1:8080", "<n> <n> <n> <n> <n>" },
		{ "foo.c:12:7: wrong", "foo.c:<n>: wrong" },
		{ "test17 x86_64 v1.2.3 utf8", "test<n> x<n>_<n> v<n> utf<n>" },
		{ "[12345] pid=99", "[<n>] pid=<n>" },
		{ "3rd of 12KiB, 5%", "<n>rd of <n>KiB, <n>%" },
		{ "line 3.", "line <n>." },
		/* how a program ended */
		{ "exit code 3, expected 0", "exit code 3, expected <n>" },
		{ "killed by signal 34", "killed by signal 34" },
		/* times */
		{ "timed out after 30 s", "timed out after <time>" },
		{ "in 1.5s, 12ms, 2m05s, 1h, 3 minutes",
		  "in <time>, <time>, <time>, <time>, <time>" },
		{ "7\302\265s 8 us", "<time> <time>" },
		{ "5 solid 6m_x", "<n> solid <n>m_x" },
		{ "2026-11-24T17:53:38.123Z ok", "<n> ok" },
		{ "2026-11-24 17:53:38,123 ok", "<n> <n> ok" },
		{ "Tue Nov 24 17:53:38 UTC 2026", "<time> <time> <n> <n> UTC <n>" },
		{ "24/Nov/2026:17:53", "<n>/<time>/<n>" },
		{ "Sun is up. May I? Decide", "Sun is up. <time> I? Decide" },
		/* addresses and ids */
		{ "at 0x7ffe12ab and 0X1", "at <hex> and <hex>" },
		{ "0xyz", "<n>xyz" },
		{ "commit a1b2c3d4 deadbeef 1234567", "commit <hex> deadbeef <n>" },
		{ "id 123e4567-e89b-12d3-a456-426614174000.", "id <uuid>." },
		{ "obj_00ff00ff00_x", "obj_<n>ff<n>ff<n>_x" },
		/* paths */
		{ "/usr/lib/libc.so.6: bad", "libc.so.<n>: bad" },
		{ "open(/home/me/work/data.txt)", "open(data.txt)" },
		{ "./run.sh ../up/x.c ~/y", "run.sh x.c y" },
		{ "--file=/a/b and -I/usr/include", "--file=b and -I/usr/include" },
		{ "in /var/log/.", "in log." },
		{ "src/foo.c and/or", "src/foo.c and/or" },
		{ "http://host:80/a/b", "http://host:<n>/a/b" },
		{ "a / b /", "a / b /" },
		{ "/tmp/xyz.AbC123: gone", "<tmp>: gone" },
		{ "/tmp/pytest-of-me/pytest-3/out.txt", "<tmp>/out.txt" },
		{ "/run/user/1000/s/sock", "<tmp>/sock" },
		{ "/var/tmp/a/", "<tmp>" },
		{ "/tmp", "tmp" },
		{ "/work/out.Xy12Zq", "out.<id>" },
		{ "/work/cache-k3j9x2", "cache-<id>" },
		{ "/work/my-Config.cmake /w/a.toString", "my-Config.cmake a.<id>" },
		{ "/work/test_12.log", "test_<n>.log" },
		/* names */
		{ "FAIL: db/insert 3 (db/insert 30)", "FAIL: <test> (db/insert <n>)" },
		{ "prog: my_prog prog2 /opt/prog", "<program>: my_prog prog<n> <program>" },
		/* what cannot be shown */
		{ "\033[1;31mred\033[0m \033x", "red x" },
		{ "a\001b\177c\377d", "a?b?c?d" },
		{ "\302\200 \342\200\256x\342\200\213 \342\200\250", "? ?x? ?" },
		{ "gr\303\274n \342\202\254 5", "gr\303\274n \342\202\254 <n>" },
		/* as our own messages quote */
		{ "is \"a\\n/tmp/x/y\\t7\"", "is \"a <tmp>/y <n>\"" },
		{ "is \"one tw[... 123 bytes ...]ree four\"", "is \"one [...] four\"" },
		{ "is \"one [... 7", "is \"one [... <n>" },
	};
	static const struct normal_name	names[] = {
		{ { "db/insert 3", 11 }, "<test>" }, { { "prog", 4 }, "<program>" },
		{ { "x", 1 }, "<one>" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct strbuf	t = { NULL, 0, 0 };

		normal_add(&t, sv_from(cases[i].text), names, 3);
		if ((t.p == NULL && *cases[i].normal != '\0') ||
		    (t.p != NULL && (t.p[t.n] = '\0', strcmp(t.p, cases[i].normal) != 0)))
			fail_msg("\"%s\" is \"%s\", not \"%s\"", cases[i].text,
			    t.p != NULL ? t.p : "", cases[i].normal);
		free(t.p);
	}
}

/* ---- fingerprints ---- */

static struct fingerprint
of(const char *message, const char *out, const char *err)
{
	struct fingerprint_facts	f = { .outcome = OUTCOME_FAIL,
					    .category = CATEGORY_ASSERTION,
					    .message = sv_from(message),
					    .tails = { sv_from(out), sv_from(err) },
					    .test = SV_LIT("a test"), .program = SV_LIT("prog") };
	struct fingerprint		fp;

	fingerprint(&f, &fp);
	assert_true(fp.value != 0);
	assert_null(strpbrk(fp.text, "\n\r\t\033"));
	return fp;
}

/* Forty tests that a database is missing for, each in words of its own. */
static void
forty_equal_failures(void **state)
{
	uint64_t	first = 0;
	char		out[1024], err[1024], test[64], program[64];

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		struct fingerprint_facts	f = { .outcome = OUTCOME_FAIL,
						    .category = CATEGORY_ASSERTION,
						    .message = SV_LIT("exit code 1, expected 0") };
		struct fingerprint		fp;

		(void)snprintf(test, sizeof test, "suite/%c case %u", (int)('a' + i % 26), i * i);
		(void)snprintf(program, sizeof program, "check_%c%u", (int)('z' - i % 26), i);
		(void)snprintf(out, sizeof out, "%s 2026-11-%02u 17:%02u:59 INFO [%u] starting %s\n"
		    "loaded /tmp/%s.%cbC%03u/conf.ini in %u.%02u s\n\n", i % 3 == 0 ? "Mon" : "Sun",
		    i % 30 + 1, i % 60, 1000 + i * 7919, test, program, (int)('A' + i % 26), i,
		    i, i);
		(void)snprintf(err, sizeof err, "/build/%u/bin/%s: connect to 10.0.%u.%u:%u from "
		    "0x7f%08x: Connection refused after %u ms (%08x-1234-4abc-8def-%012x)\n", i,
		    program, i, 255 - i, 30000 + i * 37, i * 0x01010101u, i * i, i * 77777u, i);
		f.test = sv_from(test);
		f.program = sv_from(program);
		f.tails[0] = sv_from(out);
		f.tails[1] = sv_from(err);
		fingerprint(&f, &fp);
		assert_true(fp.resource_like);
		if (i == 0)
			first = fp.value;
		else if (fp.value != first)
			fail_msg("%u: %s", i, fp.text);
	}
}

static void
different_failures_stay_apart(void **state)
{
	static const char *const	messages[] = {
		"exit code 1, expected 0", "exit code 2, expected 0",
		"exit code 1, expected 0 (and 2 more)",
		"killed by SIGSEGV", "killed by SIGABRT", "killed by signal 34",
		"killed by signal 35",
		"stdout is \"\", expected \"hello\"", "stdout is \"\", expected \"world\"",
		"stderr is \"\", expected \"hello\"",
		"cannot start /opt/a/server: No such file or directory",
		"cannot start /opt/a/client: No such file or directory",
		"cannot start /opt/a/client: Permission denied",
		"AssertionError: users is not empty", "AssertionError: users is empty",
		"test.c:12: assertion 'a == b' failed", "test.c:12: assertion 'a == c' failed",
		"read/write failed", "open/write failed",
	};
	size_t			n = sizeof messages / sizeof messages[0];
	struct fingerprint	a, b;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		a = of(messages[i], "", "");
		for (size_t k = 0; k < i; k++) {
			b = of(messages[k], "", "");
			if (a.value == b.value)
				fail_msg("\"%s\" and \"%s\" are one", messages[i], messages[k]);
		}
		/* The output tells them apart too. */
		assert_int_not_equal(of("exit code 9", messages[i], "").value,
		    of("exit code 9", messages[(i + 3) % n], "").value);
		assert_int_not_equal(of("exit code 9", "", messages[i]).value,
		    of("exit code 9", "", messages[(i + 3) % n]).value);
	}
}

/* The text made of what a command printed on stderr. */
static struct fingerprint
of_command(const char *const argv[], const char *err)
{
	struct sv			v[4];
	struct fingerprint_facts	f = { .outcome = OUTCOME_FAIL,
					    .category = CATEGORY_ASSERTION,
					    .message = SV_LIT("exit code 1, expected 0"),
					    .tails[1] = sv_from(err),
					    .test = SV_LIT("a test"), .command = { v, 0 } };
	struct fingerprint		fp;

	while (argv[f.command.n] != NULL) {
		v[f.command.n] = sv_from(argv[f.command.n]);
		f.command.n++;
	}
	f.program = v[0];
	fingerprint(&f, &fp);
	return fp;
}

#define COMMAND(err, ...)	of_command((const char *const[]){ __VA_ARGS__, NULL }, err)

/* A module is missing: each test says so in its own file's name. */
static void
what_the_command_names_does_not_count(void **state)
{
	uint64_t	first = 0;
	char		path[64], line[160], err[512];

	(void)state;
	for (unsigned i = 0; i < 51; i++) {
		struct fingerprint	fp;

		(void)snprintf(path, sizeof path, "%s/%02u%c%csanity.t", i % 2 ? "t" : "xt/more", i,
		    (int)('a' + i % 26), (int)('z' - i % 7));
		(void)snprintf(line, sizeof line,
		    i % 3 ? "cd /src/x; exec perl -w \"%s\" 2>/dev/null" : "T=./%s; perl $T", path);
		(void)snprintf(err, sizeof err, "Can't locate Foo/Bar.pm in @INC (you may need to "
		    "install the Foo::Bar module) at %s line 12.\nBEGIN failed--compilation "
		    "aborted at /src/x/%s line %u.\nDubious: %s\n", path, path, i,
		    strrchr(path, '/') + 1);
		fp = i % 5 == 0 ? COMMAND(err, "sh", "-c", line) :
		    COMMAND(err, "perl", "-Ilib", path);
		if (i == 0)
			first = fp.value;
		else if (fp.value != first)
			fail_msg("%u: %s", i, fp.text);
	}
	assert_string_equal(COMMAND("FAILED a/test_b.py::test_c at a/test_b.py:7 (test_b.py)",
	    "pytest", "a/test_b.py::test_c").text,
	    "exit code 1, expected <n> | FAILED <test> at <test>:<n> (<test>)");
}

/* Words that a command only says are no names of its files. */
static void
what_the_command_says_counts(void **state)
{
	static const struct {
		const char	*line, *err, *normal;
	} cases[] = {
		{ "echo 'it is bad.'; exit 1", "it is bad.", "it is bad." },
		{ "echo 'it is good.'; exit 1", "it is good.", "it is good." },
		{ "t/a.t", "users is empty", "users is empty" },
		{ "t/b.t", "users is not empty", "users is not empty" },
		{ "sleep 0.5; v1 a.b", "took 0.5 s of v1 in a.b", "took <time> of v<n> in <test>" },
		{ "x >/dev/null 2>&1", "null pointer", "null pointer" },
		{ "cc -Iinc/all -o ./x.y", "-Iinc/all: all of ./x.y", "-Iinc/all: all of <test>" },
		{ "./a .. ... / /. ./ 1/2 y/z", "a .. ... / 1/2 y/z z", "a .. ... / <n> <test> z" },
		{ "db/one.sql db/one.sql.gz", "db/one.sql.gz one.sql.gz two.sql",
		  "<test> <test> two.sql" },
		{ "", "nothing", "nothing" },
	};
	char	many[1024] = "", want[256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		(void)snprintf(want, sizeof want, "exit code 1, expected <n> | %s",
		    cases[i].normal);
		assert_string_equal(COMMAND(cases[i].err, "sh", "-c", cases[i].line).text, want);
	}
	/* Only the first of very many. */
	for (char c = 'a'; c <= 'z'; c++)
		(void)snprintf(many + strlen(many), sizeof many - strlen(many), "x/a%c.t x/b%c.t ",
		    c, c);
	assert_string_equal(COMMAND("x/aa.t x/bz.t", "sh", "-c", many).text,
	    "exit code 1, expected <n> | <test> x/bz.t");
}

static void
outcome_and_category_count(void **state)
{
	struct fingerprint_facts	f = { .outcome = OUTCOME_FAIL,
					    .category = CATEGORY_ASSERTION,
					    .message = SV_LIT("x") };
	struct fingerprint		a, b, c;

	(void)state;
	fingerprint(&f, &a);
	f.category = CATEGORY_SETUP;
	fingerprint(&f, &b);
	f.outcome = OUTCOME_CRASH;
	fingerprint(&f, &c);
	assert_true(a.value != b.value && b.value != c.value && a.value != c.value);
}

static void
only_the_last_lines_count(void **state)
{
	struct fingerprint	a = of("m", "one\ntwo\n\n \nthree\nfour", ""), b;

	(void)state;
	assert_string_equal(a.text, "m | two | three | four");
	assert_int_equal(a.value, of("m", "another\ntwo\nthree\nfour\n\n", "").value);
	assert_int_not_equal(a.value, of("m", "one\nTWO\nthree\nfour", "").value);
	/* Which of the streams came first is chance. */
	b = of("m", "o1\n", "e1\n");
	assert_string_equal(b.text, "m | o<n> | e<n>");
	/* What a progress line showed before is gone. */
	assert_string_equal(of("m", "x\r10 %\rdone", "").text, "m | x | <n> % | done");
	assert_string_equal(of("m", "\033[0m\n", "").text, "m");
	assert_string_equal(of("", "", "").text, "fail");
}

/* One line of 200 bytes at most, and whole characters. */
static void
the_text_is_short(void **state)
{
	char			message[1000];
	struct fingerprint	fp;
	bool			ascii;

	(void)state;
	for (size_t n = 190; n < 210; n++) {
		memset(message, 'a', n);
		message[n] = '\0';
		fp = of(message, "", "");
		assert_int_equal(strlen(fp.text), n <= FINGERPRINT_TEXT ? n : FINGERPRINT_TEXT);
	}
	for (size_t shift = 0; shift < 3; shift++) {
		memset(message, 'a', shift);
		for (size_t i = shift; i + 3 < sizeof message; i += 3)
			memcpy(message + i, "\342\202\254", 4);
		fp = of(message, "", "");
		assert_in_range(strlen(fp.text), FINGERPRINT_TEXT - 3, FINGERPRINT_TEXT);
		assert_true(strbuf_is_utf8(sv_from(fp.text), &ascii));
		assert_non_null(strstr(fp.text, " ..."));
	}
}

static void
resources_are_known(void **state)
{
	static const char *const	yes[] = {
		"bind: Address already in use", "EADDRINUSE", "connect ECONNREFUSED 127.0.0.1",
		"Connection refused", "read: Connection reset by peer", "ECONNRESET", "EAGAIN",
		"fork: Resource temporarily unavailable", "ETXTBSY", "Text file busy", "ENOSPC",
		"No space left on device", "sqlite3.OperationalError: database is locked",
		"Too many open files", "EMFILE",
	};
	static const char *const	no[] = {
		"", "assertion failed", "No such file or directory", "connection closed",
		"the database is open", "Permission denied",
	};
	struct fingerprint_facts	f = { .outcome = OUTCOME_TIMEOUT };
	struct fingerprint		fp;

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
		assert_true(of(yes[i], "", "").resource_like);
		assert_true(of("exit code 1", yes[i], "").resource_like);
		assert_true(of("exit code 1", "", yes[i]).resource_like);
	}
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		assert_false(of(no[i], no[i], no[i]).resource_like);
	fingerprint(&f, &fp);
	assert_true(fp.resource_like);
	f.outcome = OUTCOME_OOM;
	fingerprint(&f, &fp);
	assert_true(fp.resource_like);
	f.outcome = OUTCOME_CRASH;
	fingerprint(&f, &fp);
	assert_false(fp.resource_like);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_is_made_equal),
		cmocka_unit_test(forty_equal_failures),
		cmocka_unit_test(different_failures_stay_apart),
		cmocka_unit_test(what_the_command_names_does_not_count),
		cmocka_unit_test(what_the_command_says_counts),
		cmocka_unit_test(outcome_and_category_count),
		cmocka_unit_test(only_the_last_lines_count),
		cmocka_unit_test(the_text_is_short),
		cmocka_unit_test(resources_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
