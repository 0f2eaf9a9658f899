/*
 * A service runs each run as whoever submitted it, and nobody gets at another's: real
 * users, made of numbers.  Skipped where we are not root.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "tests/integ/users.h"

/* The service of this test; skipped when there is none. */
#define THE(state)							\
	(*(state) != NULL ? *(struct users **)(state) : (skip(), (struct users *)NULL))

/* What the only test of a run printed; freed with the document. */
static const char *
printed(json_t *doc)
{
	return json_string_value(json_object_get(json_array_get(json_object_get(doc, "results"), 0),
	    "output"));
}

/* Runs a shell line as a user in his home; its result as a document. */
static json_t *
run_line(struct users *u, const struct user *user, int code, const char *line)
{
	struct ran	 r;
	json_t		*doc;

	AS(u, user, &r, "run", "--json", "--", "sh", "-c", line);
	if (r.code != code)
		fail_msg("exit code %d: %s %s", r.code, r.out, r.err);
	doc = ran_document(&r);
	ran_free(&r);
	return doc;
}

static void
assert_prints(json_t *doc, const char *text)
{
	if (printed(doc) == NULL || strstr(printed(doc), text) == NULL)
		fail_msg("<%s> is not in <%s>", text, printed(doc) != NULL ? printed(doc) : "");
}

/* What it says in /proc of a process behind `key`. */
static void
status_of(pid_t pid, const char *key, char *ret, size_t size)
{
	char	 path[64], line[512];
	size_t	 n = strlen(key);
	FILE	*f;

	ret[0] = '\0';
	(void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		if (strncmp(line, key, n) == 0 && line[n] == ':')
			(void)snprintf(ret, size, "%.*s", (int)strcspn(line + n + 2, "\n"),
			    line + n + 2);
	}
	if (f != NULL)
		(void)fclose(f);
}

static void
assert_status(pid_t pid, const char *key, const char *value)
{
	char	is[512];

	status_of(pid, key, is, sizeof is);
	if (strcmp(is, value) != 0)
		fail_msg("%s of %d is <%s>, not <%s>", key, (int)pid, is, value);
}

/* ---- a run in the background ---- */

struct going {
	struct users		*u;
	const struct user	*user;
	pid_t			 ctl, test, worker;
};

static int
has_begun(void *arg)
{
	struct going	*g = arg;
	char		*path = xasprintf("%s/pids", users_home(g->u, g->user));
	FILE		*f = fopen(path, "re");
	int		 n = f != NULL ? fscanf(f, "%d %d", &g->test, &g->worker) : 0;

	if (f != NULL)
		(void)fclose(f);
	free(path);
	return n == 2;
}

/* A test of his that waits until it is killed, at most its timeout. */
static void
begin(struct going *g, struct users *u, const struct user *user)
{
	static const char *const	args[] = { "run", "--timeout", "60s", "--", "sh", "-c",
	    "echo $$ $PPID > pids.new; mv pids.new pids; exec sleep 1000", NULL };

	*g = (struct going){ .u = u, .user = user };
	g->ctl = users_spawn(u, user, users_home(u, user), users_program(u, "paratestctl"), args);
	service_until(has_begun, g, "the test does not begin");
}

static void
end(struct going *g)
{
	struct ran	r;

	assert_int_equal(kill(g->ctl, SIGINT), 0);
	users_wait(g->u, g->ctl, &r);
	ran_free(&r);
}

/* ---- who it is ---- */

