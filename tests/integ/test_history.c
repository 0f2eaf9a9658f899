/*
 * The history end to end: what a run was is found again as it was, after the supervisor
 * has let go of it and after a restart, whatever happens to the store, the disk and the
 * database meanwhile.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/proctree.h"
#include "common/xalloc.h"
#include "tests/integ/service.h"

/* ---- programs ---- */

static void
set(struct service *s, const char *key, const char *value)
{
	struct ran	r;

	CTL(s, &r, NULL, "config", "set", key, value);
	assert_int_equal(r.code, 0);
	ran_free(&r);
}

/* The document that a program prints; NULL when it has none. */
static json_t *
document(struct service *s, const char *const *args)
{
	struct ran	 r;
	json_t		*doc;

	service_ctl(s, &r, NULL, args);
	doc = json_loadb(r.out, r.out_len, JSON_ALLOW_NUL, NULL);
	ran_free(&r);
	return doc;
}
#define DOC(s, ...)	document(s, (const char *const []){ __VA_ARGS__, NULL })

static const char *
text_of(json_t *o, const char *key)
{
	const char	*text = json_string_value(json_object_get(o, key));

	return text != NULL ? text : "";
}

/* Runs a suite to its end; its document. */
static json_t *
run(struct service *s, const char *file)
{
	json_t	*doc = DOC(s, "run", "-j", "2", "--json", file);

	assert_non_null(doc);
	return doc;
}

/* The same; only its id, to be freed. */
static char *
run_id(struct service *s, const char *file)
{
	json_t	*doc = run(s, file);
	char	*id = xstrdup(text_of(doc, "runId"));

	assert_int_equal(strlen(id), 32);
	json_decref(doc);
	return id;
}

static char *
submit(struct service *s, const char *file)
{
	struct ran	 r;
	char		*id;

	CTL(s, &r, NULL, "run", "--detach", "-j", "2", file);
	assert_int_equal(r.code, 0);
	id = xstrdup(r.out);
	id[strcspn(id, "\n")] = '\0';
	ran_free(&r);
	return id;
}

/* Ends it in order, without what service_stop() looks at. */
static void
leave(struct service *s)
{
	struct ran	r;
	int		status;

	CTL(s, &r, NULL, "shutdown");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	s->pid = 0;
}

/* ---- what is waited for ---- */

struct waiting {
	struct service	*s;
	const char	*id;
	int		 n;
};

static int
is_stored(void *arg)
{
	struct waiting	*w = arg;
	char		*path = xasprintf("%s/state/paratest/journal/%s", w->s->dir, w->id);
	int		 gone = access(path, F_OK) == -1;

	free(path);
	return gone;
}

static void
await_stored(struct service *s, const char *id)
{
	struct waiting	w = { s, id, 0 };

	service_until(is_stored, &w, "a run is not stored");
}

static int
has_passed(void *arg)
{
	struct waiting	*w = arg;
	json_t		*doc = DOC(w->s, "show", w->id, "--json");
	int		 yes = doc != NULL && ran_summary(doc, "passed") >= w->n;

	json_decref(doc);
	return yes;
}

static int
is_over(void *arg)
{
	struct waiting	*w = arg;
	json_t		*doc = DOC(w->s, "show", w->id, "--json");
	int		 yes = doc != NULL && strcmp(text_of(doc, "status"), "running") != 0;

	json_decref(doc);
	return yes;
}

/* The process of the store, 0: there is none. */
static pid_t
store_of(const struct service *s)
{
	struct proc_entry	*v;
	size_t			 n;
	pid_t			 pid = 0;

	assert_int_equal(proctree_list(s->pid, &v, &n), 0);
	for (size_t i = 0; i < n; i++) {
		if (v[i].parent == s->pid && strstr(v[i].argv, "paratest-store") != NULL)
			pid = v[i].pid;
	}
	proctree_free(v, n);
	return pid;
}

static int
has_store(void *arg)
{
	return store_of(arg) != 0;
}

