/*
 * Completions as they are used: a line is typed into bash and zsh on a terminal, TAB and
 * Enter are pressed, and the words that the command then has are looked at; fish is asked
 * by its own `complete -C`.  Where a shell is not installed its test is skipped.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "tests/integ/service.h"

/* What is typed, with TAB at its end, and the words that come of it. */
struct line {
	const char	*typed, *words;
	bool		 asks;		/* the supervisor, who may be too late once */
};

static const struct line lines[] = {
	{ "paratestctl can\t", "<cancel>", false },
	{ "paratestctl run --jitter fu\t", "<run><--jitter><full>", false },
	{ "paratestctl run --jitter=fu\t", "<run><--jitter=full>", false },
	{ "paratestctl run --retry-pres\t", "<run><--retry-preset>", false },
	{ "paratestctl run -q sui\tn\t", "<run><-q><suites/nightly.yaml>", false },
	{ "paratestctl run --junit sui\tn\t", "<run><--junit><suites/nightly.yaml>", false },
	{ "paratestctl output --stream c\t", "<output><--stream><combined>", false },
	{ "paratestctl flaky --under one\t", "<flaky><--under><one-cpu>", false },
	{ "paratestctl --json config g\tmax-j\t", "<--json><config><get><max-jobs>", true },
	{ "paratestctl show RUN\t", "<show><ID>", true },
	{ NULL, NULL, false }
};

struct shell {
	struct service	*service;
	char		 id[9];		/* of a run on record */
	pid_t		 pid;
	int		 fd;
	char		 text[65536];	/* what came since the last line */
	size_t		 n;
};

/* Waits until it stands in what came. */
static void
await(struct shell *s, const char *what)
{
	msec_t	deadline = now_ms() + SERVICE_DEADLINE_MS;
	ssize_t	n;

	while (strstr(s->text, what) == NULL) {
		struct pollfd	p = { .fd = s->fd, .events = POLLIN };
		msec_t		now = now_ms();

		if (now >= deadline || poll(&p, 1, (int)(deadline - now)) != 1)
			fail_msg("'%s' did not come: %s", what, s->text);
		n = read(s->fd, s->text + s->n, sizeof s->text - s->n - 1);
		if (n <= 0)
			fail_msg("the shell is gone before '%s' came: %s", what, s->text);
		s->n += (size_t)n;
		s->text[s->n] = '\0';
	}
}

static void
type(struct shell *s, const char *text)
{
	s->n = 0;
	s->text[0] = '\0';
	assert_int_equal(write(s->fd, text, strlen(text)), (ssize_t)strlen(text));
}

static int
installed(const char *shell)
{
	char	command[64];

	(void)snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", shell);
	return system(command) == 0;
}

/* In the service's folder, which has suites/nightly.yaml. */
static void
enter(const struct shell *s)
{
	char	*programs = xstrdup(service_program("paratestctl")), *path;

	*strrchr(programs, '/') = '\0';
	path = xasprintf("%s:%s", programs, getenv("PATH"));
	if (setenv("PATH", path, 1) != 0 || setenv("HOME", s->service->dir, 1) != 0 ||
	    setenv("PARATEST_SOCKET", s->service->socket, 1) != 0 ||
	    setenv("TERM", "dumb", 1) != 0 || chdir(s->service->dir) != 0)
		_exit(127);
}

