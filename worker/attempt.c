/*
 * The stages of an attempt in their order, see attempt.h; attempt_result.c is what comes of
 * them.
 *
 *	SETUP ---- failed or aborted ----> TEARDOWN ----> SWEEP --> CLEAN --> REPORT
 *	   `--- exit 0 ---> TEST -------------^  (left out where there is none)
 *
 * TEARDOWN follows whatever became of SETUP and TEST, unless all was to be killed.
 * What SETUP leaves running lives until the last stage ends.  SWEEP ends what is
 * then alive with no stage left to do it; CLEAN removes the folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fdutil.h"
#include "common/peer.h"
#include "common/rmtree.h"
#include "common/xalloc.h"
#include "worker/assertion.h"
#include "worker/attempt_int.h"
#include "worker/command.h"
#include "worker/groups.h"
#include "worker/iocount.h"
#include "worker/judge.h"

#define HOOK_TIMEOUT_MS		30000
#define HOOK_OUTPUT		(UINT64_C(1) << 20)	/* bytes a stream, at most */
#define CLEAN_MS		30000
#define PEAK_KEPT		(256u << 10)	/* bytes of output that show in a peak */

static void	next_phase(struct attempt *);
static void	finish(struct attempt *);

/* ---- commands ---- */

static const char *
phase_name(enum phase phase)
{
	return phase == PHASE_SETUP ? "setup" : "teardown";
}

/* Starts the command of the current phase.  NULL, or why it could not. */
static char *
start_command(struct attempt *a, struct svs argv, uint64_t timeout_ms, uint64_t limit)
{
	struct exec_command	 cmd = { .envp = a->env.list, .cwd = a->cwd,
				    .stack = a->host->stack };
	enum exec_where		 where = EXEC_CLONE;
	char			**v = command_words(argv);
	int			 r;

	a->captures[a->phase] = capture_new(limit);
	cmd.argv = v;
	cmd.condition = a->phase == PHASE_TEST ? a->condition : FLAKE_PLAIN;
	cmd.cpu = (unsigned)a->slot;
	cmd.limits = a->confine.any ? &a->confine.exec : NULL;
	r = command_input(a->phase == PHASE_TEST ? a->spec.stdin_data : (struct sv){ NULL, 0 },
	    &cmd.in);
	if (r == 0)
		r = stage_start(&a->stages[a->phase], &cmd, timeout_ms, a->grace_ms,
		    a->phase == PHASE_SETUP, &where);
	fd_close(&cmd.in);
	free(v);
	if (r == 0)	/* it leads one */
		usage_saw_session(&a->sweep.usage, a->stages[a->phase].pid);
	return r == 0 ? NULL : command_describe_failure(argv.v[0], a->cwd, where, -r);
}

static void
run_hook(struct attempt *a, struct svs argv, uint64_t timeout_ms)
{
	char		*why;
	struct strbuf	 t = { NULL, 0, 0 };

	why = start_command(a, argv, timeout_ms > 0 ? timeout_ms : HOOK_TIMEOUT_MS,
	    a->output_limit < HOOK_OUTPUT ? a->output_limit : HOOK_OUTPUT);
	if (why == NULL)
		return;
	strbuf_addf(&t, "%s: %s", phase_name(a->phase), why);
	a->hook_problem[a->phase] = t.p;
	free(why);
	next_phase(a);
}

/* Its time is not the test's. */
static void
start_company(struct attempt *a)
{
	uint64_t		  before = now_us();
	char			**v = command_words(a->spec.argv);
	struct company_order	  order = { .condition = a->condition,
				    .scratch = a->host->scratch, .argv = v, .env = a->env.list,
				    .cwd = a->cwd, .input = a->spec.stdin_data, .slot = a->slot };

	company_start(&a->company, &order);
	free(v);
	a->sweep.beside = a->sampler.beside = a->company.pid;
	a->ready_us = now_us();
	a->start_us += a->ready_us - before;
}

static void
run_test(struct attempt *a)
{
	if (a->spec.format == FORMAT_TAP)
		a->tap = tap_new();
	if (company_is_of(a->condition))
		start_company(a);
	company_go(&a->company);
	a->no_start = start_command(a, a->spec.argv, a->timeout_ms, a->output_limit);
	if (a->no_start != NULL) {
		next_phase(a);
		return;
	}
	if (a->condition == FLAKE_PAUSED)
		pauser_start(&a->pauser, a->stages[PHASE_TEST].pid, a->usual_ms);
	a->figures[FIGURE_SPAWN_US] = now_us() - a->ready_us;
}

