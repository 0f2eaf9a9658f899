/* Unit tests of supervisor/config.c: the settings and their syntax. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pwd.h>
#include <grp.h>

#include "supervisor/config.h"

/* What asks the directories of the host, in place of libc's: here it is asked only where it
 * may be, and knows one user and one group that are in no file. */
#define ELSEWHERE	"directory"
static int	asked;

struct passwd *
getpwnam(const char *name)
{
	static struct passwd	pw = { .pw_uid = 70001 };

	asked++;
	return strcmp(name, ELSEWHERE) == 0 ? &pw : NULL;
}

struct group *
getgrnam(const char *name)
{
	static struct group	g = { .gr_gid = 70002 };

	asked++;
	return strcmp(name, ELSEWHERE) == 0 ? &g : NULL;
}

static void
values_are_read(void **state)
{
	static const struct {
		enum config_kind	 kind;
		const char		*text;
		int			 r;
		uint64_t		 v;
	} cases[] = {
		{ CONFIG_COUNT, "0", 0, 0 },
		{ CONFIG_COUNT, "8", 0, 8 },
		{ CONFIG_COUNT, "007", 0, 7 },
		{ CONFIG_COUNT, "8s", -EINVAL, 0 },
		{ CONFIG_COUNT, "8K", -EINVAL, 0 },
		{ CONFIG_COUNT, "", -EINVAL, 0 },
		{ CONFIG_COUNT, "-1", -EINVAL, 0 },
		{ CONFIG_COUNT, "+1", -EINVAL, 0 },
		{ CONFIG_COUNT, " 1", -EINVAL, 0 },
		{ CONFIG_COUNT, "1 ", -EINVAL, 0 },
		{ CONFIG_COUNT, "0x10", -EINVAL, 0 },
		{ CONFIG_COUNT, "99999999999999999999999", -EINVAL, 0 },
		{ CONFIG_ISOLATION, "auto", 0, 0 },
		{ CONFIG_ISOLATION, "process", 0, ISOLATION_PROCESS },
		{ CONFIG_ISOLATION, "sandbox", 0, ISOLATION_SANDBOX },
		{ CONFIG_ISOLATION, "sandbox,read-only", 0, ISOLATION_SANDBOX | 1 << 16 },
		{ CONFIG_ISOLATION, "network=none", 0, ISOLATION_SANDBOX | NETWORK_NONE << 8 },
		{ CONFIG_ISOLATION, "", -EINVAL, 0 },
		{ CONFIG_ISOLATION, "some", -EINVAL, 0 },
		{ CONFIG_DURATION, "500ms", 0, 500 },
		{ CONFIG_DURATION, "30s", 0, 30000 },
		{ CONFIG_DURATION, "2m", 0, 120000 },
		{ CONFIG_DURATION, "1h", 0, 3600000 },
		{ CONFIG_DURATION, "0", 0, 0 },
		{ CONFIG_DURATION, "30", -EINVAL, 0 },	/* of what? */
		{ CONFIG_DURATION, "1d", -EINVAL, 0 },
		{ CONFIG_DURATION, "1.5s", -EINVAL, 0 },
		{ CONFIG_DURATION, "s", -EINVAL, 0 },
		{ CONFIG_DURATION, "1S", -EINVAL, 0 },
		{ CONFIG_DURATION, "900000000000000000h", -EINVAL, 0 },
		{ CONFIG_SIZE, "100", 0, 100 },
		{ CONFIG_SIZE, "64K", 0, 65536 },
		{ CONFIG_SIZE, "8M", 0, 8388608 },
		{ CONFIG_SIZE, "2G", 0, UINT64_C(2) << 30 },
		{ CONFIG_SIZE, "8MB", -EINVAL, 0 },
		{ CONFIG_SIZE, "8m", -EINVAL, 0 },
		{ CONFIG_SIZE, "900000000000000000G", -EINVAL, 0 },
	};
	uint64_t	v;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		v = 0;
		if (config_parse(cases[i].kind, sv_from(cases[i].text), &v) != cases[i].r ||
		    v != cases[i].v)
			fail_msg("'%s': %llu", cases[i].text, (unsigned long long)v);
	}
}

/* What is shown can be set again, and means the same. */
static void
every_setting_is_shown_and_can_be_set(void **state)
{
	struct config	 c, again;
	const char	*key, *text;
	char		 value[CONFIG_VALUE], fallback[CONFIG_VALUE], why[200];
	size_t		 n = 0;

	(void)state;
	config_init(&c);
	again = c;
	for (; config_row(&c, n, &key, &text, value, fallback, sizeof value) == 0; n++) {
		assert_string_equal(value, fallback);
		assert_true(text[0] != '\0');
		if (config_set(&again, sv_from(key), sv_from(value), why, sizeof why) != 0)
			fail_msg("%s = %s: %s", key, value, why);
	}
	assert_int_equal(n, offsetof(struct config, weights) / sizeof(uint64_t));
	assert_memory_equal(&c, &again, sizeof c);
}