static void
kill_store(struct service *s)
{
	service_until(has_store, s, "there is no store");
	assert_int_equal(kill(store_of(s), SIGKILL), 0);
}

/* How many lines of `history --json` a test has. */
static size_t
attempts_of(struct service *s, const char *test)
{
	json_t	*doc = DOC(s, "history", test, "--json");
	size_t	 n = json_array_size(json_object_get(doc, "attempts"));

	json_decref(doc);
	return n;
}

static int
are_so_many(void *arg)
{
	struct waiting	*w = arg;

	return attempts_of(w->s, w->id) == (size_t)w->n;
}

static void
await_attempts(struct service *s, const char *test, int n)
{
	struct waiting	w = { s, test, n };

	service_until(are_so_many, &w, "the history has another number of attempts");
}

/* ---- warnings ---- */

static int
warns(json_t *doc, const char *what)
{
	json_t	*w;
	size_t	 i;
	int	 n = 0;

	json_array_foreach(json_object_get(doc, "warnings"), i, w)
		n += strstr(json_string_value(w), what) != NULL;
	return n;
}

static const char *
one_test(struct service *s)
{
	return service_file(s, "one.yaml", "name: one\ntests:\n  - { name: it, run: 'echo "
	    "hello' }\n");
}

/* The result of one more run: does it warn of this? */
static int
result_warns(struct service *s, const char *what)
{
	json_t	*doc = run(s, one_test(s));
	int	 yes;

	assert_string_equal(text_of(doc, "status"), "passed");
	yes = warns(doc, what) > 0;
	json_decref(doc);
	return yes;
}

static int
no_warning(void *arg)
{
	json_t	*doc = run(arg, one_test(arg));
	int	 none = json_array_size(json_object_get(doc, "warnings")) == 0;

	json_decref(doc);
	return none;
}

/* ---- what is found again ---- */

static const char	story[] =
	"name: story\ntests:\n"
	"  - { name: passes, run: 'echo to stdout; echo to stderr >&2' }\n"
	"  - { name: fails, run: 'echo it failed; exit 3' }\n"
	"  - { name: prints much, run: 'seq 1 60000' }\n"
	"  - { name: prints noise, run: 'head -c 300000 /dev/urandom' }\n"
	"  - { name: is not run, run: 'true', skip: 'not today' }\n"
	"  - { name: heals, run: 'echo try $PARATEST_ATTEMPT; test $PARATEST_ATTEMPT -ge 2', "
	"retry: 2 }\n";

static const char *const	printing[] = { "passes", "fails", "prints much", "prints noise",
	"heals" };
#define NPRINTING	(sizeof printing / sizeof printing[0])

/* What all questions say of a run. */
struct told {
	char		*show, *row, *metrics, *history;
	/* first: of the first attempt that failed */
	struct ran	 output[NPRINTING], first;
};

static char *
dump(json_t *o)
{
	char	*text = json_dumps(o, JSON_SORT_KEYS);

	assert_non_null(text);
	return text;
}

static char *
row_of(struct service *s, const char *id)
{
	json_t	*rows = DOC(s, "runs", "--json"), *row;
	char	*text = NULL;
	size_t	 i;

	json_array_foreach(rows, i, row) {
		if (strcmp(text_of(row, "runId"), id) == 0)
			text = dump(row);
	}
	assert_non_null(text);
	json_decref(rows);
	return text;
}

static char *
dump_without_time(json_t *doc)
{
	char	*text;

	assert_non_null(doc);
	(void)json_object_del(doc, "timestamp");
	text = dump(doc);
	json_decref(doc);
	return text;
}

static void
ask_all(struct service *s, const char *id, struct told *t)
{
	t->show = dump_without_time(DOC(s, "show", id, "--json"));
	t->row = row_of(s, id);
	t->metrics = dump_without_time(DOC(s, "metrics", "--json", "--run", id));
	t->history = dump_without_time(DOC(s, "history", "heals", "--json"));
	for (size_t i = 0; i < NPRINTING; i++) {
		CTL(s, &t->output[i], NULL, "output", id, printing[i]);
		assert_int_equal(t->output[i].code, 0);
	}
	CTL(s, &t->first, NULL, "output", "--attempt", "1", id, "heals");
	assert_int_equal(t->first.code, 0);
}

