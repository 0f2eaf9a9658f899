/* Journals back into runs; see resume.h. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/record.h"
#include "supervisor/resume.h"
#include "supervisor/run_output.h"

#define RESUME_JOBS		1024	/* no setting allows more */
#define RESUME_ATTEMPTS		65536	/* no test can have so many */

/* One journal while it is read. */
struct resume {
	struct runs		*runs;
	struct draft		*draft;		/* until JRN_COMMIT */
	struct run		*run;		/* from there on */
	struct sched_past	*past;		/* of each test */
	uint32_t		*running;	/* of each: the attempt that had not ended */
	bool			*refused;	/* of each: its retry was, and no verdict told */
	uint64_t		 size;		/* what was sound, in bytes */
	bool			 finished, cancelling;	/* by somebody, not by a bound */
	const struct draft_place *place;
	char			 unfit[MANIFEST_WHY];	/* why its tests cannot be run; "": they can */
	struct msg_reader	*reader;
	struct config		 config;	/* that refuses nothing that once was taken */
};

/* ---- the plan ---- */

/* Whom its tests ran as; without it on record they do not run again where each run is
 * somebody's.  0 or -ENOMEM. */
static int
take_identity(struct draft *d, const struct msg_jrn_run *m)
{
	gid_t	groups[IDENTITY_GROUPS];

	if (!MSG_HAS(m, jrn_run, gid) || m->groups.n > IDENTITY_GROUPS)
		return 0;
	for (size_t i = 0; i < m->groups.n; i++)
		groups[i] = (gid_t)m->groups.v[i];
	d->who = identity_new((uid_t)m->uid, (gid_t)m->gid, groups, m->groups.n);
	return d->who != NULL ? 0 : -ENOMEM;
}

static int
take_run(struct resume *re, const char *id, const struct msg_jrn_run *m)
{
	struct msg_reader	*rd = msg_reader_new();
	union msg_body		 body;
	struct msg_run_begin	*b = &body.run_begin;
	int			 r;

	if (rd == NULL)
		return -ENOMEM;
	r = re->draft != NULL || re->run != NULL || !sv_is(m->run, id) ? -EBADMSG :
	    msg_decode(rd, MSG_RUN_BEGIN, m->begin.p, m->begin.n, &body, NULL);
	if (r == 0) {
		b->jobs = m->jobs;
		b->test_timeout_ms = m->test_timeout_ms;
		b->grace_ms = m->grace_ms;
		b->has |= MSG_BIT(run_begin, test_timeout_ms) | MSG_BIT(run_begin, grace_ms);
		re->draft = draft_recall(&re->config, b, id, (uid_t)m->uid);
		r = re->draft == NULL ? -ENOMEM : re->draft->error;
	}
	if (r == 0)
		r = take_identity(re->draft, m);
	msg_reader_free(rd);
	return r;
}

static int
take_test(struct resume *re, const struct msg_test_add *m)
{
	if (re->draft == NULL || re->run != NULL)
		return -EBADMSG;
	return manifest_add(&re->draft->plan, m, &re->config, re->draft->why);
}

static int
take_commit(struct resume *re, const struct msg_jrn_commit *m)
{
	struct manifest	*plan;
	uint64_t	 gone, now = wall_ms();
	int		 r;

	if (re->draft == NULL || re->run != NULL || m->tests != re->draft->plan.ntests)
		return -EBADMSG;
	plan = &re->draft->plan;
	gone = now > m->start_ms ? now - m->start_ms : 0;
	if (plan->timeout_ms > gone) {	/* its clock went on */
		plan->timeout_ms -= gone;
	} else if (plan->timeout_ms != 0) {
		plan->timeout_ms = 1;
		re->draft->elapsed_ms = 1;	/* nothing starts any more */
	}
	r = manifest_close(plan);
	if (r != 0)
		return r;
	draft_isolate(re->draft, re->place);
	if (re->draft->error != 0)
		(void)snprintf(re->unfit, sizeof re->unfit, "%s", re->draft->why);
	re->past = calloc((size_t)plan->ntests + 1, sizeof *re->past);
	re->running = calloc((size_t)plan->ntests + 1, sizeof *re->running);
	re->refused = calloc((size_t)plan->ntests + 1, sizeof *re->refused);
	if (re->past == NULL || re->running == NULL || re->refused == NULL)
		return -ENOMEM;
	re->run = run_new(re->runs, re->draft);
	if (re->run == NULL)
		return -ENOMEM;
	re->run->start_ms = m->start_ms;
	re->run->start_us -= gone * 1000 < re->run->start_us ? gone * 1000 : re->run->start_us;
	draft_free(re->draft);		/* an empty one */
	re->draft = NULL;
	return 0;
}