static void
a_test_is_whoever_submitted_it(void **state)
{
	struct users	*u = THE(state);
	struct stat	 st;
	json_t		*doc;
	char		*path;

	doc = run_line(u, &alice, 1, "id -u; id -g; id -G; umask; pwd; echo $WHOSE; "
	    "stat -c '%u %g %a' $TMPDIR; env | grep '^SECRET_'; touch mine; exit 1");
	assert_prints(doc, "4001\n4001\n4001 4010\n0027\n");
	assert_prints(doc, "/h.4001\n4001\n4001 4001 700\n");
	assert_null(strstr(printed(doc), "SECRET_OF"));
	json_decref(doc);
	path = xasprintf("%s/mine", users_home(u, &alice));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 4001);
	assert_int_equal(st.st_gid, 4001);
	assert_int_equal(st.st_mode & 0777, 0640);
	free(path);
	doc = run_line(u, &bob, 1, "id -u; id -G; exit 1");
	assert_prints(doc, "4002\n4002\n");
	json_decref(doc);
}

static void
a_worker_has_no_privilege(void **state)
{
	static const char *const	none = "0000000000000000";
	struct users			*u = THE(state);
	struct going			 g;
	pid_t				 pids[2];
	char				 path[64], env[1024];
	size_t				 n;
	FILE				*f;

	begin(&g, u, &alice);
	pids[0] = g.worker;
	pids[1] = g.test;
	for (int i = 0; i < 2; i++) {
		assert_status(pids[i], "Uid", "4001\t4001\t4001\t4001");
		assert_status(pids[i], "Gid", "4001\t4001\t4001\t4001");
		assert_status(pids[i], "Groups", "4001 4010 ");
		assert_status(pids[i], "CapInh", none);
		assert_status(pids[i], "CapPrm", none);
		assert_status(pids[i], "CapEff", none);
		assert_status(pids[i], "CapAmb", none);
		assert_status(pids[i], "NoNewPrivs", "1");
	}
	(void)snprintf(path, sizeof path, "/proc/%d/environ", (int)g.worker);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(env, 1, sizeof env, f);
	(void)fclose(f);
	assert_null(memmem(env, n, "SECRET", 6));	/* the supervisor has one */
	/* Nor has the supervisor more than it needs, or its store anything. */
	assert_status(u->pid, "Uid", "4000\t4000\t4000\t4000");
	assert_status(u->pid, "CapEff", "00000000000000e1");
	assert_status(u->pid, "CapAmb", none);
	end(&g);
}

/* The groups are those of the client that submitted, not what some table says. */
static void
groups_are_those_of_the_client(void **state)
{
	struct users	*u = THE(state);
	struct user	 less = alice;
	char		*path = xasprintf("%s/scratch.group", u->dir);
	int		 fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	char		*line = xasprintf("cat %s", path);

	assert_true(fd != -1 && fchown(fd, 0, ALICES_GROUP) == 0 && write(fd, "in\n", 3) == 3);
	(void)close(fd);
	json_decref(run_line(u, &alice, 0, line));
	less.ngroups = 1;
	json_decref(run_line(u, &less, 1, line));
	json_decref(run_line(u, &alice, 0, line));
	json_decref(run_line(u, &bob, 1, line));
	free(line);
	free(path);
}

/* ---- who gets at whom ---- */

static void
assert_safe(struct users *u, const struct user *from, pid_t pid, const char *but)
{
	char		*line = xasprintf("%s/bin/attack %d %s", u->dir, (int)pid, but);
	struct ran	 r;

	AS(u, from, &r, "run", "--json", "--", "sh", "-c", line);
	if (r.code != 0)
		fail_msg("user %u could get at process %d: %s %s", (unsigned)from->uid, (int)pid,
		    r.out, r.err);
	ran_free(&r);
	free(line);
}

static pid_t
store_of(struct users *u)
{
	char	 path[96];
	int	 pid = 0;
	FILE	*f;

	(void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)u->pid, (int)u->pid);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid), 1);
	(void)fclose(f);
	return pid;
}

