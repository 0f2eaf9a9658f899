/* Unit tests of common/isolation.c: requests for isolation, read, written and joined. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "common/isolation.h"

static void
requests_are_read(void **state)
{
	static const struct {
		const char		*text, *written;	/* NULL: no request */
		struct isolation_want	 w;
	} cases[] = {
		{ "auto", "auto", { ISOLATION_AUTO, NETWORK_UNSAID, false } },
		{ "process", "process", { ISOLATION_PROCESS, NETWORK_UNSAID, false } },
		{ "pid", "pid", { ISOLATION_PID, NETWORK_UNSAID, false } },
		{ "cgroup", "cgroup", { ISOLATION_CGROUP, NETWORK_UNSAID, false } },
		{ "sandbox", "sandbox", { ISOLATION_SANDBOX, NETWORK_UNSAID, false } },
		{ "sandbox,network=loopback", "sandbox,network=loopback",
		    { ISOLATION_SANDBOX, NETWORK_LOOPBACK, false } },
		{ "sandbox,read-only,network=none", "sandbox,network=none,read-only",
		    { ISOLATION_SANDBOX, NETWORK_NONE, true } },
		{ "network=host", "sandbox,network=host",
		    { ISOLATION_SANDBOX, NETWORK_HOST, false } },
		{ "read-only", "sandbox,read-only", { ISOLATION_SANDBOX, NETWORK_UNSAID, true } },
		{ .text = "" }, { .text = "," }, { .text = "pid," }, { .text = "pid,sandbox" },
		{ .text = "Pid" }, { .text = "sandbox,network=" }, { .text = "network" },
		{ .text = "sandbox,network=none,network=host" }, { .text = "pid,read-only" },
		{ .text = "auto,read-only" }, { .text = "read-only,pid" },
		{ .text = "sandbox,read-only,read-only" }, { .text = " pid" },
	};
	char			why[ISOLATION_WHY], text[ISOLATION_TEXT];
	struct isolation_want	w, back;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int	r = isolation_parse(sv_from(cases[i].text), &w, why);

		if ((r == 0) != (cases[i].written != NULL))
			fail_msg("'%s': %d", cases[i].text, r);
		if (r != 0) {
			assert_true(strlen(why) > 0);
			assert_null(strchr(why, '\n'));
			continue;
		}
		assert_true(isolation_equal(&w, &cases[i].w));
		assert_string_equal(isolation_format(&w, text), cases[i].written);
		back = isolation_unpack(isolation_pack(&w));
		assert_true(isolation_equal(&w, &back));
	}
}

static void
what_is_wrong_is_said(void **state)
{
	static const struct {
		const char	*text, *why;
	} cases[] = {
		{ "pit", "'pit' is no level of isolation: did you mean 'pid'?" },
		{ "pid,network=none", "pid has neither: write sandbox,network=none" },
		{ "sandbox,network=lan", "'network=lan' is no level" },
	};
	char			why[ISOLATION_WHY];
	struct isolation_want	w;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(isolation_parse(sv_from(cases[i].text), &w, why), -EINVAL);
		if (strstr(why, cases[i].why) == NULL)
			fail_msg("%s", why);
	}
}

static void
two_requests_are_served_by_one(void **state)
{
	static const struct {
		const char	*a, *b, *both;	/* NULL: nothing serves both */
	} cases[] = {
		{ "auto", "auto", "auto" },
		{ "auto", "process", "process" },
		{ "pid", "process", "pid" },
		{ "pid", "sandbox,read-only", "sandbox,read-only" },
		{ "sandbox,network=none", "pid", "sandbox,network=none" },
		{ "sandbox,network=none", "read-only", "sandbox,network=none,read-only" },
		{ "network=none", "network=none", "sandbox,network=none" },
		{ "network=none", "network=host", NULL },
		{ "network=none", "network=loopback", NULL },
	};
	struct isolation_want	w[2];
	char			why[ISOLATION_WHY], text[ISOLATION_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (int first = 0; first < 2; first++) {
			assert_int_equal(isolation_parse(sv_from(cases[i].a), &w[first], why), 0);
			assert_int_equal(isolation_parse(sv_from(cases[i].b), &w[!first], why), 0);
			if (isolation_join(&w[0], &w[1]) != 0)
				assert_null(cases[i].both);
			else
				assert_string_equal(isolation_format(&w[0], text), cases[i].both);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_read),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(two_requests_are_served_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
