/* Unit tests of worker/env.c: who states a variable last. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker/env.h"

#define S(text)	{ text, sizeof text - 1 }
static struct sv	run_list[] = { S("PATH=/bin"), S("A=run"), S("AB=run"),
	S("B=first"), S("TMPDIR=/"), S("B=run"), S("NAMELESS") };
static struct sv	test_list[] = { S("C=test"), S("B=test"), S("TMPDIR=test"),
	S("C=last"), S("EMPTY=") };

#define LIST(v)	((struct svs){ v, sizeof v / sizeof v[0] })

static void
assert_list(char **list, const char *const *expected)
{
	size_t	i;

	for (i = 0; expected[i] != NULL; i++) {
		assert_non_null(list[i]);
		assert_string_equal(list[i], expected[i]);
	}
	assert_null(list[i]);
	env_list_free(list);
}

static void
the_last_word_is_ours(void **state)
{
	char		*own[] = { (char[]){ "TMPDIR=own" }, (char[]){ "C=own" }, (char[]){ "Z=own" } };
	struct env	*e = env_new(LIST(run_list));
	const char	*all[] = { "A=run", "AB=run", "B=test", "C=own", "EMPTY=", "NAMELESS",
			    "PATH=/bin", "TMPDIR=own", "Z=own", NULL };
	const char	*plain[] = { "A=run", "AB=run", "B=run", "NAMELESS", "PATH=/bin",
			    "TMPDIR=/", NULL };
	const char	*tests[] = { "A=run", "AB=run", "B=test", "C=last", "EMPTY=", "NAMELESS",
			    "PATH=/bin", "TMPDIR=test", NULL };

	(void)state;
	assert_list(env_list(e, LIST(test_list), own, 3), all);
	assert_list(env_list(e, (struct svs){ NULL, 0 }, NULL, 0), plain);
	assert_list(env_list(e, LIST(test_list), NULL, 0), tests);
	env_free(e);
}

static void
there_may_be_none(void **state)
{
	char		*own[] = { (char[]){ "Z=own" }, (char[]){ "A=own" } };
	struct env	*e = env_new((struct svs){ NULL, 0 });

	(void)state;
	assert_list(env_list(e, (struct svs){ NULL, 0 }, NULL, 0), (const char *[]){ NULL });
	assert_list(env_list(e, (struct svs){ NULL, 0 }, own, 2),
	    (const char *[]){ "A=own", "Z=own", NULL });
	env_free(e);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(the_last_word_is_ours), cmocka_unit_test(there_may_be_none),
	};

	return cmocka_run_group_tests_name("env", tests, NULL, NULL);
}