/* ---- what happened ---- */

static void
attempt_finished(struct resume *re, const struct msg_event *ev)
{
	struct manifest_test	*t = &re->run->plan.tests[ev->index];
	struct sched_past	*p = &re->past[ev->index];

	re->running[ev->index] = 0;
	if (ev->attempt > p->attempts) {	/* no worker could be started for it */
		t->attempts = p->attempts = (uint32_t)ev->attempt;
		p->retries += p->granted;
		p->granted = false;
	}
	re->run->sequential_us += ev->duration_us;
	t->duration_us = ev->duration_us;
	if (ev->outcome == OUTCOME_LOST) {
		t->lost++;
		p->lost++;
		p->evicted += ev->error_category == CATEGORY_RESOURCE;
		return;
	}
	if (ev->attempt - p->lost > 1)
		p->retried_ms += ev->duration_us / 1000;
	p->open = true;
	p->last = (struct sched_in){ .type = SCHED_IN_DONE, .test = (uint32_t)ev->index,
	    .attempt = (uint32_t)ev->attempt, .outcome = (enum outcome)ev->outcome,
	    .fingerprint = ev->fingerprint, .elapsed_ms = ev->duration_us / 1000 };
}

/* Another attempt of a test whose last one came to a result: as detect.c counted that. */
static void
count_last(struct resume *re, struct sched_past *p)
{
	const struct flake_policy	*f = &re->run->plan.flake;

	p->open = false;
	if (flake_decide(f, p->fails, p->passes, 0) != FLAKE_OPEN && f->budget == 0 &&
	    f->budget_ms == 0)
		p->extra++;
	else if (p->last.outcome == OUTCOME_PASS)
		p->passes++;
	else
		p->fails++;
}

static void
attempt_started(struct resume *re, const struct msg_event *ev)
{
	struct manifest_test	*t = &re->run->plan.tests[ev->index];
	struct sched_past	*p = &re->past[ev->index];

	t->attempts = p->attempts = (uint32_t)ev->attempt;
	p->retries += p->granted;
	p->granted = false;
	if (re->run->plan.flake.on && p->open)
		count_last(re, p);
	p->condition = ev->condition < FLAKE_CONDITION_COUNT ?
	    (enum flake_condition)ev->condition : FLAKE_PLAIN;
	t->delay_ms = (uint32_t)ev->delay_ms;
	re->running[ev->index] = (uint32_t)ev->attempt;
	if (ev->worker < sizeof re->run->workers * 8)
		re->run->workers[ev->worker / 64] |= UINT64_C(1) << ev->worker % 64;
}

static void
test_finished(struct resume *re, const struct msg_event *ev)
{
	struct manifest_test	*t = &re->run->plan.tests[ev->index];
	struct sched_past	*p = &re->past[ev->index];

	p->open = re->refused[ev->index] = false;
	p->done = t->over = true;
	p->status = (enum test_status)ev->status;
	t->status = (uint8_t)ev->status;
	p->flaky = t->flaky = ev->flaky;
	t->passes = (uint16_t)nums_at(ev->flake, FLAKE_FIG_PASSES);
	t->fails = (uint16_t)nums_at(ev->flake, FLAKE_FIG_FAILS);
	re->run->counts[ev->status]++;
	re->run->flaky += ev->flaky;
	re->run->infrastructure += ev->status == TEST_ERROR && t->attempts > 0 &&
	    t->attempts == t->lost;
}

