/* Unit tests of supervisor/config_file.c: what an administrator may write, and what is said
 * of what he may not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/rmtree.h"
#include "supervisor/config_file.h"

struct fx {
	char		dir[40], path[64];
	struct config	c;
	char		why[CONFIG_FILE_WHY];
};

static int
open_dir(void **state)
{
	struct fx	*fx = calloc(1, sizeof *fx);

	if (fx == NULL)
		return 1;
	(void)snprintf(fx->dir, sizeof fx->dir, "/tmp/paratest-unit.XXXXXX");
	*state = fx;
	if (mkdtemp(fx->dir) == NULL)
		return 1;
	(void)snprintf(fx->path, sizeof fx->path, "%s/p.yaml", fx->dir);
	config_init(&fx->c);
	return 0;
}

static int
close_dir(void **state)
{
	struct fx	*fx = *state;

	assert_int_equal(rmtree_at(AT_FDCWD, fx->dir), 0);
	free(fx);
	return 0;
}

static int
read_text(struct fx *fx, const char *text, size_t len)
{
	FILE	*f = fopen(fx->path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	fx->why[0] = '\0';
	return config_file_read(fx->path, &fx->c, fx->why);
}

static void
settings_are_read(void **state)
{
	static const char	text[] = "# of this host\ntimeout: 2m   # less\n\njobs: 3\n"
	    "'max-plan': \"8M\"\n";
	struct fx		*fx = *state;
	struct config		 want;

	config_init(&want);
	want.timeout_ms = 120000;
	want.jobs = 3;
	want.max_plan = 8 << 20;
	assert_int_equal(read_text(fx, text, sizeof text - 1), 0);
	assert_memory_equal(&fx->c, &want, sizeof want);
}

static void
what_the_file_does_not_name_stays(void **state)
{
	static const char *const texts[] = { "", "# nothing\n", "---\n", "{}\n", "---\n{}\n...\n" };
	struct fx		*fx = *state;
	struct config		 want;

	fx->c.jobs = 7;
	want = fx->c;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (read_text(fx, texts[i], strlen(texts[i])) != 0)
			fail_msg("'%s': %s", texts[i], fx->why);
		assert_memory_equal(&fx->c, &want, sizeof want);
	}
	assert_int_equal(unlink(fx->path), 0);
	assert_int_equal(config_file_read(fx->path, &fx->c, fx->why), 0);
	assert_memory_equal(&fx->c, &want, sizeof want);
}

static void
weights_of_users_are_read(void **state)
{
	static const char	text[] = "weight.0: 3\njobs: 2\n'weight.1000': 7\n";
	struct fx		*fx = *state;

	assert_int_equal(read_text(fx, text, sizeof text - 1), 0);
	assert_int_equal(config_weight(&fx->c, 0), 3);
	assert_int_equal(config_weight(&fx->c, 1000), 7);
	assert_int_equal(config_weight(&fx->c, 1001), 1);
	assert_int_equal(fx->c.jobs, 2);
}

/* Each with its line and what to do, in one line, and no setting is changed. */
static void
a_bad_file_is_refused_as_a_whole(void **state)
{
	static const struct {
		const char	*text, *why;
	} cases[] = {
		{ "jobs: 3\ntimout: 2m\n", ":2: there is no setting 'timout': "
		    "did you mean 'timeout'?" },
		{ "jobs: 3\nxyzzyxyzzy: 1\n", ":2: there is no setting 'xyzzyxyzzy'" },
		{ "jobs: 3\njobs: 4\n", ":2: jobs is set in line 1 already: remove one" },
		{ "weight.0: 3\nweight.root: 4\n", ":2: the weight of this user is set in line 1 "
		    "already: remove one" },
		{ "weight.0: 3\nweight.nobody-here: 4\n",
		    ":2: weight.nobody-here: there is no such user" },
		{ "weight.0: 1001\n", ":1: weight.0: it must be from 1 to 1000" },
		{ "weight.0: [1]\n", ":1: weight.0 takes one value" },
		{ "weight.\"0\": 1\nweight.: 1\n", ":1: weight.\"0\": there is no such user" },
		{ "weight.0123456789012345678901234567890123456789012345678901234567890123456: 1\n",
		    ":1: the name in weight.USER is too long" },
		{ "\"weight.0\\0\": 1\n", ":1: weight.0: there is no such user" },
		{ "jobs: many\n", ":1: jobs: 'many' is no value for it; write one like 8" },
		{ "\njobs: 1025\n", ":2: jobs: it must be from 0 to 1024" },
		{ "jobs: [3]\n", ":1: jobs takes one value, such as 8, 30s or 64M" },
		{ "jobs:\n  a: 3\n", ":2: jobs takes one value" },
		{ "jobs:\n", ":1: jobs: '' is no value for it" },
		{ "? [jobs]\n: 3\n", ":1: the name of a setting is wanted here" },
		{ "- jobs\n", ":1: KEY: VALUE lines are wanted here" },
		{ "jobs 3\n", ":1: KEY: VALUE lines are wanted here" },
		{ "jobs: &a 3\n", ":1: anchors, aliases and tags are not taken" },
		{ "jobs: !!int 3\n", ":1: anchors, aliases and tags are not taken" },
		{ "!!map {jobs: 3}\n", ":1: anchors, aliases and tags are not taken" },
		{ "jobs: *a\n", ":1: anchors, aliases and tags are not taken" },
		{ "%YAML 1.1\n---\njobs: 3\n", ": directives" },
		{ "jobs: 3\n---\njobs: 4\n", ":2: a second document begins: remove it" },
		{ "jobs: 3\n\tlag: 1M\n", ":2: not valid YAML" },
		{ "jobs: '3\n", "not valid YAML" },
		{ "jobs: 3\nlag: \xff\n", ":2: not UTF-8 text" },
		{ "jobs: 3\n\x1b[31m: 1\n", ":2: not UTF-8 text: control characters" },
		{ "\"a\\nb\": 1\n", ":1: there is no setting 'a?b'" },
	};
	struct fx	*fx = *state;
	struct config	 before = fx->c;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (read_text(fx, cases[i].text, strlen(cases[i].text)) != -EINVAL)
			fail_msg("taken: %s", cases[i].text);
		if (strncmp(fx->why, fx->path, strlen(fx->path)) != 0 ||
		    strstr(fx->why, cases[i].why) == NULL || strchr(fx->why, '\n') != NULL)
			fail_msg("'%s', not '%s'", fx->why, cases[i].why);
		assert_memory_equal(&fx->c, &before, sizeof before);
	}
}