static void
nobody_gets_at_another(void **state)
{
	struct users	*u = THE(state);
	pid_t		 store = store_of(u);
	struct going	 g;
	char		*line;
	struct ran	 r;

	begin(&g, u, &alice);
	assert_safe(u, &bob, g.worker, "");
	assert_safe(u, &bob, g.test, "");
	assert_safe(u, &bob, u->pid, "");
	assert_safe(u, &bob, store, "");
	assert_safe(u, &alice, u->pid, "");
	/* Her worker holds the supervisor's ear: her own tests may end it, no more. */
	assert_safe(u, &alice, g.worker, "signal");
	/* The attacks are real: they succeed where nothing forbids them. */
	line = xasprintf("%s/bin/attack %d", u->dir, (int)g.test);
	AS(u, &alice, &r, "run", "--json", "--", "sh", "-c", line);
	assert_int_equal(r.code, 1);
	assert_non_null(strstr(r.out, "ptrace"));
	ran_free(&r);
	free(line);
	end(&g);
}

static void
folders_of_others_are_closed(void **state)
{
	struct users	*u = THE(state);
	struct going	 g;
	char		*line = xasprintf("cd %s/scratch/u.4001 || ls %s/scratch || touch "
	    "%s/scratch/x || mkdir %s/scratch/u.4009 || ls %s/state || touch %s/run/x", u->dir,
	    u->dir, u->dir, u->dir, u->dir, u->dir);

	begin(&g, u, &alice);
	json_decref(run_line(u, &bob, 1, line));
	end(&g);
	free(line);
}

static void
the_folder_is_entered_with_the_users_rights(void **state)
{
	struct users	*u = THE(state);
	char		*home = xstrdup(users_home(u, &alice)), *suite;
	json_t		*doc;
	struct ran	 r;

	doc = run_line(u, &alice, 1, "pwd; exit 1");	/* hers alone, and not the supervisor's */
	assert_prints(doc, home);
	json_decref(doc);
	suite = xasprintf("tests:\n  - { name: t, run: 'true', cwd: %s }\n", home);
	AS(u, &bob, &r, "run", "--json", users_file(u, &bob, "s.yaml", suite));
	assert_int_equal(r.code, 1);
	assert_non_null(strstr(r.out, "ermission denied"));
	assert_non_null(strstr(r.out, "exec_error"));
	ran_free(&r);
	free(suite);
	free(home);
}

/* What tests of a run share is in their user's folder, and goes with the run. */
static int
no_shared_folder(void *arg)
{
	char	*line = xasprintf("ls -d %s/scratch/u.4001/r.* >/dev/null 2>&1",
	    ((struct users *)arg)->dir);
	int	 gone = system(line) != 0;

	free(line);
	return gone;
}

static void
a_shared_folder_is_the_users(void **state)
{
	struct users	*u = THE(state);
	char		*order = xstrdup(users_file(u, &alice, "order", "one\ntwo\n"));
	struct ran	 r;

	AS(u, &alice, &r, "run", "--json", "--order", order, users_file(u, &alice, "s.yaml",
	    "tests:\n  - { name: one, run: 'mkdir -p $TMPDIR/a/b; chmod 500 $TMPDIR/a' }\n"
	    "  - { name: two, run: 'test -d $TMPDIR/a/b && test -O $TMPDIR && ls -d $TMPDIR' }\n"));
	if (r.code != 0)
		fail_msg("%s %s", r.out, r.err);
	assert_non_null(strstr(r.out, "/scratch/u.4001/r."));
	ran_free(&r);
	service_until(no_shared_folder, u, "the folder of the run stays");
	free(order);
}

/* ---- the pool ---- */

static json_int_t
workers(struct users *u)
{
	struct ran	 r;
	json_t		*doc;
	json_int_t	 n;

	AS(u, &root_user, &r, "status", "--json");
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	n = json_integer_value(json_object_get(doc, "totalWorkers"));
	json_decref(doc);
	ran_free(&r);
	return n;
}

