/* Sending a plan; see submit.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/spec.h"
#include "common/xalloc.h"
#include "ctl/submit.h"

/* Borrowed lists of a test while it is encoded; the memory is used again. */
struct lists {
	struct sv	*v;
	size_t		 n, cap;
};

static struct svs
borrow(struct lists *l, const struct strs *s)
{
	struct svs	ret = { l->v + l->n, (uint32_t)s->n };

	for (size_t i = 0; i < s->n; i++)
		l->v[l->n++] = sv_from(s->v[i]);
	return ret;
}

static void
reserve(struct lists *l, const struct plan_test *t)
{
	size_t	need = t->argv.n + t->env.n + t->tags.n + t->setup.argv.n + t->teardown.argv.n +
	    t->expect.n + t->locks.n + t->slots.n + t->retry.on.n + t->retry.never.n + 1;

	l->n = 0;
	if (need <= l->cap)
		return;
	l->cap = need * 2;
	l->v = xreallocarray(l->v, l->cap, sizeof *l->v);
}

static void
fill(struct lists *l, const struct plan_test *t, struct msg_test_add *m)
{
	reserve(l, t);
	*m = (struct msg_test_add){
		.name = sv_from(t->name), .argv = borrow(l, &t->argv), .cwd = sv_from(t->cwd),
		.env = borrow(l, &t->env), .stdin_data = { t->stdin_data, t->stdin_len },
		.timeout_ms = t->timeout_ms, .grace_ms = t->grace_ms,
		.tags = borrow(l, &t->tags), .setup = borrow(l, &t->setup.argv),
		.teardown = borrow(l, &t->teardown.argv),
		.setup_timeout_ms = t->setup.timeout_ms,
		.teardown_timeout_ms = t->teardown.timeout_ms,
		.expect = borrow(l, &t->expect), .locks = borrow(l, &t->locks),
		.slots = borrow(l, &t->slots), .weight = t->weight, .serial = t->serial,
		.format = t->format, .skip = sv_from(t->skip), .retry_count = t->retry.count,
		.retry_delay_ms = t->retry.delay_ms,
		.retry_multiplier_milli = t->retry.multiplier_milli,
		.retry_max_delay_ms = t->retry.max_delay_ms, .retry_jitter = t->retry.jitter,
		.source = sv_from(t->source), .output_limit = t->output_limit,
		.suite = sv_from(t->suite), .retry_on = borrow(l, &t->retry.on),
		.retry_never = borrow(l, &t->retry.never), .retry_where = t->retry.where,
#define X(NAME, member, key, unit, least, most)	.member = t->limits.limits.v[LIMIT_##NAME],
		LIMIT_LIST(X)
#undef X
	};
	if (t->has_timeout)
		m->has |= MSG_BIT(test_add, timeout_ms);
	if (t->has_grace)
		m->has |= MSG_BIT(test_add, grace_ms);
	if (t->stdin_data != NULL)
		m->has |= MSG_BIT(test_add, stdin_data);
	/* Absent is not zero: the test may ask by itself, the failure decide. */
	if (t->retry.has & PLAN_RETRY_COUNT)
		m->has |= MSG_BIT(test_add, retry_count);
	if (t->retry.has & PLAN_RETRY_DELAY)
		m->has |= MSG_BIT(test_add, retry_delay_ms);
}

static int
blame(struct client_error *e, const char *text)
{
	e->code = MSG_ERR_BAD;
	(void)snprintf(e->text, sizeof e->text, "%s", text);
	e->hint[0] = '\0';
	return -EINVAL;
}