static void
free_told(struct told *t)
{
	free(t->show);
	free(t->row);
	free(t->metrics);
	free(t->history);
	for (size_t i = 0; i < NPRINTING; i++)
		ran_free(&t->output[i]);
	ran_free(&t->first);
}

static void
assert_same(const struct told *a, const struct told *b)
{
	assert_string_equal(a->show, b->show);
	assert_string_equal(a->row, b->row);
	assert_string_equal(a->metrics, b->metrics);
	assert_string_equal(a->history, b->history);
	for (size_t i = 0; i < NPRINTING; i++) {
		assert_int_equal(a->output[i].out_len, b->output[i].out_len);
		assert_memory_equal(a->output[i].out, b->output[i].out, a->output[i].out_len);
	}
	assert_string_equal(a->first.out, b->first.out);
}

static void
a_run_is_found_again_as_it_was(void **state)
{
	struct service	*s = *state;
	char		*id = run_id(s, service_file(s, "story.yaml", story)), *last;
	struct told	 before, pushed, restarted;

	await_stored(s, id);
	ask_all(s, id, &before);
	assert_non_null(strstr(before.show, "not today"));
	assert_string_equal(before.first.out, "try 1\n");
	assert_string_equal(before.output[4].out, "try 2\n");
	assert_int_equal(before.output[3].out_len, 300000);
	set(s, "keep-runs", "1");
	for (int i = 0; i < 3; i++) {
		last = run_id(s, one_test(s));
		await_stored(s, last);
		free(last);
	}
	ask_all(s, id, &pushed);
	assert_same(&before, &pushed);
	leave(s);
	service_again(s);
	ask_all(s, id, &restarted);
	assert_same(&before, &restarted);
	free_told(&before);
	free_told(&pushed);
	free_told(&restarted);
	free(id);
}

static void
two_runs_of_a_test_are_two(void **state)
{
	struct service	*s = *state;
	char		*a = run_id(s, one_test(s)), *b = run_id(s, one_test(s));
	json_t		*doc, *v;

	doc = DOC(s, "history", "it", "--json");
	v = json_object_get(doc, "attempts");
	assert_int_equal(json_array_size(v), 2);
	assert_string_equal(text_of(json_array_get(v, 0), "runId"), b);	/* newest first */
	assert_string_equal(text_of(json_array_get(v, 1), "runId"), a);
	json_decref(doc);
	doc = DOC(s, "runs", "--json");
	assert_int_equal(json_array_size(doc), 2);
	json_decref(doc);
	free(a);
	free(b);
}

/* ---- the store dies ---- */

#define MANY	24

static void
a_store_that_is_killed_again_and_again_loses_nothing(void **state)
{
	struct service	*s = *state;
	char		*text = xstrdup("name: many\ntests:\n"), *more, name[16], *id, *before,
	    *after;
	struct waiting	 w = { s, NULL, 0 };

	for (int i = 0; i < MANY; i++) {
		more = xasprintf("%s  - { name: t%d, run: 'echo out of %d; sleep 0.1' }\n", text,
		    i, i);
		free(text);
		text = more;
	}
	w.id = id = submit(s, service_file(s, "many.yaml", text));
	free(text);
	for (w.n = 2; w.n < MANY; w.n += 5) {
		service_until(has_passed, &w, "the run does not go on without its store");
		kill_store(s);
	}
	service_until(is_over, &w, "the run does not end");
	await_stored(s, id);
	before = dump_without_time(DOC(s, "show", id, "--json"));
	leave(s);
	service_again(s);
	after = dump_without_time(DOC(s, "show", id, "--json"));
	assert_string_equal(after, before);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof name, "t%d", i);
		assert_int_equal(attempts_of(s, name), 1);
	}
	free(before);
	free(after);
	free(id);
}