static void
retry_scheduled(struct resume *re, const struct msg_event *ev)
{
	struct sched_past	*p = &re->past[ev->index];

	p->open = false;
	p->granted = p->failed = true;
}

static void
run_finished(struct resume *re, const struct msg_event *ev)
{
	struct run	*run = re->run;

	re->finished = true;
	run->over = true;
	run->status = (enum run_status)ev->status;
	run->duration_us = ev->duration_us;
	run->end_ms = ev->end_ms;
}

static bool
all_have_verdicts(const struct run *run)
{
	uint64_t	n = 0;

	for (unsigned i = 0; i < TEST_STATUS_COUNT; i++)
		n += run->counts[i];
	return n == run->plan.ntests;
}

/* A test has one verdict and nothing after it, its attempts are in order, and only
 * what failed is retried, or is not. */
static bool
test_event_is_sound(const struct resume *re, const struct msg_event *ev)
{
	const struct sched_past	*p;
	uint32_t		 running;

	if (!MSG_HAS(ev, event, index) || ev->index >= re->run->plan.ntests ||
	    ev->outcome >= OUTCOME_COUNT || ev->status >= TEST_STATUS_COUNT)
		return false;
	p = &re->past[ev->index];
	running = re->running[ev->index];
	if (p->done)
		return false;
	switch (ev->type) {
	case EVENT_ATTEMPT_STARTED:
		return ev->attempt > p->attempts && ev->attempt < RESUME_ATTEMPTS &&
		    running == 0 && !re->refused[ev->index];
	case EVENT_ATTEMPT_FINISHED:	/* also of one for which no worker could be started */
		return ev->attempt < RESUME_ATTEMPTS && !re->refused[ev->index] &&
		    (running != 0 ? ev->attempt == running : ev->attempt > p->attempts);
	case EVENT_RETRY_SCHEDULED:
		return running == 0 && p->open && !re->refused[ev->index];
	case EVENT_RETRY_REFUSED:
		return running == 0 && p->open;
	default:
		return running == 0;
	}
}

/* As a supervisor writes them: the stream starts with the start of the run, and ends
 * when no test is left. */
static bool
event_is_sound(const struct resume *re, const struct msg_event *ev)
{
	if ((ev->type == EVENT_RUN_STARTED) != (re->run->log.next_seq == 1))
		return false;
	switch (ev->type) {
	case EVENT_RUN_FINISHED:
		return ev->status > RUN_RUNNING && ev->status < RUN_STATUS_COUNT &&
		    all_have_verdicts(re->run);
	case EVENT_ATTEMPT_STARTED:
	case EVENT_ATTEMPT_FINISHED:
	case EVENT_TEST_FINISHED:
	case EVENT_RETRY_SCHEDULED:
	case EVENT_RETRY_REFUSED:
		return test_event_is_sound(re, ev);
	default:
		return true;
	}
}

static int
take_event(struct resume *re, const struct msg_event *ev, size_t len, uint64_t at)
{
	int	r;

	if (re->run == NULL || !event_is_sound(re, ev))
		return -EBADMSG;
	r = evlog_recall(&re->run->log, ev->seq, len, at);
	if (r != 0)
		return r;
	switch (ev->type) {
	case EVENT_RUN_STARTED:
		re->run->expected_us = ev->expected_us;
		re->run->bound_us = ev->bound_us;
		break;
	case EVENT_ATTEMPT_STARTED:
		attempt_started(re, ev);
		break;
	case EVENT_ATTEMPT_FINISHED:
		attempt_finished(re, ev);
		break;
	case EVENT_TEST_FINISHED:
		test_finished(re, ev);
		break;
	case EVENT_RETRY_SCHEDULED:
		retry_scheduled(re, ev);
		break;
	case EVENT_RETRY_REFUSED:
		re->refused[ev->index] = true;
		break;
	case EVENT_RUN_CANCELLING:
		re->cancelling = run_stop_named(ev->message) == SCHED_STOP_CANCEL;
		break;
	case EVENT_RUN_FINISHED:
		run_finished(re, ev);
		break;
	default:
		break;
	}
	return 0;
}