static int
send_begin(struct client *c, const struct plan *p, const struct submit *s, struct client_error *e)
{
	struct msg_run_begin	m = { .name = sv_from(s->label != NULL ? s->label : p->name),
	    .jobs = p->jobs, .max_fail = p->max_fail, .timeout_ms = s->has_timeout ?
	    s->timeout_ms : 0, .shuffle = s->shuffle, .seed = s->seed, .detach = s->detach,
	    .live = s->live, .parent = sv_from(s->parent), .plan_order = s->plan_order,
	    .shared = s->shared, .priority = spec_priority_wire(s->priority),
	    .revision = sv_from(s->revision), .auto_width = p->auto_width };
	struct lists		l = { NULL, 0, 0 };
	struct strs		env = { NULL, 0, 0 };
	mode_t			mask = umask(0);
	char			level[ISOLATION_TEXT];
	int			r;

	(void)umask(mask);
	m.umask = mask;
	for (char **v = environ; *v != NULL; v++) {
		if (**v != '=' && strchr(*v, '=') != NULL)
			strs_add(&env, *v);
	}
	l.v = xcalloc(env.n + p->slots.n + p->budgets.n + 1, sizeof *l.v);
	m.env = borrow(&l, &env);
	m.slots = borrow(&l, &p->slots);
	m.budgets = borrow(&l, &p->budgets);
	if (s->has_breaker)
		m.breaker = (struct nums){ s->breaker, BREAKER_SET_COUNT };
	if (p->isolation.level != ISOLATION_AUTO)
		m.isolation = sv_from(isolation_format(&p->isolation, level));
	if (s->flake[FLAKE_SET_ON] != 0)
		m.flake = (struct nums){ s->flake, FLAKE_SET_COUNT };
	r = client_send(c, MSG_RUN_BEGIN, &m, NULL);
	strs_free(&env);
	free(l.v);
	if (r == -EMSGSIZE)
		return blame(e, "the environment is larger than 1 MiB: unset what the tests do not need");
	return r;
}

static int
send_tests(struct client *c, const struct plan *p, struct client_error *e)
{
	struct msg_test_add	m;
	struct lists		l = { NULL, 0, 0 };
	char			why[CLIENT_WHY];
	int			r = 0;

	for (size_t i = 0; i < p->ntests && r == 0; i++) {
		fill(&l, &p->tests[i], &m);
		if (spec_check(&m, why, sizeof why) != 0) {
			r = blame(e, why);
			break;
		}
		r = client_send(c, MSG_TEST_ADD, &m, NULL);
		if (r == -EMSGSIZE) {
			(void)snprintf(why, sizeof why, "test '%.200s': its words, environment and "
			    "input together are larger than 1 MiB", p->tests[i].name);
			r = blame(e, why);
		}
	}
	free(l.v);
	return r;
}

static int
on_run_ok(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct submit	*s = arg;

	(void)id;
	if (type != MSG_RUN_OK)
		return 0;
	(void)snprintf(s->run, sizeof s->run, SV_FMT, SV_ARG(m->run_ok.run));
	s->jobs = m->run_ok.jobs;
	return 1;
}

int
submit_open(struct client *c, const struct plan *p, const struct submit *s, struct client_error *e)
{
	int	r;

	memset(e, 0, sizeof *e);
	(void)snprintf(e->text, sizeof e->text, "the plan could not be sent");
	r = send_begin(c, p, s, e);
	return r == 0 ? send_tests(c, p, e) : r;
}

int
submit_plan(struct client *c, const struct plan *p, struct submit *s, struct client_error *e)
{
	struct msg_run_commit	commit = { .tests = p->ntests };
	int			r = submit_open(c, p, s, e);

	return r == 0 ? client_request(c, MSG_RUN_COMMIT, &commit, on_run_ok, s, e) : r;
}

int
submit_encode(const struct plan_test *t, char **ret_data, size_t *ret_len, char *why)
{
	struct msg_test_add	m;
	struct lists		l = { NULL, 0, 0 };
	int			r;

	fill(&l, t, &m);
	r = spec_check(&m, why, CLIENT_WHY);
	if (r == 0)
		r = msg_encode(MSG_TEST_ADD, &m, ret_data, ret_len);
	free(l.v);
	return r;
}
