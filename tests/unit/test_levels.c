/* Unit tests of supervisor/levels.c: what a run gets of what it asks for and what is set. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "common/privilege.h"
#include "supervisor/levels.h"

static struct isolation_want
wish(const char *text)
{
	struct isolation_want	w;
	char			why[ISOLATION_WHY];

	assert_int_equal(isolation_parse(sv_from(text), &w, why), 0);
	return w;
}

/* What comes of a wish where the setting is `setting`, written, or what is said. */
static const char *
decided(struct levels *lv, const char *setting, const char *asked)
{
	static char		 text[LEVELS_WHY];
	struct isolation_want	 s = wish(setting), a = wish(asked), got;
	char			 level[ISOLATION_TEXT];
	int			 r = levels_decide(lv, isolation_pack(&s), &a, &got, text);

	if (r == 0)
		return memcpy(text, isolation_format(&got, level), sizeof level);
	assert_int_equal(r, -EINVAL);
	assert_null(strchr(text, '\n'));
	return text;
}

static void
the_setting_is_the_floor(void **state)
{
	static const struct {
		const char	*setting, *asked;
	} cases[] = {
		{ "pid", "process" }, { "sandbox", "pid" }, { "sandbox", "process" },
		{ "sandbox,network=none", "network=host" },
		{ "sandbox,network=loopback", "sandbox,network=none" },
	};
	struct levels	lv = { .ntried = 0 };

	(void)state;
	assert_string_equal(decided(&lv, "process", "auto"), "process");
	assert_string_equal(decided(&lv, "process", "process"), "process");
	assert_string_equal(decided(&lv, "auto", "process"), "process");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char	*text = decided(&lv, cases[i].setting, cases[i].asked);

		if (strstr(text, "is not what this supervisor gives") == NULL)
			fail_msg("%s, %s: %s", cases[i].setting, cases[i].asked, text);
	}
	assert_int_equal(lv.ntried, 1);	/* of what is refused nothing was tried */
}

/* What is said is what was asked for, or why it is not to be had; never less. */
static void
a_wish_is_met_or_refused(void **state)
{
	static const char *const	wishes[] = { "pid", "sandbox", "sandbox,network=none",
	    "sandbox,network=loopback,read-only" };
	struct levels			lv = { .ntried = 0 };

	(void)state;
	for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
		const char	*text = decided(&lv, "auto", wishes[i]);

		if (strncmp(text, wishes[i], strlen(wishes[i])) != 0 &&
		    strstr(text, "cannot be had here: ") == NULL)
			fail_msg("%s: %s", wishes[i], text);
	}
	assert_int_equal(lv.ntried, sizeof wishes / sizeof wishes[0]);
	(void)decided(&lv, "auto", "pid");
	assert_int_equal(lv.ntried, sizeof wishes / sizeof wishes[0]);
}

/* Other users cannot be become in a user namespace: a service takes none. */
static void
a_service_without_capabilities_has_one_level(void **state)
{
	struct levels	lv = { .as_users = true };

	(void)state;
	if (privilege_over_host())
		skip();
	assert_string_equal(decided(&lv, "auto", "auto"), "process");
	assert_non_null(strstr(decided(&lv, "auto", "pid"), "lacks the capability SYS_ADMIN"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_setting_is_the_floor),
		cmocka_unit_test(a_wish_is_met_or_refused),
		cmocka_unit_test(a_service_without_capabilities_has_one_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