/* ---- the order ---- */

static bool
has_teardown(const struct attempt *a)
{
	return a->spec.teardown.n > 0 && !a->killed && a->no_ground == NULL;
}

/* Goes on from a phase that is over. */
static void
next_phase(struct attempt *a)
{
	enum phase	before = a->phase;
	bool		stop = a->aborted || a->hook_problem[PHASE_SETUP] != NULL;

	pauser_stop(&a->pauser);
	company_leave(&a->company);
	if (before == PHASE_SETUP && !stop) {
		/* What it left serves the test, until the last stage is over. */
		sweep_spare(&a->sweep, has_teardown(a));
		a->phase = PHASE_TEST;
		a->ready_us = now_us();
		run_test(a);
	} else if (before <= PHASE_TEST && has_teardown(a)) {
		sweep_spare(&a->sweep, false);
		a->phase = PHASE_TEARDOWN;
		run_hook(a, a->spec.teardown, a->spec.teardown_timeout_ms);
	} else {
		bool	ended;
		int	status;

		sweep_spare(&a->sweep, false);
		a->phase = PHASE_SWEEP;
		if (sweep_reap(&a->sweep, 0, &ended, &status))
			stage_sweep(&a->stages[PHASE_SWEEP]);
		else
			finish(a);
	}
}

static char *
hook_problem(const struct attempt *a, const struct stage *st)
{
	struct strbuf	 t = { NULL, 0, 0 };
	char		*end;

	if (st->timed_out) {
		strbuf_addf(&t, "%s timed out after ", phase_name(a->phase));
		judge_add_duration(&t, st->timeout_ms);
	} else if (!WIFEXITED(st->wstatus) || WEXITSTATUS(st->wstatus) != 0) {
		end = assertion_describe_end(!WIFEXITED(st->wstatus),
		    WIFEXITED(st->wstatus) ? WEXITSTATUS(st->wstatus) : WTERMSIG(st->wstatus));
		strbuf_addf(&t, "%s failed: %s", phase_name(a->phase), end);
		free(end);
	}
	return t.p;
}

static void
on_stage_over(void *arg, struct stage *st)
{
	struct attempt	*a = arg;

	if (a->phase == PHASE_SWEEP) {
		finish(a);
		return;
	}
	if (a->phase != PHASE_TEST)
		a->hook_problem[a->phase] = hook_problem(a, st);
	next_phase(a);
}

static void
on_stage_output(void *arg, struct stage *st, unsigned stream, const void *data, size_t n)
{
	struct attempt	*a = arg;
	size_t		 phase = (size_t)(st - a->stages);

	capture_add(a->captures[phase], stream, data, n);
	if (phase == PHASE_TEST && a->tap != NULL && stream == CAPTURE_STDOUT)
		tap_feed(a->tap, data, n);
	report_output(&a->report, stream, (struct sv){ data, n });
}

static const struct stage_ops stage_ops = { .output = on_stage_output, .over = on_stage_over };

/* ---- the folder ---- */

static void
clean_over(struct attempt *a, bool fine)
{
	struct msg_log	m = { .level = 4, .text = SV_LIT("a test's temporary folder could not "
			    "be removed whole") };

	(void)event_del(&a->timer);
	a->cleaner = 0;
	if (!fine)
		(void)peer_send(a->host->peer, MSG_LOG, 0, &m);
	a->phase = PHASE_REPORT;
	attempt_drained(a);
}

/* Too slow: it is left behind, in a folder that the worker's end removes. */
static void
on_clean_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct attempt	*a = arg;

	(void)fd;
	(void)what;
	(void)kill(a->cleaner, SIGKILL);
}

/* A test can leave a million files: they are removed by a process of their own, so
 * that our heart beats on.  In the common case there is none. */
static void
clean_dir(struct attempt *a)
{
	struct timeval	tv = { CLEAN_MS / 1000, 0 };
	pid_t		pid;

	if (a->shared || a->dir[0] == '\0' || tmpdir_untouched(a->host->tmpdir) ||
	    unlinkat(a->host->scratch_fd, a->dir, AT_REMOVEDIR) == 0 || errno == ENOENT) {
		clean_over(a, true);
		return;
	}
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(rmtree_at(a->host->scratch_fd, a->dir) != 0);
	}
	if (pid == -1) {
		clean_over(a, rmtree_at(a->host->scratch_fd, a->dir) == 0);
		return;
	}
	a->cleaner = pid;
	(void)event_add(&a->timer, &tv);
}