static void
what_cannot_be_read_is_said(void **state)
{
	struct fx	*fx = *state;
	char		*text = malloc(CONFIG_FILE_MAX + 1);

	assert_non_null(text);
	memset(text, '#', CONFIG_FILE_MAX + 1);
	assert_int_equal(read_text(fx, text, CONFIG_FILE_MAX), 0);
	assert_int_equal(read_text(fx, text, CONFIG_FILE_MAX + 1), -EFBIG);
	assert_non_null(strstr(fx->why, "larger than 64K"));
	free(text);
	assert_int_equal(unlink(fx->path), 0);
	assert_int_equal(mkfifo(fx->path, 0600), 0);
	assert_int_equal(config_file_read(fx->path, &fx->c, fx->why), -ENODEV);
	assert_non_null(strstr(fx->why, "p.yaml: it is no plain file"));
	assert_int_equal(config_file_read(fx->dir, &fx->c, fx->why), -EISDIR);
	assert_non_null(strstr(fx->why, "it cannot be read: Is a directory"));
}

/* Every setting has its key here, and there is room for all. */
static void
every_setting_can_be_written(void **state)
{
	struct fx	*fx = *state;
	const char	*key, *words;
	char		 value[CONFIG_VALUE], fallback[CONFIG_VALUE], text[8192];
	size_t		 n = 0;

	for (size_t i = 0; config_row(&fx->c, i, &key, &words, value, fallback,
	    sizeof value) == 0; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s: %s\n", key, value);
	assert_true(n < sizeof text - 1);
	if (read_text(fx, text, n) != 0)
		fail_msg("%s", fx->why);
}

static void
what_was_set_since_survives_a_reload(void **state)
{
	struct fx	*fx = *state;
	struct config	 was = fx->c, next = fx->c;

	fx->c.jobs = 9;			/* by config set */
	next.jobs = 3;
	next.timeout_ms = 1000;
	config_renew(&fx->c, &was, &next);
	assert_int_equal(fx->c.jobs, 9);
	assert_int_equal(fx->c.timeout_ms, 1000);
	config_renew(&fx->c, &next, &was);
	assert_int_equal(fx->c.jobs, 9);
	assert_int_equal(fx->c.timeout_ms, was.timeout_ms);
}

static void
put(struct config *c, const char *key, const char *value)
{
	char	why[200];

	assert_int_equal(config_set(c, sv_from(key), sv_from(value), why, sizeof why), 0);
}

static void
so_do_weights_of_users(void **state)
{
	struct fx	*fx = *state;
	struct config	 was = fx->c, next = fx->c;

	put(&was, "weight.1", "2");
	put(&was, "weight.2", "2");
	put(&was, "weight.3", "2");
	fx->c = was;
	put(&fx->c, "weight.1", "1");	/* by config set, as the next */
	put(&fx->c, "weight.5", "5");
	put(&next, "weight.1", "4");
	put(&next, "weight.2", "4");
	put(&next, "weight.4", "4");
	config_renew(&fx->c, &was, &next);
	assert_int_equal(config_weight(&fx->c, 1), 1);
	assert_int_equal(config_weight(&fx->c, 2), 4);
	assert_int_equal(config_weight(&fx->c, 3), 1);
	assert_int_equal(config_weight(&fx->c, 4), 4);
	assert_int_equal(config_weight(&fx->c, 5), 5);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, open_dir, close_dir)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(settings_are_read),
		T(what_the_file_does_not_name_stays),
		T(weights_of_users_are_read),
		T(a_bad_file_is_refused_as_a_whole),
		T(what_cannot_be_read_is_said),
		T(every_setting_can_be_written),
		T(what_was_set_since_survives_a_reload),
		T(so_do_weights_of_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