static void
users_have_weights(void **state)
{
	struct config	 c;
	const char	*key, *text;
	char		 value[CONFIG_VALUE], fallback[CONFIG_VALUE], why[200], name[32];
	size_t		 n = offsetof(struct config, weights) / sizeof(uint64_t);

	(void)state;
	config_init(&c);
	assert_int_equal(config_weight(&c, 4711), 1);
	assert_int_equal(config_set(&c, SV_LIT("weight.4711"), SV_LIT("3"), why, sizeof why), 0);
	assert_int_equal(config_set(&c, SV_LIT("weight." ELSEWHERE), SV_LIT("2"), why,
	    sizeof why), 0);
	assert_int_equal(config_weight(&c, 4711), 3);
	assert_int_equal(config_weight(&c, 70001), 2);
	assert_int_equal(config_weight(&c, 1), 1);
	assert_int_equal(config_value(&c, SV_LIT("weight." ELSEWHERE), value, sizeof value), 0);
	assert_string_equal(value, "2");
	assert_int_equal(config_row(&c, n, &key, &text, value, fallback, sizeof value), 0);
	assert_string_equal(key, "weight.4711");
	assert_string_equal(value, "3");
	assert_int_equal(config_row(&c, n + 2, &key, &text, value, fallback, sizeof value),
	    -ENOENT);
	assert_int_equal(config_set(&c, SV_LIT("weight.nobody-here"), SV_LIT("3"), why, sizeof why),
	    -EINVAL);
	assert_non_null(strstr(why, "no such user"));
	assert_int_equal(config_set(&c, SV_LIT("weight.4711"), SV_LIT("0"), why, sizeof why),
	    -EINVAL);
	assert_non_null(strstr(why, "from 1 to 1000"));
	/* One user has one weight, whatever he is called; there is room for so many. */
	assert_int_equal(config_set(&c, SV_LIT("weight.70001"), SV_LIT("5"), why, sizeof why),
	    0);
	assert_int_equal(config_weight(&c, 70001), 5);
	for (unsigned i = 2; i < CONFIG_WEIGHTS; i++) {
		(void)snprintf(name, sizeof name, "weight.%u", 100000 + i);
		assert_int_equal(config_set(&c, sv_from(name), SV_LIT("2"), why, sizeof why), 0);
	}
	assert_int_equal(config_set(&c, SV_LIT("weight.200000"), SV_LIT("2"), why, sizeof why),
	    -EINVAL);
	assert_non_null(strstr(why, "64 users"));
}

static void
a_group_is_a_name_or_a_number(void **state)
{
	static const struct {
		const char	*text, *shown;	/* shown NULL: refused */
		uint64_t	 v;
	} cases[] = {
		{ "", "", 0 },
		{ ELSEWHERE, ELSEWHERE, 70003 },
		{ "0", "0", 1 },
		{ "4294967294", "4294967294", 4294967295 },
		{ "4294967295", NULL, 0 },
		{ "no such group", NULL, 0 },
		{ "-1", NULL, 0 },
	};
	char		value[32], why[200];
	struct config	c;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		config_init(&c);
		assert_int_equal(config_set(&c, SV_LIT("admin-group"), sv_from(cases[i].text), why,
		    sizeof why), cases[i].shown != NULL ? 0 : -EINVAL);
		assert_int_equal(c.admin_group, cases[i].v);
		assert_int_equal(c.allow_group, 0);
		if (cases[i].shown == NULL) {
			assert_non_null(strstr(why, "admin-group: there is no group"));
			continue;
		}
		assert_int_equal(config_value(&c, SV_LIT("admin-group"), value, sizeof value), 0);
		assert_string_equal(value, cases[i].shown);
	}
}

static void
set_to(struct config *c, const char *key, const char *value)
{
	char	why[200];

	if (config_set(c, sv_from(key), sv_from(value), why, sizeof why) != 0)
		fail_msg("%s", why);
}

/* While somebody is served no directory is asked: names are in the host's files, or were
 * set before. */
