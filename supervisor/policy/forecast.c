/* The forecast of a run: see forecast.h.  Pure. */
#include <stdlib.h>

#include "supervisor/policy/forecast.h"
#include "supervisor/policy/heap.h"
#include "supervisor/policy/width.h"

/* What the tests take, each test counted when it starts. */
struct taken {
	uint64_t	unit_us;	/* by tests that are not serial */
	uint64_t	cpu_us;		/* by them, where the width follows it */
	uint64_t	longest_us;	/* of them */
	uint64_t	wide_us;	/* no two of them fit beside each other */
	uint64_t	serial_us;
	uint64_t	*resource_us;	/* of each resource, times the count */
};

struct forecast {
	struct sched_plan plan;
	struct sched	*sched;
	struct heap_node *ends;		/* of the tests that run, due in us */
	uint32_t	 running;	/* that heap */
	uint32_t	*order;
	uint32_t	 nstarted;
	uint64_t	*start_us;
	uint64_t	 now;
	struct taken	 taken;
	bool		 more;		/* the scheduler has more to say */
	bool		 done;
};

struct forecast *
forecast_new(const struct sched_plan *plan)
{
	struct forecast *f = calloc(1, sizeof(*f));
	uint32_t i, n = plan->ntests;

	if (f == NULL)
		return NULL;
	f->plan = *plan;
	f->plan.max_fail = 0;
	f->plan.timeout_ms = 0;
	if (f->plan.jobs == 0)
		f->plan.jobs = 1;
	f->running = HEAP_NONE;
	f->more = true;
	f->ends = calloc((size_t)n + 1, sizeof(*f->ends));
	f->order = calloc((size_t)n + 1, sizeof(*f->order));
	f->start_us = calloc((size_t)n + 1, sizeof(*f->start_us));
	f->taken.resource_us = calloc((size_t)plan->nresources + 1,
	    sizeof(*f->taken.resource_us));
	f->sched = sched_new(&f->plan, 0);
	if (f->ends == NULL || f->order == NULL || f->start_us == NULL ||
	    f->taken.resource_us == NULL || f->sched == NULL) {
		forecast_free(f);
		return NULL;
	}
	for (i = 0; i < n; i++)
		f->start_us[i] = UINT64_MAX;
	return f;
}

void
forecast_free(struct forecast *f)
{
	if (f == NULL)
		return;
	sched_free(f->sched);
	free(f->ends);
	free(f->order);
	free(f->start_us);
	free(f->taken.resource_us);
	free(f);
}

static void
count_test(struct forecast *f, const struct sched_test *t)
{
	uint64_t us = t->expected_us;
	uint32_t weight = t->weight > 1 ? t->weight : 1, i;

	if (t->serial) {
		f->taken.serial_us += us;
		return;
	}
	if (weight > f->plan.jobs)
		weight = f->plan.jobs;
	f->taken.unit_us += us * weight;
	if (f->plan.wide > 0)
		f->taken.cpu_us += t->cpu_milli > 0 && weight == 1 ?
		    us * t->cpu_milli / WIDTH_CPU : us * weight;
	if (us > f->taken.longest_us)
		f->taken.longest_us = us;
	if (weight > f->plan.jobs / 2)
		f->taken.wide_us += us;
	for (i = 0; i < t->nneeds; i++)
		f->taken.resource_us[t->needs[i].resource] += us * t->needs[i].count;
}

static void
on_start(struct forecast *f, uint32_t t)
{
	f->start_us[t] = f->now;
	f->order[f->nstarted] = t;
	f->ends[t].due = f->now + f->plan.tests[t].expected_us;
	f->ends[t].rank = f->nstarted++;
	f->running = heap_push(f->ends, f->running, t);
	count_test(f, &f->plan.tests[t]);
}

/* One step of the scheduler: it goes on, or the next test ends. */
static void
one_step(struct forecast *f)
{
	struct sched_in in = { .type = SCHED_IN_TICK };
	struct sched_out out;
	uint32_t i;

	if (!f->more) {
		in.type = SCHED_IN_DONE;
		in.test = f->running;
		in.attempt = 1;
		in.outcome = OUTCOME_PASS;
		f->now = f->ends[f->running].due;
		f->running = heap_pop(f->ends, f->running);
	}
	sched_step(f->sched, f->now / 1000, f->plan.wide > 0 ? f->plan.cpus : f->plan.jobs,
	    &in, &out);
	for (i = 0; i < out.n; i++) {
		if (out.v[i].type == SCHED_ACT_START)
			on_start(f, out.v[i].test);
		else if (out.v[i].type == SCHED_ACT_RUN_DONE)
			f->done = true;
	}
	f->more = out.next <= f->now / 1000;
}

bool
forecast_step(struct forecast *f, uint32_t steps)
{
	for (; steps > 0 && !f->done; steps--)
		one_step(f);
	return f->done;
}

uint64_t
forecast_makespan_us(const struct forecast *f)
{
	return f->now;
}

static uint64_t
divide_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b > 0);
}

uint64_t
forecast_bound_us(const struct forecast *f)
{
	const struct taken *t = &f->taken;
	uint64_t bound = divide_up(t->unit_us, f->plan.jobs), us;
	uint32_t i;

	if (f->plan.wide > 0 && bound < divide_up(t->cpu_us, f->plan.cpus))
		bound = divide_up(t->cpu_us, f->plan.cpus);
	if (bound < t->longest_us)
		bound = t->longest_us;
	if (bound < t->wide_us)
		bound = t->wide_us;
	for (i = 0; i < f->plan.nresources; i++) {
		us = t->resource_us[i];
		if (us > 0 && bound < divide_up(us, f->plan.resources[i]))
			bound = divide_up(us, f->plan.resources[i]);
	}
	return bound + t->serial_us;
}

uint64_t
forecast_start_us(const struct forecast *f, uint32_t t)
{
	return t < f->plan.ntests ? f->start_us[t] : UINT64_MAX;
}

const uint32_t *
forecast_order(const struct forecast *f, uint32_t *ret_n)
{
	*ret_n = f->nstarted;
	return f->order;
}