static void
an_idle_worker_of_another_makes_room(void **state)
{
	const struct user *const	all[] = { &alice, &bob, &carol, &alice, &bob };
	struct users			*u = THE(state);
	char				 want[16];
	struct ran			 r;
	json_t				*doc;

	AS(u, &root_user, &r, "config", "set", "max-jobs", "2");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		AS(u, all[i], &r, "run", "--json", "-j", "2", users_file(u, all[i], "two.yaml",
		    "tests:\n  - { name: a, run: 'id -u; sleep 0.05; exit 1' }\n"
		    "  - { name: b, run: 'id -u; sleep 0.05; exit 1' }\n"));
		assert_int_equal(r.code, 1);
		doc = ran_document(&r);
		(void)snprintf(want, sizeof want, "%u\n", (unsigned)all[i]->uid);
		assert_prints(doc, want);
		json_decref(doc);
		ran_free(&r);
		assert_true(workers(u) <= 2);
	}
}

/* ---- who is let in ---- */

static void
assert_refused(struct users *u, const struct user *user, const char *part,
    const char *const *args)
{
	struct ran	r;

	users_ctl(u, user, &r, args);
	if (r.code != 3 || strstr(r.err, part) == NULL || r.out_len != 0)
		fail_msg("exit code %d: <%s> does not say <%s>", r.code, r.err, part);
	ran_free(&r);
}
#define REFUSED(u, user, part, ...)					\
	assert_refused(u, user, part, (const char *const []){ __VA_ARGS__, NULL })

static void
groups_decide_who_is_let_in(void **state)
{
	struct users	*u = THE(state);
	struct ran	 r;

	REFUSED(u, &alice, "you may not ask for that", "config", "set", "allow-group", "4010");
	AS(u, &root_user, &r, "config", "set", "--persist", "allow-group", "4010");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	AS(u, &alice, &r, "ping");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	REFUSED(u, &bob, "for members of the group 4010", "ping");
	REFUSED(u, &carol, "for members of the group 4010", "run", "--", "true");
	AS(u, &root_user, &r, "config", "set", "--persist", "admin-group", "4020");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	users_crash(u);		/* it is so for the next one too */
	users_again(u);
	REFUSED(u, &bob, "for members of the group 4010", "ping");
	AS(u, &carol, &r, "config", "set", "allow-group", "");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	AS(u, &bob, &r, "ping");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	REFUSED(u, &bob, "you may not ask for that", "shutdown");
}

static void
root_runs_nothing(void **state)
{
	struct users	*u = THE(state);

	REFUSED(u, &root_user, "no tests as root", "run", "--", "true");
	REFUSED(u, &the_daemon, "runs as itself", "run", "--", "true");
}

/* ---- when it cannot be ---- */

static void
without_the_capabilities_nothing_starts(void **state)
{
	static const char *const	caps[] = { "-setuid", "-setgid", "-kill", "-chown" };
	struct users			*u = THE(state);
	struct ran			 r;

	for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
		users_refused(u, &r, caps[i], NULL);
		assert_int_equal(r.code, 3);
		assert_non_null(strstr(r.err, "it needs the capabilities"));
		ran_free(&r);
	}
}

/* A worker that cannot become its user says so, and no test of his starts. */
static void
a_worker_that_cannot_become_its_user_is_an_error(void **state)
{
	struct users	*u = THE(state);
	char		*program = xstrdup(users_program(u, "paratest-worker"));
	FILE		*f;
	struct ran	 r;

	assert_int_equal(unlink(program), 0);
	f = fopen(program, "we");
	assert_non_null(f);
	assert_true(fputs("#!/bin/sh\nexit 70\n", f) >= 0);
	assert_int_equal(fchmod(fileno(f), 0755), 0);
	assert_int_equal(fclose(f), 0);
	AS(u, &alice, &r, "run", "--json", "--", "true");
	assert_int_equal(r.code, 8);
	assert_non_null(strstr(r.out, "\"infrastructure\""));
	ran_free(&r);
	AS(u, &alice, &r, "run", "--events", "-", "--", "true");
	assert_non_null(strstr(r.out, "its worker could not become user 4001"));
	ran_free(&r);
	free(program);
}