static void
nothing_waits_for_a_directory(void **state)
{
	struct config	 c, next;
	const char	*key, *text;
	char		 value[32], fallback[32], why[200];

	(void)state;
	config_init(&c);
	set_to(&c, "weight." ELSEWHERE, "3");
	set_to(&c, "allow-group", ELSEWHERE);
	c.known = &c;
	asked = 0;
	config_init(&next);	/* a reload */
	next.known = &c;
	set_to(&next, "weight." ELSEWHERE, "4");
	set_to(&next, "weight.root", "5");
	set_to(&next, "allow-group", ELSEWHERE);
	set_to(&next, "admin-group", "root");
	assert_int_equal(config_weight(&next, 70001), 4);
	assert_int_equal(config_weight(&next, 0), 5);
	assert_int_equal(next.allow_group, 70003);
	assert_int_equal(next.admin_group, 1);
	config_renew(&c, &c, &next);
	assert_int_equal(config_value(&c, SV_LIT("admin-group"), value, sizeof value), 0);
	assert_string_equal(value, "root");
	assert_int_equal(config_set(&c, SV_LIT("weight.stranger"), SV_LIT("2"), why, sizeof why),
	    -EINVAL);
	assert_non_null(strstr(why, "while it serves: give the number"));
	assert_int_equal(config_set(&c, SV_LIT("allow-group"), SV_LIT("strangers"), why,
	    sizeof why), -EINVAL);
	assert_non_null(strstr(why, "while it serves: give the number"));
	for (size_t i = 0; config_row(&c, i, &key, &text, value, fallback, sizeof value) == 0; i++)
		;
	assert_int_equal(asked, 0);
}

static void
values_are_shown_in_their_largest_unit(void **state)
{
	static const struct {
		const char	*key, *set, *shown;
	} cases[] = {
		{ "timeout", "120s", "2m" },
		{ "timeout", "90s", "90s" },
		{ "timeout", "1500ms", "1500ms" },
		{ "timeout", "0", "0" },
		{ "lag", "1048576", "1M" },
		{ "lag", "65537", "65537" },
		{ "max-runs", "1024", "1024" },
		{ "isolation", "read-only,network=loopback", "sandbox,network=loopback,read-only" },
	};
	const char	*key, *text;
	char		 value[CONFIG_VALUE], fallback[CONFIG_VALUE], why[200];
	struct config	 c;

	(void)state;
	config_init(&c);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t	k = 0;

		assert_int_equal(config_set(&c, sv_from(cases[i].key), sv_from(cases[i].set), why,
		    sizeof why), 0);
		while (config_row(&c, k, &key, &text, value, fallback, sizeof value) == 0 &&
		    strcmp(key, cases[i].key) != 0)
			k++;
		assert_string_equal(key, cases[i].key);
		assert_string_equal(value, cases[i].shown);
	}
}

static void
a_value_stays_within_its_bounds(void **state)
{
	static const struct {
		const char	*key, *value, *why;	/* why NULL: taken */
		int		 r;
	} cases[] = {
		{ "jobs", "1024", NULL, 0 },
		{ "jobs", "1025", "jobs: it must be from 0 to 1024", -EINVAL },
		{ "max-runs", "0", "max-runs: it must be from 1 to 4096", -EINVAL },
		{ "lag-timeout", "99ms", "it must be from 100ms to 1h", -EINVAL },
		{ "lag-timeout", "100ms", NULL, 0 },
		{ "lag", "1K", "it must be from 64K to 1G", -EINVAL },
		{ "isolation", "sandbox,network=none,read-only", NULL, 0 },
		{ "isolation", "pit", "write one like auto, pid or sandbox,network=none", -EINVAL },
		{ "timeout", "soon", "'soon' is no value for it; write one like 30s", -EINVAL },
		{ "max-plan", "much", "write one like 64M", -EINVAL },
		{ "max-tests", "all", "write one like 8", -EINVAL },
		{ "", "1", "there is no setting ''", -ENOENT },
		{ "job", "1", "there is no setting 'job'", -ENOENT },
		{ "jobss", "1", "there is no setting 'jobss'", -ENOENT },
	};
	struct config	c, before;
	char		why[200];

	(void)state;
	config_init(&c);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		before = c;
		assert_int_equal(config_set(&c, sv_from(cases[i].key), sv_from(cases[i].value), why,
		    sizeof why), cases[i].r);
		if (cases[i].why == NULL)
			continue;
		assert_memory_equal(&c, &before, sizeof c);
		if (strstr(why, cases[i].why) == NULL)
			fail_msg("%s", why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read),
		cmocka_unit_test(every_setting_is_shown_and_can_be_set),
		cmocka_unit_test(users_have_weights),
		cmocka_unit_test(a_group_is_a_name_or_a_number),
		cmocka_unit_test(nothing_waits_for_a_directory),
		cmocka_unit_test(values_are_shown_in_their_largest_unit),
		cmocka_unit_test(a_value_stays_within_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