static int
take_output(struct resume *re, const struct msg_jrn_output *m, size_t len, uint64_t at)
{
	if (re->run == NULL || m->test >= re->run->plan.ntests || m->attempt > UINT32_MAX ||
	    m->stream < 1 || m->stream > 2)
		return -EBADMSG;
	run_recall_output(re->run, (uint32_t)m->test, (uint32_t)m->attempt, (unsigned)m->stream,
	    at + len - m->data.n, (uint32_t)m->data.n);
	return 0;
}

/* ---- a journal ---- */

/* One record, whose body is at `at`.  0, or -errno: the journal is of no use from
 * here on. */
static int
take(struct resume *re, const char *id, enum msg_type type, struct sv data, uint64_t at)
{
	union msg_body	body;
	int		r = msg_decode(re->reader, type, data.p, data.n, &body, NULL);

	if (r != 0)
		return r;
	switch (type) {
	case MSG_JRN_RUN:
		return take_run(re, id, &body.jrn_run);
	case MSG_TEST_ADD:
		return take_test(re, &body.test_add);
	case MSG_JRN_COMMIT:
		return take_commit(re, &body.jrn_commit);
	case MSG_EVENT:
		return take_event(re, &body.event, data.n, at);
	case MSG_JRN_OUTPUT:
		return take_output(re, &body.jrn_output, data.n, at);
	default:
		return -EBADMSG;
	}
}

static int
read_journal(struct resume *re, const char *id, int fd)
{
	struct journal_reader	rd;
	enum msg_type		type;
	struct sv		body;
	int			r;

	journal_reader_init(&rd, fd, 0, UINT64_MAX);
	while ((r = journal_next(&rd, &type, &body)) == 1 && !re->finished) {
		r = take(re, id, type, body, rd.at - body.n);
		if (r != 0)
			break;
		re->size = rd.at;
	}
	journal_reader_free(&rd);
	return r < 0 ? r : 0;
}

/* Its retry was refused, so that its last result is its verdict. */
static void
tell_verdict(struct resume *re, uint32_t i)
{
	struct run		*run = re->run;
	struct manifest_test	*t = &run->plan.tests[i];
	struct sched_past	*p = &re->past[i];
	struct sched_act	 act = { .type = SCHED_ACT_VERDICT, .test = i,
	    .status = outcome_status(p->last.outcome) };

	p->open = p->granted = false;
	p->done = t->over = true;
	p->status = act.status;
	t->status = (uint8_t)act.status;
	run->counts[act.status]++;
	record_verdict(run, t, &act);
}

/* The scheduler where it was; what ran is lost, and is said to be. */
static void
restore(struct resume *re)
{
	struct run		*run = re->run;
	struct manifest_test	*t;

	if (run->log.next_seq == 1)	/* cut off right behind its plan */
		run_begin(run);
	record_resumed(run);
	for (uint32_t i = 0; i < run->plan.ntests; i++) {
		t = &run->plan.tests[i];
		if (re->running[i] != 0) {
			record_interrupted(run, t, re->running[i]);
			t->lost++;
			re->past[i].lost++;
		}
		if (t->attempts > 0)
			t->ready_us = now_us();
		if (re->refused[i])
			tell_verdict(re, i);
		if (re->past[i].attempts > 0 || re->past[i].done)
			sched_recall(run->sched, i, &re->past[i]);
	}
	if (!run->plan.detach)
		run->forsaken_ms = now_ms();
}

/* The run of the journal goes on, or is on show.  0, or -errno: it does not. */
static int
revive(struct resume *re, const struct draft_place *place, const char *id)
{
	struct run	*run = re->run;
	int		 r = journal_open(&run->journal, place->state->journals, id, re->size);

	if (r != 0)
		return r;
	run->tracked = history_track(place->history, id);
	if (run->over) {
		/* It may be pushed out of sight at once: the store hears of it before. */
		if (run->tracked != NULL)
			history_grew(place->history, run->tracked, re->size, true);
		run->tracked = NULL;
		sched_free(run->sched);
		run->sched = NULL;
	} else {
		restore(re);
	}
	re->run = NULL;
	runs_adopt(re->runs, run);
	log_about(&(struct log_subject){ .run = run->id, .has_uid = true, .uid = run->uid },
	    LOG_LEVEL_INFO, "resume", "run %.8s: %s", id,
	    run->over ? "over, on show again" : "goes on");
	if (re->cancelling)
		run_cancel(run, false, "it was being cancelled when the supervisor was lost");
	else if (re->unfit[0] != '\0' && !run->over)
		run_cancel(run, false, re->unfit);
	return 0;
}