/* What stands beside the test goes first; what it moved counts for nobody. */
static void
clean(void *arg)
{
	struct attempt	*a = arg;
	uint64_t	 r, w;

	a->phase = PHASE_CLEAN;
	if (company_is_of(a->condition)) {
		if (!company_over(&a->company, clean, a))
			return;
		a->sweep.beside = a->sampler.beside = 0;
		iocount_take(a->host->iocount, &r, &w);
		(void)rmtree_at(a->host->scratch_fd, COMPANY_DIR);	/* if it was killed */
	}
	if (a->condition == FLAKE_CLOCK)
		condition_tidy("/dev/shm");
	clean_dir(a);
}

static char *
make_dir(struct attempt *a, const char *run)
{
	struct strbuf	t = { NULL, 0, 0 };
	int		r;

	if (a->shared) {
		r = tmpdir_share(a->host->shared_fd, run, a->dir);
	} else {
		r = tmpdir_take(a->host->tmpdir);
		(void)snprintf(a->dir, sizeof a->dir, "%s", a->host->tmpdir->name);
	}
	a->tmpdir = xasprintf("%s/%s", a->shared ? a->host->shared : a->host->scratch, a->dir);
	if (r == 0 && a->condition == FLAKE_TMPDIR && !a->shared)
		r = condition_tmpdir(&a->tmpdir);
	if (r != 0)
		strbuf_addf(&t, "cannot make a temporary folder in %s: %s",
		    a->shared ? a->host->shared : a->host->scratch, strerror(-r));
	return t.p;
}

/* ---- the report ---- */

/* Nothing lives any more. */
static void
finish(struct attempt *a)
{
	size_t	n = 0;

	for (int i = 0; i < N_STAGES; i++)
		stage_close(&a->stages[i]);
	a->done.elapsed_us = now_us() - a->start_us;
	attempt_measure(a);
	if (report_begin(&a->report, a->captures, &a->inline_output, &n))
		a->done.output = (struct sv){ a->inline_output, n };
	clean(a);
}

void
attempt_drained(struct attempt *a)
{
	int	r;

	if (a->phase != PHASE_REPORT || a->decided)
		return;
	r = a->done.output.n > 0 ? 1 : report_pump(&a->report);
	if (r != 0)
		attempt_send_result(a);
}

/* ---- from outside ---- */

void
attempt_reap(struct attempt *a)
{
	bool		 ended = false;
	int		 status = 0;
	struct stage	*st;

	if (a->phase <= PHASE_SWEEP) {
		st = &a->stages[a->phase];
		stage_reap(st);
		if (st->ended)	/* its pid may be another's from now on */
			pauser_stop(&a->pauser);
		return;
	}
	(void)sweep_reap(&a->sweep, a->cleaner, &ended, &status);
	if (a->phase == PHASE_CLEAN && ended)
		clean_over(a, status == 0);
}

void
attempt_abort(struct attempt *a, bool kill_now, bool timeout)
{
	struct stage	*st;

	if (a->phase > PHASE_SWEEP)
		return;		/* its result is on the way */
	st = &a->stages[a->phase];
	a->killed = a->killed || kill_now;
	pauser_stop(&a->pauser);
	/* A test that has ended has its result, whatever is still to be ended. */
	if (!a->aborted && !st->timed_out && (a->phase == PHASE_SETUP ||
	    (a->phase == PHASE_TEST && !st->ended) || (a->phase == PHASE_TEARDOWN && kill_now))) {
		a->aborted = true;
		a->run_timed_out = timeout;
	}
	if (a->phase != PHASE_TEARDOWN || kill_now)
		stage_stop(st, kill_now);
}

void
attempt_follow(struct attempt *a, bool on)
{
	if (a->phase <= PHASE_SWEEP)
		report_live(&a->report, a->captures, on);
}

void
attempt_dismiss(struct attempt *a)
{
	if (a != NULL)
		company_kill(&a->company);
}

void
attempt_figures(const struct attempt *a, uint64_t *ret_cpu_us, uint64_t *ret_memory)
{
	*ret_cpu_us = sampler_cpu_us(&a->sampler);
	*ret_memory = a->sampler.last;
}

uint64_t
attempt_id(const struct attempt *a)
{
	return a->id;
}

/* ---- birth and end ---- */

static void
make_env(struct attempt *a, const struct attempt_context *ctx, const struct msg_attempt *m)
{
	struct condition_facts	f = { .condition = a->condition, .run_env = ctx->env,
				    .test_env = a->spec.env, .name = a->spec.name, .run = ctx->run,
				    .tmpdir = a->tmpdir, .number = m->number, .slot = m->slot,
				    .seed = ctx->seed };

	condition_env_make(&a->env, &f);
	a->cwd = xstrndup(a->spec.cwd.p, a->spec.cwd.n);
}

