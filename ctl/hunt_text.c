/* A bisect in words and as JSON; see hunt.h. */
#include <string.h>

#include "common/clock.h"
#include "ctl/cmd_json.h"
#include "ctl/duration.h"
#include "ctl/hunt.h"
#include "ctl/json_value.h"
#include "ctl/text.h"

#define DIGITS	10	/* of a commit in a line */
#define ULL(v)	((unsigned long long)(v))

static const char *
verdict_name(enum bisect_verdict v)
{
	static const char *const	names[] = { "good", "bad", "skip", "open" };

	return names[v];
}

static uint64_t
all_runs(const struct bisect_runs *r)
{
	return r->passes + r->fails + r->untestable;
}

static void
add_subject(struct text *t, const char *subject)
{
	(void)text_show(t, subject, strlen(subject), TEXT_OUTPUT, 60);
}

void
hunt_say_step(const struct hunt_step *s, FILE *out)
{
	struct text	t = { 0 };
	char		took[DURATION_TEXT];

	text_addf(&t, "  %-4s %.*s  ", verdict_name(s->verdict), DIGITS, s->commit);
	if (s->verdict == BISECT_SKIP)
		text_puts(&t, "cannot be tested");
	else if (s->runs.fails > 0)
		text_addf(&t, "failed %llu of %llu", ULL(s->runs.fails), ULL(all_runs(&s->runs)));
	else
		text_addf(&t, "passed all %llu", ULL(s->runs.passes));
	text_addf(&t, " (%s)  ", duration_text(s->duration_us, took, sizeof took));
	add_subject(&t, s->subject);
	text_puts(&t, "\n");
	text_write(&t, out);
	text_free(&t);
}

void
hunt_say_plan(const struct hunt *h, FILE *out)
{
	const struct bisect_plan	*p = &h->plan;

	if (h->is_measured)
		(void)fprintf(out, "it failed %llu of %llu times at the bad revision; counted on: "
		    "%.3g%%\n", ULL(h->measured.fails), ULL(h->measured.fails + h->measured.passes),
		    100 * p->rate);
	(void)fprintf(out, "%llu commit%s, up to %llu of them to look at: good is one that passes "
	    "%llu times, which a bad one does with %.2g%% at most (%.3g%% / %llu)\n", ULL(h->commits),
	    h->commits == 1 ? "" : "s", ULL(p->steps), ULL(p->repeats),
	    100 * p->error / (double)p->steps, 100 * p->error, ULL(p->steps));
}

void
hunt_say_end(const struct hunt *h, FILE *out)
{
	struct text	t = { 0 };
	char		took[DURATION_TEXT];

	if (h->found.n > 2)
		text_puts(&t, "the first bad commit is one of these; the others could not be tested:\n");
	for (size_t i = 0; i + 1 < h->found.n; i += 2) {
		text_addf(&t, "%s%s ", h->found.n > 2 ? "  " : "first bad commit: ", h->found.v[i]);
		add_subject(&t, h->found.v[i + 1]);
		text_puts(&t, "\n");
	}
	text_addf(&t, "right with %.2f%% or more, if bad commits fail at %.3g%% and good ones never; "
	    "%llu runs at %zu commits, %s\n", 100 * (1 - h->plan.wrong), 100 * h->plan.rate,
	    ULL(h->runs), h->n, duration_text(now_us() - h->start_us, took, sizeof took));
	text_write(&t, out);
	text_free(&t);
}

/* ---- JSON ---- */

static json_t *
commit_json(const char *commit, const char *subject)
{
	json_t	*o = json_object();

	json_value_put(o, "commit", json_value_text(commit));
	json_value_put(o, "subject", json_value_text(subject));
	return o;
}

static json_t *
steps_json(const struct hunt *h)
{
	json_t	*list = json_array();

	for (size_t i = 0; i < h->n; i++) {
		const struct hunt_step	*s = &h->steps[i];
		json_t			*o = commit_json(s->commit, s->subject);

		json_value_put(o, "verdict", json_value_text(verdict_name(s->verdict)));
		cmd_json_count(o, "runs", all_runs(&s->runs));
		cmd_json_count(o, "failures", s->runs.fails);
		cmd_json_ms(o, "duration", s->duration_us);
		(void)json_array_append_new(list, o);
	}
	return list;
}

static json_t *
measured_json(const struct hunt *h)
{
	json_t	*o;

	if (!h->is_measured)
		return json_null();
	o = json_object();
	cmd_json_count(o, "failures", h->measured.fails);
	cmd_json_count(o, "runs", h->measured.fails + h->measured.passes);
	return o;
}

void
hunt_json(const struct hunt *h)
{
	json_t	*doc = json_object(), *list = json_array();
	bool	 found = h->found.n == 2;

	for (size_t i = 0; i + 1 < h->found.n; i += 2)
		(void)json_array_append_new(list, commit_json(h->found.v[i], h->found.v[i + 1]));
	json_value_put(doc, "success", json_boolean(found));
	json_value_put(doc, "firstBad", found ? commit_json(h->found.v[0], h->found.v[1]) : json_null());
	json_value_put(doc, "candidates", list);
	json_value_put(doc, "confidence", json_real(1 - h->plan.wrong));
	json_value_put(doc, "error", json_real(h->plan.error));
	json_value_put(doc, "rate", json_real(h->plan.rate));
	json_value_put(doc, "measured", measured_json(h));
	cmd_json_count(doc, "repeats", h->plan.repeats);
	cmd_json_count(doc, "commits", h->commits);
	json_value_put(doc, "good", json_value_text(h->good));
	json_value_put(doc, "bad", json_value_text(h->bad));
	json_value_put(doc, "steps", steps_json(h));
	cmd_json_count(doc, "runs", h->runs);
	cmd_json_ms(doc, "duration", now_us() - h->start_us);
	cmd_json_print(doc);
}