/* ---- the disk ---- */

/* A file system of this size over the state folder, in a mount namespace of our own, which
 * ends with us and those we start.  0: it cannot be had. */
static int
mount_state(struct service *s, const char *size)
{
	char	path[96], options[64];

	(void)snprintf(path, sizeof path, "%s/state", s->dir);
	(void)snprintf(options, sizeof options, "size=%s,mode=0700", size);
	if (geteuid() != 0 || unshare(CLONE_NEWNS) == -1 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		return 0;
	return mount("tmpfs", path, "tmpfs", 0, options) == 0;
}

/* Ends the supervisor, takes the file system away, and starts it again as it began. */
static void
unmount_state(struct service *s)
{
	char	path[96];

	leave(s);
	(void)snprintf(path, sizeof path, "%s/state", s->dir);
	assert_int_equal(umount2(path, MNT_DETACH), 0);
	service_again(s);
}

/* Leaves no room on the disk. */
static void
fill_disk(struct service *s)
{
	static char	zeros[65536];
	char		path[96];
	ssize_t		n;
	int		fd;

	(void)snprintf(path, sizeof path, "%s/state/ballast", s->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (size_t piece = sizeof zeros; piece > 0; piece /= 2) {
		while ((n = write(fd, zeros, piece)) > 0)
			;
		assert_true(n == -1 && errno == ENOSPC);
	}
	(void)close(fd);
}

static void
a_full_disk_is_said_and_mended(void **state)
{
	struct service	*s = *state;
	char		*id, *path;
	json_t		*doc;

	leave(s);
	if (!mount_state(s, "6m")) {
		service_again(s);
		skip();
	}
	service_again(s);
	id = run_id(s, one_test(s));
	await_stored(s, id);
	free(id);
	fill_disk(s);
	doc = run(s, service_file(s, "story.yaml", story));
	assert_int_equal(ran_summary(doc, "total"), 6);
	assert_true(warns(doc, "cannot be written") + warns(doc, "cannot be kept") > 0);
	id = xstrdup(text_of(doc, "runId"));
	json_decref(doc);
	path = xasprintf("%s/state/ballast", s->dir);
	assert_int_equal(unlink(path), 0);
	free(path);
	await_stored(s, id);
	service_until(no_warning, s, "results go on to warn");
	assert_int_equal(attempts_of(s, "heals"), 2);
	assert_int_equal(attempts_of(s, "prints noise"), 1);
	free(id);
	unmount_state(s);
}

static void
a_folder_that_cannot_be_written_is_said(void **state)
{
	struct service	*s = *state;
	char		 path[96];

	assert_false(result_warns(s, "history"));
	leave(s);
	(void)snprintf(path, sizeof path, "%s/state", s->dir);
	if (geteuid() == 0) {	/* whom no mode stops */
		if (!mount_state(s, "1m")) {
			service_again(s);
			skip();
		}
		assert_int_equal(mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	} else {
		assert_int_equal(chmod(path, 0500), 0);
		(void)snprintf(path, sizeof path, "%s/state/paratest", s->dir);
		assert_int_equal(chmod(path, 0500), 0);
	}
	service_again(s);
	assert_true(result_warns(s, path));	/* which folder, and why */
	assert_true(result_warns(s, path));
	if (geteuid() == 0) {
		unmount_state(s);
	} else {
		leave(s);
		assert_int_equal(chmod(path, 0700), 0);
		service_again(s);
	}
	service_until(no_warning, s, "results go on to warn");
}

/* ---- the database ---- */

/* Writes what is no database over all of it, with its log. */
static void
overwrite(struct service *s)
{
	static const char *const	names[] = { "history.db", "history.db-wal" };
	char				path[128];
	struct stat			st;
	int				fd;

	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof path, "%s/state/paratest/%s", s->dir, names[i]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd == -1 && i == 1)
			continue;	/* it was closed in order */
		assert_int_equal(fstat(fd, &st), 0);
		for (off_t at = 0; at < st.st_size; at += 8)
			assert_int_equal(pwrite(fd, "garbage\n", 8, at), 8);
		(void)close(fd);
	}
}

/* The files of a database that was set aside; `away` moves them out of the folder. */
static int
set_aside(struct service *s, int away)
{
	char		 dir[96], from[400], to[400], buf[8] = "";
	struct dirent	*e;
	DIR		*d;
	int		 n = 0, fd;

	(void)snprintf(dir, sizeof dir, "%s/state/paratest", s->dir);
	d = opendir(dir);
	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, "history.db.damaged-", 19) != 0)
			continue;
		(void)snprintf(from, sizeof from, "%s/%s", dir, e->d_name);
		(void)snprintf(to, sizeof to, "%s/%s", s->dir, e->d_name);
		fd = open(from, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		n += read(fd, buf, 8) == 8 && memcmp(buf, "garbage\n", 8) == 0 &&
		    strstr(e->d_name, "-wal") == NULL;
		(void)close(fd);
		if (away)
			assert_int_equal(rename(from, to), 0);
	}
	(void)closedir(d);
	return n;
}

