/*
 * What an attempt comes to: what it has cost, what is to be said of how it ended, and the
 * message that says it.
 */
#include <sys/wait.h>

#include "common/figures.h"
#include "common/peer.h"
#include "worker/attempt_int.h"
#include "worker/failure.h"
#include "worker/iocount.h"
#include "worker/judge.h"

/* What its control group knows better. */
static void
measure_groups(struct attempt *a)
{
	const struct groups_use	*use = &a->confine.use;
	uint64_t		*f = a->figures;

	if (a->confine.limits.v[LIMIT_MEMORY] != 0 && use->peak != 0) {
		f[FIGURE_TREE_PEAK] = use->peak;
		f[FIGURE_TREE_SOURCE] = SOURCE_CGROUP;
	}
	/* With what nobody has waited for. */
	if (use->user_us + use->system_us > a->done.cpu_us) {
		f[FIGURE_USER_US] = use->user_us;
		f[FIGURE_SYSTEM_US] = use->system_us;
		a->done.cpu_us = use->user_us + use->system_us;
	}
	f[FIGURE_DEVICE_READ_BYTES] = use->device_read;
	f[FIGURE_DEVICE_WRITE_BYTES] = use->device_written;
}

/* What it all has cost; SPAWN_US is there, QUEUED_US is not ours to know. */
void
attempt_measure(struct attempt *a)
{
	const struct usage	*u = &a->sweep.usage;
	uint64_t		*f = a->figures;

	sampler_stop(&a->sampler);
	a->done.cpu_us = u->user_us + u->system_us;
	a->done.max_rss = u->max_rss;
	f[FIGURE_USER_US] = u->user_us;
	f[FIGURE_SYSTEM_US] = u->system_us;
	/* A peak between two looks may have been of one process: that one is known. */
	f[FIGURE_TREE_PEAK] = a->sampler.peak > u->max_rss ? a->sampler.peak : u->max_rss;
	if (f[FIGURE_TREE_PEAK] > 0)
		f[FIGURE_TREE_SOURCE] = a->sampler.peak > 0 ? SOURCE_PROCFS : SOURCE_RUSAGE;
	f[FIGURE_MINOR_FAULTS] = u->minor_faults;
	f[FIGURE_MAJOR_FAULTS] = u->major_faults;
	f[FIGURE_VOLUNTARY] = u->voluntary;
	f[FIGURE_INVOLUNTARY] = u->involuntary;
	confine_end(&a->confine, u, a->sampler.peak);
	measure_groups(a);
	if (a->confine.oom != NULL)
		sweep_unname(&a->sweep);	/* it was ended whole: it left nothing behind */
	iocount_take(a->host->iocount, &f[FIGURE_READ_BYTES], &f[FIGURE_WRITE_BYTES]);
	f[FIGURE_PROCESSES] = u->processes;
	f[FIGURE_SESSIONS] = u->sessions;
	/* Without a group there is nothing to say of devices, which is not that it was none. */
	a->done.figures = (struct nums){ f, a->confine.use.devices ? FIGURE_COUNT :
	    FIGURE_SPAWN_US + 1 };
}

static void
decide(struct attempt *a, struct judgement *ret, struct tap_result *tap)
{
	const struct stage	*test = &a->stages[PHASE_TEST];
	struct judge_facts	 f = {
		.spec = &a->spec, .no_ground = a->no_ground, .no_start = a->no_start,
		.setup = a->hook_problem[PHASE_SETUP],
		.teardown = a->hook_problem[PHASE_TEARDOWN],
		.oom = a->confine.oom, .note = a->confine.note,
		.timed_out = test->timed_out, .cancelled = a->aborted,
		.run_timed_out = a->run_timed_out, .timeout_ms = a->timeout_ms,
		.wstatus = test->wstatus, .capture = a->captures[PHASE_TEST],
		.alive = a->host->alive, .arg = a->host->arg,
	};

	for (int i = 0; i < N_STAGES; i++)
		f.stuck = f.stuck || a->stages[i].stuck;
	if (a->tap != NULL) {
		tap_finish(a->tap, judge_exit_is_expected(&a->spec) || !test->ended ||
		    !WIFEXITED(test->wstatus) ? 0 : WEXITSTATUS(test->wstatus), tap);
		f.tap = tap;
	}
	judge(&f, ret);
}

/* What the rules and the fingerprint say, and what was wrong with the rules. */
static void
describe_failure(struct attempt *a, const struct judgement *j, struct failure *ret)
{
	const struct stage	*test = &a->stages[PHASE_TEST];
	struct failure_facts	 f = {
		.spec = &a->spec, .judgement = j, .captures = a->captures,
		.ended = test->ended && !test->timed_out && !test->stopped,
		.wstatus = test->wstatus, .alive = a->host->alive, .arg = a->host->arg,
	};
	struct msg_log		 m = { .level = 4 };
	struct sv		 line;

	failure_describe(&f, ret, &a->done);
	for (size_t at = 0; at < ret->problems.n; at += line.n + 1) {
		line = strbuf_line((struct sv){ ret->problems.p, ret->problems.n }, at, false);
		m.text = line;
		(void)peer_send(a->host->peer, MSG_LOG, 0, &m);
	}
}

void
attempt_send_result(struct attempt *a)
{
	const struct stage	*test = &a->stages[PHASE_TEST];
	struct judgement	 j;
	struct failure		 failure;
	struct tap_result	 tap;
	bool			 fit, sent;

	a->decided = true;
	decide(a, &j, &tap);
	fit = j.category != CATEGORY_INFRASTRUCTURE && a->host->may_stay(a->host->arg);
	a->done.leaving = !fit;
	a->done.start_ms = a->start_ms;
	if (test->ended && WIFEXITED(test->wstatus)) {
		a->done.has |= MSG_BIT(attempt_done, exit_code);
		a->done.exit_code = (uint64_t)WEXITSTATUS(test->wstatus);
	} else if (test->ended) {
		a->done.signal = (uint64_t)WTERMSIG(test->wstatus);
	}
	describe_failure(a, &j, &failure);
	sent = report_done(&a->report, &a->done, &j, &a->sweep, a->tap != NULL ? &tap : NULL) == 0;
	judgement_free(&j);
	failure_free(&failure);
	a->host->over(a->host->arg, fit, sent);
}
