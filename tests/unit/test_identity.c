/* Unit tests of common/identity.c and common/privilege.c: who somebody is, and becoming him. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fdutil.h"
#include "common/identity.h"
#include "common/privilege.h"
#include "common/rmtree.h"

/* ---- as text ---- */

static void
a_text_is_the_same_identity(void **state)
{
	static const gid_t	groups[] = { 7, 3, 4294967294u, 3 };
	struct identity		*who = identity_new(4001, 4002, groups, 4), *again, *none;
	char			*text = identity_format(who);

	(void)state;
	assert_string_equal(text, "4001:4002:3,7,4294967294");
	again = identity_parse(text);
	assert_true(identity_equal(who, again));
	assert_true(identity_in_group(who, 7));
	assert_true(identity_in_group(who, 4002));
	assert_false(identity_in_group(who, 4001));
	free(text);
	free(again);
	free(who);
	none = identity_new(1, 2, NULL, 0);
	text = identity_format(none);
	assert_string_equal(text, "1:2:");
	again = identity_parse(text);
	assert_true(identity_equal(none, again));
	assert_false(identity_equal(none, NULL));
	assert_true(identity_equal(NULL, NULL));
	free(again);
	free(text);
	free(none);
}

static void
other_texts_are_none(void **state)
{
	static const char *const	texts[] = { "", ":", "1", "1:2", "1:2:3,", "1:2:,3",
	    "1:2:3,,4", "a:2:", "1:b:", "1:2:c", "-1:2:", "4294967295:1:", "1:4294967295:",
	    "1:2:4294967295", "99999999999:1:", "1:2:3 ", " 1:2:", "1:2:3:4", "+1:2:" };
	static const char		one[] = "1,";
	char				*many = malloc(32 + (IDENTITY_GROUPS + 1) * sizeof one), *p;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (identity_parse(texts[i]) != NULL)
			fail_msg("'%s' was taken", texts[i]);
	}
	assert_non_null(many);
	p = many + snprintf(many, 32, "1:2:");
	for (int i = 0; i < IDENTITY_GROUPS; i++)
		p += snprintf(p, sizeof one, "%s", one);
	(void)snprintf(p, 2, "1");
	assert_null(identity_parse(many));
	free(many);
}

/* ---- of a socket ---- */

static void
a_socket_says_who_is_there(void **state)
{
	struct identity	*who = NULL, *me;
	gid_t		 groups[IDENTITY_GROUPS];
	int		 fds[2], n = getgroups(IDENTITY_GROUPS, groups);
	pid_t		 pid = 0;

	(void)state;
	assert_true(n >= 0);
	assert_int_equal(fd_socketpair(fds), 0);
	assert_int_equal(identity_of_socket(fds[0], &who, &pid), 0);
	me = identity_new(geteuid(), getegid(), groups, (size_t)n);
	assert_true(identity_equal(who, me));
	assert_int_equal(pid, getpid());
	free(who);
	free(me);
	assert_true(identity_of_socket(-1, &who, NULL) < 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* ---- becoming ---- */

/* The exit status of `fn` in a child, so that it may change who it is. */
static int
in_a_child(int (*fn)(void))
{
	int	status;
	pid_t	pid = fork();

	assert_true(pid != -1);
	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static struct identity *
somebody(void)
{
	static const gid_t	groups[] = { 4010, 4011 };

	return identity_new(4001, 4001, groups, 2);
}

static int
become_without_right(void)
{
	struct identity	*who = somebody();
	char		 why[PRIVILEGE_WHY] = "";

	if (geteuid() == 0 && (setgroups(0, NULL) == -1 || setresgid(4005, 4005, 4005) == -1 ||
	    setresuid(4005, 4005, 4005) == -1))
		return 1;
	if (privilege_become(who, why) != -EPERM || strstr(why, "cannot set its groups") == NULL ||
	    geteuid() == 4001)
		return 2;
	return privilege_take(why) == -EPERM && strstr(why, "lacks some") != NULL ? 0 : 3;
}

static int
become_root(void)
{
	struct identity	*who = identity_new(0, 4001, NULL, 0);
	char		 why[PRIVILEGE_WHY] = "";

	return privilege_become(who, why) == -EPERM && strstr(why, "cannot be root") != NULL ?
	    0 : 1;
}

static int
become_somebody(void)
{
	struct identity	*who = somebody();
	char		 why[PRIVILEGE_WHY] = "";
	gid_t		 groups[8];

	if (privilege_become(who, why) != 0)
		return 1;
	if (getuid() != 4001 || geteuid() != 4001 || getegid() != 4001 || getgroups(8, groups) != 2)
		return 2;
	if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0 || setgroups(0, NULL) == 0)
		return 3;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || kill(getppid(), 0) == 0)
		return 4;
	return privilege_become(who, why) != 0 ? 0 : 5;	/* once */
}

/* What a supervisor lends is there for what it starts then, and for nothing else. */
static int
lend(void)
{
	char	why[PRIVILEGE_WHY] = "";

	if (privilege_take(why) != 0 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 1;
	if (privilege_lend() != 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 7, 0, 0) != 1)
		return 2;
	privilege_keep();
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 7, 0, 0) == 0 &&
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 6, 0, 0) == 0 ? 0 : 3;
}

static void
without_right_nobody_is_become(void **state)
{
	(void)state;
	assert_int_equal(in_a_child(become_without_right), 0);
}

static void
nobody_becomes_root(void **state)
{
	(void)state;
	assert_int_equal(in_a_child(become_root), 0);
}

static void
who_has_become_somebody_is_nobody_else(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(in_a_child(become_somebody), 0);
}

static void
what_is_lent_is_taken_back(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(in_a_child(lend), 0);
}

/* ---- a folder ---- */

static void
a_folder_is_its_users_alone(void **state)
{
	char		 dir[] = "/tmp/paratest-unit.XXXXXX", path[64];
	struct identity	*who = somebody(), *other = identity_new(4002, 4002, NULL, 0);
	struct stat	 st;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/u", dir);
	for (int i = 0; i < 2; i++) {	/* made, and found */
		assert_int_equal(privilege_folder(path, who), 0);
		assert_int_equal(lstat(path, &st), 0);
		assert_int_equal(st.st_uid, 4001);
		assert_int_equal(st.st_mode & 07777, 0700);
	}
	assert_int_equal(privilege_folder(path, other), -EPERM);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/tmp", path), 0);
	assert_int_equal(privilege_folder(path, who), -EPERM);
	(void)unlink(path);
	assert_int_equal(rmtree_at(AT_FDCWD, dir), 0);
	free(who);
	free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_is_the_same_identity),
		cmocka_unit_test(other_texts_are_none),
		cmocka_unit_test(a_socket_says_who_is_there),
		cmocka_unit_test(without_right_nobody_is_become),
		cmocka_unit_test(nobody_becomes_root),
		cmocka_unit_test(who_has_become_somebody_is_nobody_else),
		cmocka_unit_test(what_is_lent_is_taken_back),
		cmocka_unit_test(a_folder_is_its_users_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