static void
a_database_damaged_between_two_supervisors(void **state)
{
	struct service	*s = *state;
	char		*id = run_id(s, one_test(s));

	await_stored(s, id);
	leave(s);
	overwrite(s);
	service_again(s);
	assert_int_equal(attempts_of(s, "it"), 0);	/* asked of the new one */
	for (int i = 1; i <= 2; i++) {
		assert_true(result_warns(s, "history.db.damaged-"));
		assert_int_equal(attempts_of(s, "it"), i);
		assert_int_equal(set_aside(s, 0), 1);
	}
	leave(s);
	service_again(s);
	assert_true(result_warns(s, "history.db.damaged-"));
	assert_int_equal(set_aside(s, 1), 1);		/* it was never removed */
	service_until(no_warning, s, "results go on to warn");
	assert_true(attempts_of(s, "it") >= 4);
	free(id);
}

/* A run that is under way goes into the new one from its first event. */
static void
a_database_damaged_while_it_is_used(void **state)
{
	struct service	*s = *state;
	char		*id = run_id(s, one_test(s)), *file = xasprintf("%s/go", s->dir), *text;
	struct waiting	 w = { s, NULL, 1 };
	json_t		*doc;
	FILE		*go;

	await_stored(s, id);
	free(id);
	text = xasprintf("name: held\ntests:\n  - { name: early, run: 'echo early' }\n"
	    "  - { name: late, run: 'until test -e %s; do sleep 0.02; done' }\n", file);
	w.id = id = submit(s, service_file(s, "held.yaml", text));
	free(text);
	service_until(has_passed, &w, "the first test does not pass");
	await_attempts(s, "early", 1);
	overwrite(s);
	kill_store(s);		/* the next one has none of it in memory */
	go = fopen(file, "we");
	assert_non_null(go);
	assert_int_equal(fclose(go), 0);
	free(file);
	service_until(is_over, &w, "the run does not end");
	await_stored(s, id);
	assert_int_equal(set_aside(s, 0), 1);
	assert_true(result_warns(s, "history.db.damaged-"));
	assert_int_equal(attempts_of(s, "early"), 1);
	assert_int_equal(attempts_of(s, "late"), 1);
	leave(s);
	service_again(s);
	doc = DOC(s, "show", id, "--json");
	assert_string_equal(text_of(doc, "status"), "passed");
	assert_int_equal(json_array_size(json_object_get(doc, "results")), 2);
	json_decref(doc);
	free(id);
}

