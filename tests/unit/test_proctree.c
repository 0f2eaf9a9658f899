/* Unit tests of common/proctree.c over a real family of processes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/proctree.h"

#define FAMILY	4	/* child, its two children, a grandchild in a new session */

struct fx {
	pid_t	pids[FAMILY];	/* in the order of birth; 0 is the root's child */
	int	hold;		/* the family lives as long as nobody kills it */
};

/* Tells its pid, then waits to be killed. */
static void
live(int to)
{
	pid_t	pid = getpid();

	if (write(to, &pid, sizeof pid) != (ssize_t)sizeof pid)
		_exit(1);
	for (;;)
		(void)pause();
}

static void
family(int to)
{
	if (fork() == 0) {
		if (fork() == 0) {
			(void)setsid();
			live(to);
		}
		live(to);
	}
	if (fork() == 0)
		live(to);
	live(to);
}

static int
open_family(void **state)
{
	struct fx	*fx = calloc(1, sizeof *fx);
	pid_t		 child;
	int		 fds[2];

	if (fx == NULL || pipe(fds) != 0)
		return 1;
	child = fork();
	if (child == 0)
		family(fds[1]);
	(void)close(fds[1]);
	fx->hold = fds[0];
	for (int i = 0; i < FAMILY; i++) {
		if (read(fds[0], &fx->pids[i], sizeof(pid_t)) != (ssize_t)sizeof(pid_t))
			return 1;
	}
	for (int i = 1; i < FAMILY; i++) {	/* they told in any order */
		if (fx->pids[i] == child) {
			fx->pids[i] = fx->pids[0];
			fx->pids[0] = child;
		}
	}
	*state = fx;
	return 0;
}

static int
close_family(void **state)
{
	struct fx	*fx = *state;

	for (int i = 0; i < FAMILY; i++)
		(void)kill(fx->pids[i], SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	(void)close(fx->hold);
	free(fx);
	return 0;
}

static int
place(const pid_t *pids, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++) {
		if (pids[i] == pid)
			return (int)i;
	}
	return -1;
}

static void
the_whole_family_is_listed(void **state)
{
	struct fx		*fx = *state;
	struct proc_entry	*v;
	pid_t			*pids;
	size_t			 n;

	assert_int_equal(proctree_pids(getpid(), &pids, &n), 0);
	assert_int_equal(n, FAMILY);
	for (int i = 0; i < FAMILY; i++)
		assert_true(place(pids, n, fx->pids[i]) >= 0);
	assert_int_equal(proctree_list(getpid(), &v, &n), 0);
	assert_int_equal(n, FAMILY);
	for (size_t i = 0; i < n; i++) {
		int	at = place(pids, n, v[i].parent);

		assert_int_equal(v[i].pid, pids[i]);
		/* Parents come first, and are each other's or ours. */
		if (v[i].parent != getpid())
			assert_in_range(at, 0, i - 1);
		assert_non_null(strstr(v[i].argv, "test_proctree"));
	}
	proctree_free(v, n);
	free(pids);
	proctree_free(NULL, 0);
}

/* One of them is left out, with all that descend from it. */
static void
all_but_one_tree(void **state)
{
	struct fx		*fx = *state;
	struct proc_entry	*v;
	pid_t			*pids, *under;
	size_t			 n, m;

	for (int i = 0; i < FAMILY; i++) {
		assert_int_equal(proctree_pids(fx->pids[i], &under, &m), 0);
		assert_int_equal(proctree_pids_but(getpid(), fx->pids[i], &pids, &n), 0);
		assert_int_equal(n, FAMILY - 1 - m);
		assert_int_equal(place(pids, n, fx->pids[i]), -1);
		for (size_t k = 0; k < m; k++)
			assert_int_equal(place(pids, n, under[k]), -1);
		assert_int_equal(proctree_list_but(getpid(), fx->pids[i], &v, &m), 0);
		assert_int_equal(m, n);
		proctree_free(v, m);
		free(pids);
		free(under);
	}
}

static void
a_childless_process_has_none(void **state)
{
	struct fx	*fx = *state;
	pid_t		*pids;
	size_t		 n = 99, leaves = 0;

	for (int i = 0; i < FAMILY; i++) {
		assert_int_equal(proctree_pids(fx->pids[i], &pids, &n), 0);
		leaves += n == 0;
		free(pids);
	}
	assert_int_equal(leaves, 2);
	assert_int_equal(proctree_pids(INT32_MAX, &pids, &n), 0);	/* nobody */
	assert_int_equal(n, 0);
	free(pids);
}

static void
the_whole_family_is_killed(void **state)
{
	pid_t		*pids;
	size_t		 n;
	int		 status, dead = 0;

	(void)state;
	/* What loses its parent comes to us. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(proctree_kill(getpid(), SIGKILL), FAMILY);
	while (waitpid(-1, &status, 0) > 0) {
		assert_true(WIFSIGNALED(status));
		dead++;
	}
	assert_int_equal(dead, FAMILY);
	assert_int_equal(proctree_pids(getpid(), &pids, &n), 0);
	assert_int_equal(n, 0);
	free(pids);
	assert_int_equal(proctree_kill(getpid(), SIGKILL), 0);
}

/* A name with brackets and blanks must not confuse the reading of stat. */
static void
a_zombie_is_listed_by_its_name(void **state)
{
	struct proc_entry	*v;
	siginfo_t		 info;
	size_t			 n;
	pid_t			 pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_NAME, "a) R 1 (b");
		_exit(0);
	}
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(proctree_list(getpid(), &v, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(v[0].pid, pid);
	assert_int_equal(v[0].parent, getpid());
	assert_string_equal(v[0].argv, "a) R 1 (b");
	proctree_free(v, n);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

#define WITH_FAMILY(f)	cmocka_unit_test_setup_teardown(f, open_family, close_family)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FAMILY(the_whole_family_is_listed),
		WITH_FAMILY(all_but_one_tree),
		WITH_FAMILY(a_childless_process_has_none),
		WITH_FAMILY(the_whole_family_is_killed),
		cmocka_unit_test(a_zombie_is_listed_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
