/* The tables of top, and its JSON; see top.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/size.h"
#include "ctl/cmd_json.h"
#include "ctl/duration.h"
#include "ctl/json_value.h"
#include "ctl/top.h"

#define TOP_NAME_AT	52	/* column of the name behind a row, about */
#define TOP_NAME_MIN	20

struct view {
	struct text	*t;
	unsigned	 columns, left;	/* left: rows, UINT_MAX for all */
	unsigned	 flags;		/* of text_show() */
};

static const char *
ages(uint64_t us, char buf[DURATION_TEXT])
{
	return duration_text(us, buf, DURATION_TEXT);
}

/* A foreign name at the end of a row, as much of it as there is room for. */
static void
end_row(struct view *v, const char *name)
{
	size_t	max = v->columns == 0 ? 0 : v->columns > TOP_NAME_AT + TOP_NAME_MIN ?
	    v->columns - TOP_NAME_AT : TOP_NAME_MIN;

	(void)text_show_name(v->t, name, strlen(name), v->flags, max);
	text_puts(v->t, "\n");
}

/* May another row be shown? */
static bool
room(struct view *v)
{
	if (v->left == 0)
		return false;
	v->left--;
	return true;
}

static void
users(struct view *v, const struct top *t)
{
	char	memory[SIZE_TEXT];

	if (!room(v))
		return;
	text_addf(v->t, "%-16s %6s %6s %6s %7s %8s %5s %7s\n", "USER", "WEIGHT", "SHARE", "USED",
	    "RUNNING", "QUEUED", "RUNS", "MEMORY");
	for (size_t i = 0; i < t->nusers && room(v); i++) {
		const struct top_user	*u = &t->users[i];

		text_addf(v->t, "%-16.16s %6" PRIu64 " %6" PRIu64 " %6" PRIu64 " %7" PRIu64 " %8"
		    PRIu64 " %5" PRIu64 " %7s\n", u->name, u->weight, u->share, u->used,
		    u->running, u->queued, u->runs,
		    size_short(u->memory, memory));
	}
}

static void
runs(struct view *v, const struct top *t)
{
	char	age[DURATION_TEXT];

	if (!room(v))
		return;
	text_addf(v->t, "%-8s %-10s %4s %8s %8s %7s %8s  %s\n", "RUN", "USER", "PRIO", "DONE",
	    "TOTAL", "RUNNING", "AGE", "NAME");
	for (size_t i = 0; i < t->nruns && room(v); i++) {
		const struct top_run	*r = &t->runs[i];

		text_addf(v->t, "%-8.8s %-10.10s %4d %8" PRIu64 " %8" PRIu64 " %7" PRIu64
		    " %8s  ", r->run, r->user, r->priority, r->done, r->total, r->running,
		    ages(r->age_us, age));
		end_row(v, r->label);
	}
}

static void
tests(struct view *v, const struct top *t)
{
	char	age[DURATION_TEXT], cpu[DURATION_TEXT], memory[SIZE_TEXT];

	if (!room(v))
		return;
	text_addf(v->t, "%-8s %-10s %4s %8s %8s %8s  %s\n", "RUN", "USER", "SLOT", "AGE", "CPU",
	    "MEMORY", "TEST");
	for (size_t i = 0; i < t->ntests && room(v); i++) {
		const struct top_test	*x = &t->tests[i];

		text_addf(v->t, "%-8.8s %-10.10s %4" PRIu64 " %8s %8s %8s  ", x->run, x->user,
		    x->slot, ages(x->age_us, age), ages(x->cpu_us, cpu),
		    size_short(x->memory, memory));
		end_row(v, x->name);
	}
}