/* As after a power cut: the row of an output is there, its file is not whole. */
static void
an_output_whose_file_is_damaged(void **state)
{
	struct service	*s = *state;
	char		*id = run_id(s, service_file(s, "story.yaml", story)), *command, *show;
	struct ran	 r;

	await_stored(s, id);
	leave(s);
	command = xasprintf("find %s/state/paratest/outputs -type f -exec truncate -s 100 {} +",
	    s->dir);
	assert_int_equal(system(command), 0);
	free(command);
	service_again(s);
	CTL(s, &r, NULL, "output", id, "prints noise");
	assert_int_equal(r.out_len, 0);
	assert_true(r.err_len > 0);		/* it says that something is missing */
	ran_free(&r);
	CTL(s, &r, NULL, "output", id, "passes");
	assert_int_equal(r.code, 0);
	assert_int_equal(r.out_len, 20);
	ran_free(&r);
	show = dump_without_time(DOC(s, "show", id, "--json"));
	assert_non_null(strstr(show, "prints noise"));
	free(show);
	free(id);
}

/* Nobody goes on with a run whose journal was taken away. */
static void
a_run_whose_journal_is_gone_is_no_longer_running(void **state)
{
	struct service	*s = *state;
	char		*id, *path;
	struct waiting	 w = { s, NULL, 1 };
	json_t		*doc;

	w.id = id = submit(s, service_file(s, "hang.yaml", "name: hang\ntests:\n"
	    "  - { name: early, run: 'echo early' }\n  - { name: late, run: 'sleep 600' }\n"));
	service_until(has_passed, &w, "the first test does not pass");
	await_attempts(s, "late", 1);
	service_crash(s);
	path = xasprintf("%s/state/paratest/journal/%s", s->dir, id);
	assert_int_equal(unlink(path), 0);
	free(path);
	service_again(s);
	service_until(is_over, &w, "it is said to run for ever");
	doc = DOC(s, "show", id, "--json");
	assert_string_equal(text_of(doc, "status"), "error");
	json_decref(doc);
	path = row_of(s, id);
	assert_non_null(strstr(path, "\"status\": \"error\""));
	free(path);
	free(id);
}

/* ---- retention ---- */

static void
a_bound_reaches_the_store_that_runs(void **state)
{
	struct service	*s = *state;
	char		*id;
	json_t		*doc;

	set(s, "keep-runs", "1");
	for (int i = 0; i < 5; i++) {
		id = run_id(s, one_test(s));
		await_stored(s, id);
		free(id);
	}
	assert_int_equal(attempts_of(s, "it"), 5);
	set(s, "history-runs", "2");
	await_attempts(s, "it", 2);
	doc = DOC(s, "runs", "--json");
	assert_int_equal(json_array_size(doc), 2);
	json_decref(doc);
}

/* ---- two of them ---- */

static void
the_second_supervisor_of_a_folder_says_so(void **state)
{
	struct service	*s = *state, second = *s;
	char		*id = run_id(s, one_test(s));

	(void)snprintf(second.socket, sizeof second.socket, "%s/second", s->dir);
	second.pid = 0;
	service_again(&second);
	for (int i = 0; i < 2; i++)
		assert_true(result_warns(&second, "no history is kept: ") &&
		    result_warns(&second, "another supervisor"));
	assert_false(result_warns(s, "another supervisor"));
	leave(&second);
	assert_int_equal(attempts_of(s, "it"), 2);
	free(id);
}

#define WITH_SERVICE(f)	cmocka_unit_test_setup_teardown(f, service_setup, service_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVICE(a_run_is_found_again_as_it_was),
		WITH_SERVICE(two_runs_of_a_test_are_two),
		WITH_SERVICE(a_store_that_is_killed_again_and_again_loses_nothing),
		WITH_SERVICE(a_full_disk_is_said_and_mended),
		WITH_SERVICE(a_folder_that_cannot_be_written_is_said),
		WITH_SERVICE(a_database_damaged_between_two_supervisors),
		WITH_SERVICE(a_database_damaged_while_it_is_used),
		WITH_SERVICE(an_output_whose_file_is_damaged),
		WITH_SERVICE(a_run_whose_journal_is_gone_is_no_longer_running),
		WITH_SERVICE(a_bound_reaches_the_store_that_runs),
		WITH_SERVICE(the_second_supervisor_of_a_folder_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