static bool
read_spec(struct attempt *a, struct sv spec)
{
	union msg_body	body;

	a->data = xmemdup(spec.p, spec.n);
	a->reader = msg_reader_new();
	if (a->reader == NULL ||
	    msg_decode(a->reader, MSG_TEST_ADD, a->data, spec.n, &body, NULL) != 0)
		return false;
	a->spec = body.test_add;
	return a->spec.argv.n > 0 && a->spec.cwd.n > 0;
}

/* It is ended at once, whichever of its commands runs. */
static void
on_over_memory(void *arg)
{
	struct attempt	*a = arg;

	if (a->phase > PHASE_SWEEP)
		return;
	a->confine.killed = true;
	pauser_stop(&a->pauser);
	stage_stop(&a->stages[a->phase], true);
}

static void
confine(struct attempt *a)
{
	if (a->no_ground == NULL)
		a->no_ground = confine_begin(&a->confine, a->host->groups, &a->spec, a->slot);
	if (!a->confine.watched)
		return;
	a->sampler.limit = a->confine.limits.v[LIMIT_MEMORY];
	a->sampler.over = on_over_memory;
	a->sampler.arg = a;
}

struct attempt *
attempt_start(const struct attempt_host *host, const struct attempt_context *ctx,
    const struct msg_attempt *m)
{
	struct attempt	*a = xcalloc(1, sizeof *a);

	a->host = host;
	a->id = m->attempt_id;
	a->timeout_ms = m->timeout_ms;
	a->grace_ms = m->grace_ms;
	a->output_limit = m->output_limit;
	a->slot = m->slot;
	a->shared = m->shared;
	a->usual_ms = m->usual_ms;
	if (m->condition < FLAKE_CONDITION_COUNT)
		a->condition = (enum flake_condition)m->condition;
	pauser_init(&a->pauser, host->base);
	company_init(&a->company, host->base);
	a->start_ms = wall_ms();
	a->start_us = a->ready_us = now_us();
	a->report = (struct report){ .peer = host->peer, .attempt_id = a->id, .live = m->follow };
	sweep_init(&a->sweep);
	a->sweep.kill_fd = host->groups->kill;
	for (int i = 0; i < N_STAGES; i++)
		stage_init(&a->stages[i], host->base, &a->sweep, host->buf, &stage_ops, a);
	sampler_init(&a->sampler, host->base, &a->sweep.usage);
	(void)event_assign(&a->timer, host->base, -1, 0, on_clean_timeout, a);
	if (!read_spec(a, m->spec)) {
		attempt_free(a);
		return NULL;
	}
	a->no_ground = make_dir(a, ctx->run);
	make_env(a, ctx, m);
	confine(a);
	sampler_start(&a->sampler);
	if (a->no_ground != NULL) {
		a->phase = PHASE_TEST;
		next_phase(a);
	} else if (a->spec.setup.n > 0) {
		a->phase = PHASE_SETUP;
		run_hook(a, a->spec.setup, a->spec.setup_timeout_ms);
	} else {
		a->phase = PHASE_TEST;
		run_test(a);
	}
	return a;
}

/* Until its execve a child counts our memory as its own: the peak of a large capture
 * would be the next test's.  Where it cannot be reset the number is too high. */
static void
reset_peak(void)
{
	int	fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	if (fd == -1)
		return;
	(void)!write(fd, "5", 1);
	(void)close(fd);
}

void
attempt_free(struct attempt *a)
{
	size_t	kept = 0;

	if (a == NULL)
		return;
	for (int i = 0; i < N_STAGES; i++)
		stage_close(&a->stages[i]);
	(void)event_del(&a->timer);
	pauser_stop(&a->pauser);
	company_kill(&a->company);
	sampler_stop(&a->sampler);
	for (int i = 0; i < REPORT_STAGES; i++) {
		kept += a->captures[i] != NULL ? capture_kept(a->captures[i]) : 0;
		capture_free(a->captures[i]);
		free(a->hook_problem[i]);
	}
	condition_env_free(&a->env);
	confine_clear(&a->confine);
	sweep_clear(&a->sweep);
	tap_free(a->tap);
	free(a->cwd);
	free(a->tmpdir);
	free(a->no_ground);
	free(a->no_start);
	free(a->inline_output);
	msg_reader_free(a->reader);
	free(a->data);
	free(a);
	if (kept > PEAK_KEPT)
		reset_peak();
}