void
top_show(struct text *text, const struct top *t, unsigned columns, unsigned rows, bool ascii)
{
	struct view	v = { text, columns, rows > 0 ? rows - 1 : UINT32_MAX,
	    ascii ? TEXT_ASCII : 0 };
	char		up[DURATION_TEXT], memory[SIZE_TEXT], line[256];

	if (!room(&v))
		return;
	(void)snprintf(line, sizeof line, "%s  %s  up %s  %" PRIu64 "%s of %" PRIu64 " busy  %" PRIu64
	    " queued  %" PRIu64 " done  %s", t->program, t->state, ages(t->uptime_us, up),
	    t->busy, t->own ? " (yours)" : "", t->capacity, t->queued, t->completed,
	    size_short(t->memory, memory));
	(void)text_show_name(text, line, strlen(line), v.flags, columns);
	text_puts(text, "\n");
	users(&v, t);
	runs(&v, t);
	tests(&v, t);
}

void
top_show_users(struct text *text, const struct top *t)
{
	struct view	v = { text, 0, UINT32_MAX, 0 };

	users(&v, t);
}

/* ---- JSON ---- */

json_t *
top_json_users(const struct top *t)
{
	json_t	*all = json_array(), *o;

	for (size_t i = 0; i < t->nusers; i++) {
		const struct top_user	*u = &t->users[i];

		o = json_object();
		cmd_json_count(o, "uid", u->uid);
		cmd_json_count(o, "weight", u->weight);
		cmd_json_count(o, "memory", u->memory);
		cmd_json_count(o, "clients", u->clients);
		cmd_json_count(o, "share", u->share);
		cmd_json_count(o, "used", u->used);
		cmd_json_count(o, "runningTests", u->running);
		cmd_json_count(o, "queuedTests", u->queued);
		cmd_json_count(o, "activeRuns", u->runs);
		(void)json_array_append_new(all, o);
	}
	return all;
}

static json_t *
json_runs(const struct top *t)
{
	json_t	*all = json_array(), *o;

	for (size_t i = 0; i < t->nruns; i++) {
		const struct top_run	*r = &t->runs[i];

		o = json_object();
		cmd_json_text(o, "runId", sv_from(r->run));
		cmd_json_text(o, "name", sv_from(r->label));
		cmd_json_count(o, "uid", r->uid);
		json_value_put(o, "priority", json_integer(r->priority));
		cmd_json_count(o, "totalTests", r->total);
		cmd_json_count(o, "doneTests", r->done);
		cmd_json_count(o, "runningTests", r->running);
		cmd_json_count(o, "queuedTests", r->queued);
		cmd_json_ms(o, "age", r->age_us);
		(void)json_array_append_new(all, o);
	}
	return all;
}

static json_t *
json_tests(const struct top *t)
{
	json_t	*all = json_array(), *o;

	for (size_t i = 0; i < t->ntests; i++) {
		const struct top_test	*x = &t->tests[i];

		o = json_object();
		cmd_json_text(o, "test", sv_from(x->name));
		cmd_json_text(o, "runId", sv_from(x->run));
		cmd_json_count(o, "worker", x->slot);
		cmd_json_count(o, "attempt", x->attempt);
		cmd_json_ms(o, "age", x->age_us);
		cmd_json_ms(o, "cpuTime", x->cpu_us);
		cmd_json_count(o, "memory", x->memory);
		(void)json_array_append_new(all, o);
	}
	return all;
}

json_t *
top_json(const struct top *t)
{
	json_t	*o = json_object();

	cmd_json_text(o, "program", sv_from(t->program));
	cmd_json_text(o, "state", sv_from(t->state));
	cmd_json_ms(o, "uptime", t->uptime_us);
	cmd_json_count(o, "capacity", t->capacity);
	cmd_json_count(o, "busyWorkers", t->busy);
	cmd_json_count(o, "queuedTests", t->queued);
	cmd_json_count(o, "completedTests", t->completed);
	cmd_json_count(o, "memory", t->memory);
	json_value_put(o, "own", json_boolean(t->own));
	json_value_put(o, "users", top_json_users(t));
	json_value_put(o, "runs", json_runs(t));
	json_value_put(o, "tests", json_tests(t));
	return o;
}