/* Starts one that then reads `load`. */
static void
start(struct shell *s, char *const argv[], const char *load)
{
	const struct winsize	 size = { .ws_row = 50, .ws_col = 200 };
	char			*line;

	s->pid = forkpty(&s->fd, NULL, NULL, &size);
	assert_true(s->pid != -1);
	if (s->pid == 0) {
		enter(s);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	/* In place of the program, which completion asks in any case. */
	line = xasprintf("%s; paratestctl() { printf '<%%s>' \"$@\"; printf '\\nEN''D\\n'; }; "
	    "echo RE''ADY\r", load);
	type(s, line);
	await(s, "READY");
	free(line);
}

static void
finish(struct shell *s)
{
	int	status;

	(void)kill(s->pid, SIGHUP);
	(void)kill(s->pid, SIGKILL);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	(void)close(s->fd);
}

static void
try(struct shell *s, const struct line *l)
{
	const char	*run = strstr(l->typed, "RUN"), *id = strstr(l->words, "ID");
	char		*typed, *words;
	msec_t		 deadline = now_ms() + SERVICE_DEADLINE_MS;

	/* Of the id half is typed. */
	typed = run != NULL ? xasprintf("%.*s%.4s%s\r", (int)(run - l->typed), l->typed, s->id,
	    run + 3) : xasprintf("%s\r", l->typed);
	words = id != NULL ? xasprintf("%.*s%s%s", (int)(id - l->words), l->words, s->id, id + 2) :
	    xstrdup(l->words);
	do {
		type(s, typed);
		await(s, "END");
	} while (l->asks && strstr(s->text, words) == NULL && now_ms() < deadline);
	if (strstr(s->text, words) == NULL)
		fail_msg("%s became no %s: %s", typed, words, s->text);
	free(typed);
	free(words);
}

static void
try_all(struct shell *s)
{
	for (const struct line *l = lines; l->typed != NULL; l++)
		try(s, l);
	finish(s);
}

/* A suite to find, and a run. */
static void
stage(struct shell *s)
{
	struct ran	 r;
	json_t		*doc;
	char		*path = xasprintf("%s/suites", s->service->dir);

	assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
	free(path);
	(void)service_file(s->service, "suites/nightly.yaml", "tests: []\n");
	CTL(s->service, &r, NULL, "run", "--json", "--", "true");
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	(void)snprintf(s->id, sizeof s->id, "%s", json_string_value(json_object_get(doc, "runId")));
	assert_int_equal(strlen(s->id), 8);
	json_decref(doc);
	ran_free(&r);
}

static void
test_bash(void **state)
{
	struct shell	 s = { .service = *state };
	char		*argv[] = { (char[]){ "bash" }, (char[]){ "--norc" },
	    (char[]){ "--noprofile" },
	    (char[]){ "-i" }, NULL };
	char		*here, *load;

	if (!installed("bash"))
		skip();
	here = getcwd(NULL, 0);
	load = xasprintf(". %s/completions/paratestctl.bash", here);
	stage(&s);
	start(&s, argv, load);
	try_all(&s);
	free(load);
	free(here);
}

/* As it is installed: compinit finds it in a folder of fpath. */
static void
test_zsh(void **state)
{
	struct shell	 s = { .service = *state };
	char		*argv[] = { (char[]){ "zsh" }, (char[]){ "-f" }, (char[]){ "-i" }, NULL };
	char		*here, *load;

	if (!installed("zsh"))
		skip();
	here = getcwd(NULL, 0);
	load = xasprintf("fpath=(%s/completions $fpath); autoload -U compinit; compinit -D -u",
	    here);
	stage(&s);
	start(&s, argv, load);
	try_all(&s);
	free(load);
	free(here);
}

/* Does fish offer it behind a line? */
static bool
fish_offers(struct shell *s, const char *line, const char *offer)
{
	char	*here = getcwd(NULL, 0), *script, answer[65536];
	int	 fds[2], status;
	size_t	 n = 0;
	ssize_t	 got;

	script = xasprintf("source %s/completions/paratestctl.fish; complete -C '%s'", here, line);
	assert_int_equal(pipe(fds), 0);
	s->pid = fork();
	assert_true(s->pid != -1);
	if (s->pid == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		enter(s);
		(void)execlp("fish", "fish", "-N", "-c", script, (char *)NULL);
		_exit(127);
	}
	(void)close(fds[1]);
	while ((got = read(fds[0], answer + n, sizeof answer - n - 1)) > 0)
		n += (size_t)got;
	answer[n] = '\0';
	(void)close(fds[0]);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	if (strstr(answer, offer) == NULL)
		print_error("fish offers no %s behind '%s': %s", offer, line, answer);
	free(script);
	free(here);
	return strstr(answer, offer) != NULL;
}

static void
ask_fish(struct shell *s, const char *line, const char *offer, bool asks)
{
	msec_t	deadline = now_ms() + SERVICE_DEADLINE_MS;
	bool	offers;

	do {
		offers = fish_offers(s, line, offer);
	} while (asks && !offers && now_ms() < deadline);
	assert_true(offers);
}

static void
test_fish(void **state)
{
	struct shell	 s = { .service = *state };

	if (!installed("fish"))
		skip();
	stage(&s);
	ask_fish(&s, "paratestctl can", "cancel\tends a run", false);
	ask_fish(&s, "paratestctl run --jitter ", "decorrelated\n", false);
	ask_fish(&s, "paratestctl run --jitter=fu", "--jitter=full\n", false);
	ask_fish(&s, "paratestctl run suites/", "suites/nightly.yaml\n", false);
	ask_fish(&s, "paratestctl show ", s.id, true);
	ask_fish(&s, "paratestctl config set max-j", "max-jobs\t", true);
}

/* Nobody there: nothing is offered, nothing said, and nothing started. */
static void
test_starts_nothing(void **state)
{
	struct service	*s = *state;
	struct ran	 r;
	char		*path = xasprintf("%s/none.sock", s->dir);

	CTL(s, &r, NULL, "complete", "--", "--socket", path, "show", "");
	assert_int_equal(r.code, 0);
	assert_string_equal(r.out, "");
	assert_string_equal(r.err, "");
	assert_int_equal(access(path, F_OK), -1);
	ran_free(&r);
	free(path);
}

/* One that takes connections and says nothing does not hold up who types. */
static void
test_waits_for_nobody(void **state)
{
	struct service		*s = *state;
	struct sockaddr_un	 sa = { .sun_family = AF_UNIX };
	struct ran		 r;
	int			 fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s/deaf.sock", s->dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(fd, 8), 0);
	/* service_wait() has a deadline; this waits for ever otherwise. */
	CTL(s, &r, NULL, "complete", "--", "--socket", sa.sun_path, "cancel", "");
	assert_int_equal(r.code, 0);
	assert_string_equal(r.out, "");
	assert_string_equal(r.err, "");
	ran_free(&r);
	(void)close(fd);
	(void)unlink(sa.sun_path);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(test_bash, service_setup, service_teardown),
		cmocka_unit_test_setup_teardown(test_zsh, service_setup, service_teardown),
		cmocka_unit_test_setup_teardown(test_fish, service_setup, service_teardown),
		cmocka_unit_test_setup_teardown(test_starts_nothing, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(test_waits_for_nobody, service_setup,
		    service_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
