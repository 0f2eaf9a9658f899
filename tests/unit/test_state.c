/* Unit tests of supervisor/state.c and settings.c: what outlives a supervisor. */
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
#include "supervisor/settings.h"
#include "supervisor/state.h"

struct fx {
	char	dir[40], path[96];
};

static int
make_folder(void **state)
{
	struct fx	*fx = calloc(1, sizeof *fx);

	if (fx == NULL)
		return 1;
	(void)snprintf(fx->dir, sizeof fx->dir, "/tmp/paratest-unit.XXXXXX");
	if (mkdtemp(fx->dir) == NULL)
		return 1;
	(void)snprintf(fx->path, sizeof fx->path, "%s/a/b/paratest", fx->dir);
	*state = fx;
	return 0;
}

static int
remove_folder(void **state)
{
	struct fx	*fx = *state;

	(void)rmtree_at(AT_FDCWD, fx->dir);
	free(fx);
	return 0;
}

static void
a_folder_is_made_for_its_user_alone(void **state)
{
	struct fx	*fx = *state;
	struct stat	 st;
	struct state	 s;
	char		 why[STATE_WHY];

	assert_int_equal(state_open(fx->path, &s, why), 0);
	assert_int_equal(stat(fx->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(fstat(s.journals, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_string_equal(s.path, fx->path);
	state_close(&s);
	assert_int_equal(s.fd, -1);
	assert_int_equal(state_open(fx->path, &s, why), 0);	/* again */
	state_close(&s);
}

static void
one_supervisor_at_a_time_has_it(void **state)
{
	struct fx	*fx = *state;
	struct state	 first, second;
	char		 why[STATE_WHY], pid[32];

	assert_int_equal(state_open(fx->path, &first, why), 0);
	assert_int_equal(state_open(fx->path, &second, why), -EBUSY);
	(void)snprintf(pid, sizeof pid, "pid %d", (int)getpid());
	assert_non_null(strstr(why, pid));
	assert_non_null(strstr(why, fx->path));
	assert_int_equal(second.fd, -1);
	assert_int_equal(second.lock, -1);
	state_close(&first);
	assert_int_equal(state_open(fx->path, &second, why), 0);
	state_close(&second);
}

static void
a_folder_that_others_can_use_is_refused(void **state)
{
	struct fx	*fx = *state;
	struct state	 s;
	char		 why[STATE_WHY], link[96];

	assert_int_equal(state_open(fx->path, &s, why), 0);
	state_close(&s);
	assert_int_equal(chmod(fx->path, 0750), 0);
	assert_int_equal(state_open(fx->path, &s, why), -EPERM);
	assert_non_null(strstr(why, "only I can use"));
	assert_int_equal(chmod(fx->path, 0700), 0);
	(void)snprintf(link, sizeof link, "%s/link", fx->dir);
	assert_int_equal(symlink(fx->path, link), 0);
	assert_int_equal(state_open(link, &s, why), -EPERM);
	assert_int_equal(state_open("/proc/nowhere/paratest", &s, why), -ENOENT);
	assert_non_null(strstr(why, "/proc/nowhere/paratest: No such file"));
}

static void
the_default_follows_the_environment(void **state)
{
	char	*path;

	(void)state;
	assert_int_equal(setenv("XDG_STATE_HOME", "/x/state", 1), 0);
	assert_int_equal(setenv("HOME", "/x/home", 1), 0);
	path = state_default();
	assert_string_equal(path, "/x/state/paratest");
	free(path);
	assert_int_equal(setenv("XDG_STATE_HOME", "relative", 1), 0);	/* to be ignored */
	path = state_default();
	assert_string_equal(path, "/x/home/.local/state/paratest");
	free(path);
	assert_int_equal(unsetenv("HOME"), 0);
	assert_null(state_default());
}

static void
settings_are_there_again(void **state)
{
	struct fx	*fx = *state;
	struct config	 c;
	struct state	 s;
	char		 why[STATE_WHY];

	assert_int_equal(state_open(fx->path, &s, why), 0);
	config_init(&c);
	settings_load(&s, &c);		/* no file: the defaults */
	assert_int_equal(c.timeout_ms, 300000);
	assert_int_equal(settings_keep(&s, SV_LIT("timeout"), SV_LIT("30s"), why), 0);
	assert_int_equal(settings_keep(&s, SV_LIT("jobs"), SV_LIT("3"), why), 0);
	assert_int_equal(settings_keep(&s, SV_LIT("timeout"), SV_LIT("40s"), why), 0);
	assert_true(settings_has(&s, SV_LIT("timeout")));
	assert_false(settings_has(&s, SV_LIT("grace")));
	state_close(&s);
	assert_int_equal(state_open(fx->path, &s, why), 0);
	settings_load(&s, &c);
	assert_int_equal(c.timeout_ms, 40000);
	assert_int_equal(c.jobs, 3);
	state_close(&s);
}

static void
a_line_that_makes_no_sense_stays_and_harms_nobody(void **state)
{
	static const char	 text[] = "# by hand\n\n  jobs   5  \nnonsense 7\ntimeout soon\n"
	    "timeout 9s\ngrace";
	struct fx		*fx = *state;
	struct config		 c;
	struct state		 s;
	char			 why[STATE_WHY], got[200] = "";
	int			 fd;

	assert_int_equal(state_open(fx->path, &s, why), 0);
	fd = openat(s.fd, "settings", O_RDWR | O_CREAT, 0600);
	assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
	(void)close(fd);
	config_init(&c);
	settings_load(&s, &c);
	assert_int_equal(c.jobs, 5);
	assert_int_equal(c.timeout_ms, 9000);
	assert_int_equal(c.grace_ms, 10000);
	assert_int_equal(settings_keep(&s, SV_LIT("jobs"), SV_LIT("6"), why), 0);
	fd = openat(s.fd, "settings", O_RDONLY);
	assert_true(read(fd, got, sizeof got - 1) > 0);
	(void)close(fd);
	assert_string_equal(got, "# by hand\n\nnonsense 7\ntimeout soon\ntimeout 9s\n"
	    "grace\njobs 6\n");
	state_close(&s);
}

static void
without_a_folder_nothing_is_kept_and_that_is_said(void **state)
{
	struct config	c;
	struct state	s;
	char		why[STATE_WHY];

	(void)state;
	state_none(&s);
	config_init(&c);
	settings_load(&s, &c);
	assert_int_equal(settings_keep(&s, SV_LIT("jobs"), SV_LIT("6"), why), -ENOENT);
	assert_non_null(strstr(why, "no folder"));
	assert_false(settings_has(&s, SV_LIT("jobs")));
}

#define WITH_FOLDER(f)	cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(a_folder_is_made_for_its_user_alone),
		WITH_FOLDER(one_supervisor_at_a_time_has_it),
		WITH_FOLDER(a_folder_that_others_can_use_is_refused),
		cmocka_unit_test(the_default_follows_the_environment),
		WITH_FOLDER(settings_are_there_again),
		WITH_FOLDER(a_line_that_makes_no_sense_stays_and_harms_nobody),
		cmocka_unit_test(without_a_folder_nothing_is_kept_and_that_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