/* ---- a crash ---- */

struct marks {
	struct users		*u;
	const struct user	*user;
	int			 n;
};

/* How often his test has begun: a line of its file each, all of them his number. */
static int
has_marks(void *arg)
{
	struct marks	*m = arg;
	char		*path = xasprintf("%s/ids", users_home(m->u, m->user));
	FILE		*f = fopen(path, "re");
	unsigned	 uid;
	int		 n = 0;

	while (f != NULL && fscanf(f, "%u", &uid) == 1) {
		assert_int_equal(uid, m->user->uid);
		n++;
	}
	if (f != NULL)
		(void)fclose(f);
	free(path);
	return n >= m->n;
}

static void
a_killed_service_gives_runs_back(void **state)
{
	static const char	suite[] = "tests:\n  - name: a\n"
	    "    run: 'id -u >> ids; while [ ! -e go ]; do sleep 0.02; done; id -G; exit 1'\n";
	const struct user *const both[] = { &alice, &bob };
	static const char *const groups[] = { "4001 4010", "4002" };
	struct users		*u = THE(state);
	char			*ids[2];
	struct marks		 m = { .u = u };
	struct ran		 r;

	for (int i = 0; i < 2; i++) {
		AS(u, both[i], &r, "run", "--detach", users_file(u, both[i], "s.yaml", suite));
		assert_int_equal(r.code, 0);
		ids[i] = xstrdup(r.out);
		ids[i][strcspn(ids[i], "\n")] = '\0';
		ran_free(&r);
		m.user = both[i];
		m.n = 1;
		service_until(has_marks, &m, "the test does not begin");
	}
	users_crash(u);
	users_again(u);
	for (int i = 0; i < 2; i++) {
		m.user = both[i];
		m.n = 2;
		service_until(has_marks, &m, "the test does not begin again");
		(void)users_file(u, both[i], "go", "");
		AS(u, both[i], &r, "watch", ids[i]);
		assert_int_equal(r.code, 1);
		assert_non_null(strstr(r.out, groups[i]));
		ran_free(&r);
		AS(u, both[1 - i], &r, "watch", ids[i]);
		assert_int_equal(r.code, 2);
		ran_free(&r);
	}
	free(ids[0]);
	free(ids[1]);
}

/* What a killed service left in users' folders is gone with the next. */
static int
no_old_folder(void *arg)
{
	char	*path = xasprintf("%s/scratch/u.4001/s.1.1", ((struct users *)arg)->dir);
	int	 gone = access(path, F_OK) == -1;

	free(path);
	return gone;
}

static void
what_was_left_is_removed(void **state)
{
	struct users	*u = THE(state);
	struct ran	 r;

	AS(u, &alice, &r, "run", "--", "sh", "-c", "mkdir -p $TMPDIR/a/b; chmod 0 $TMPDIR/a");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	assert_false(no_old_folder(u));
	users_crash(u);
	users_again(u);
	service_until(no_old_folder, u, "what a killed service left stays");
}

#define WITH_USERS(f)	cmocka_unit_test_setup_teardown(f, users_setup, users_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_USERS(a_test_is_whoever_submitted_it),
		WITH_USERS(a_worker_has_no_privilege),
		WITH_USERS(groups_are_those_of_the_client),
		WITH_USERS(nobody_gets_at_another),
		WITH_USERS(folders_of_others_are_closed),
		WITH_USERS(the_folder_is_entered_with_the_users_rights),
		WITH_USERS(a_shared_folder_is_the_users),
		WITH_USERS(an_idle_worker_of_another_makes_room),
		WITH_USERS(groups_decide_who_is_let_in),
		WITH_USERS(root_runs_nothing),
		WITH_USERS(without_the_capabilities_nothing_starts),
		WITH_USERS(a_worker_that_cannot_become_its_user_is_an_error),
		WITH_USERS(a_killed_service_gives_runs_back),
		WITH_USERS(what_was_left_is_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