/* Of one that is not read whole its id is all that is known. */
#define log_run(id, level, ...)	log_about(&(struct log_subject){ .run = (id) }, level, "resume", \
	    __VA_ARGS__)

/* Cut off or damaged within its plan: nobody was told of such a run, unless it was
 * damaged later.  It is kept for whoever wants to look. */
static void
set_aside(const struct state *st, const char *id)
{
	char	name[64];

	(void)snprintf(name, sizeof name, "journal.damaged-%s", id);
	log_run(id, LOG_LEVEL_WARN, "the plan of run %.8s cannot be read: it is now %s/%s", id,
	    st->path, name);
	(void)renameat(st->journals, id, st->fd, name);
}

static void
resume_one(struct runs *runs, const struct draft_place *place, const char *id)
{
	struct resume	re = { .runs = runs, .config = *place->config, .place = place };
	struct stat	st;
	uint64_t	size = 0;
	int		fd, r;

	re.config.max_jobs = RESUME_JOBS;
	re.config.max_tests = re.config.max_plan = UINT32_MAX;
	re.reader = msg_reader_new();
	fd = openat(place->state->journals, id, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd != -1 && fstat(fd, &st) == 0)
		size = (uint64_t)st.st_size;
	r = fd == -1 ? -errno : re.reader == NULL ? -ENOMEM : read_journal(&re, id, fd);
	if (fd != -1)
		(void)close(fd);
	if (r != 0)
		log_run(id, LOG_LEVEL_WARN, "run %.8s: read up to byte %llu: %s", id,
		    (unsigned long long)re.size, strerror(-r));
	else if (re.run != NULL && re.size < size)
		log_run(id, LOG_LEVEL_WARN, "run %.8s: its last %llu bytes were cut off", id,
		    (unsigned long long)(size - re.size));
	if (re.run != NULL) {
		r = revive(&re, place, id);
		if (r != 0)
			log_run(id, LOG_LEVEL_WARN, "run %.8s is left as it is: %s", id, strerror(-r));
	} else if (r == 0 && re.size == size) {
		log_run(id, LOG_LEVEL_INFO, "run %.8s was never committed", id);
		(void)unlinkat(place->state->journals, id, 0);
	} else if (r == 0 || r == -EBADMSG) {
		set_aside(place->state, id);
	}
	run_free(re.run);
	draft_free(re.draft);
	free(re.past);
	free(re.running);
	free(re.refused);
	msg_reader_free(re.reader);
}

static bool
is_id(const char *name)
{
	size_t	n = 0;

	while (isxdigit((unsigned char)name[n]))
		n++;
	return n == RUN_ID && name[n] == '\0';
}

void
resume_all(struct runs *runs, const struct draft_place *place)
{
	struct dirent	*e;
	DIR		*dir;
	char		(*ids)[RUN_ID + 1] = NULL, (*v)[RUN_ID + 1];
	size_t		 n = 0, cap = 0;

	if (place->state->fd == -1 || (dir = fdopendir(dup(place->state->journals))) == NULL)
		return;
	/* All names first: reading them back makes and removes files. */
	while ((e = readdir(dir)) != NULL) {
		if (!is_id(e->d_name))
			continue;
		if (n == cap) {
			v = reallocarray(ids, cap * 2 + 16, sizeof *ids);
			if (v == NULL)
				break;
			ids = v;
			cap = cap * 2 + 16;
		}
		memcpy(ids[n++], e->d_name, RUN_ID + 1);
	}
	(void)closedir(dir);
	for (size_t i = 0; i < n; i++)
		resume_one(runs, place, ids[i]);
	free(ids);
}
