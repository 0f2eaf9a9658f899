/* The member `flaky` of the result document; see flaky.h.  The names of the original
 * framework's report and summary are kept, the new ones stand beside them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/flaky.h"
#include "ctl/json_put.h"
#include "ctl/json_value.h"
#include "ctl/text.h"

#define PATTERNS_SHOWN	10
#define SEVERE		0.3	/* flakeRate above it; mild below the other */
#define MODERATE	0.1

static void
put_patterns(struct text *t, const struct flaky_test *f)
{
	uint64_t	failed = 0;	/* also under conditions that the verdict leaves out */

	for (size_t i = 0; i < f->npatterns; i++)
		failed += f->patterns[i].count;
	json_put_key(t, "failurePatterns");
	text_puts(t, "[");
	for (size_t i = 0; i < f->npatterns; i++) {
		const struct flaky_pattern	*p = &f->patterns[i];

		json_put_key(t, NULL);
		text_puts(t, "{");
		json_put_text(t, "category", p->category);
		json_put_text(t, "message", p->message);
		json_put_hash(t, "fingerprint", p->fingerprint);
		json_put_count(t, "count", p->count);
		json_put_ratio(t, "percentage", 100 * (double)p->count / (double)failed);
		text_puts(t, "}");
	}
	text_puts(t, "]");
}

static void
put_conditions(struct text *t, const struct flaky_test *f)
{
	json_put_key(t, "conditions");
	text_puts(t, "[");
	for (unsigned c = 0; c < FLAKE_CONDITION_COUNT; c++) {
		const struct flaky_condition	*v = &f->evidence.at[c];
		const struct flaky_effect	*e = &f->cause.effects[c];

		if (v->runs == 0)
			continue;
		json_put_key(t, NULL);
		text_puts(t, "{");
		json_put_text(t, "condition", flake_condition_name(c));
		json_put_count(t, "runs", v->runs);
		json_put_count(t, "failures", v->fails);
		json_put_key(t, "interval");
		text_puts(t, "{");
		json_put_ratio(t, "low", flaky_low(v));
		json_put_ratio(t, "high", flaky_high(v));
		text_puts(t, "}");
		if (c != FLAKE_PLAIN && f->npatterns > 0) {
			json_put_ratio(t, "p", e->p);
			json_put_text(t, "differs", e->more ? "more" : e->less ? "less" : "no");
		}
		text_puts(t, "}");
	}
	text_puts(t, "]");
}

static const char *
kind_name(enum flaky_piece_kind k)
{
	static const char *const	names[FLAKY_PIECE_KINDS] = {
		[FLAKY_MORE] = "more", [FLAKY_LESS] = "less", [FLAKY_GROUP] = "together",
		[FLAKY_ALIKE] = "alike", [FLAKY_STRETCHES] = "stretches",
		[FLAKY_RHYTHM] = "rhythm", [FLAKY_BESIDE] = "beside", [FLAKY_AGAIN] = "again", [FLAKY_HOUR] = "clock",
		[FLAKY_AFTER] = "after", [FLAKY_ALONG] = "along", [FLAKY_LOST] = "lost",
		[FLAKY_SLOWER] = "slower", [FLAKY_SAYS] = "says",
	};

	return names[k];
}

/* Of the first of them: bits. */
static const char *
condition_name(unsigned conditions)
{
	return flake_condition_name((uint64_t)__builtin_ctz(conditions));
}

static void
put_names(struct text *t, unsigned conditions)
{
	json_put_key(t, "conditions");
	text_puts(t, "[");
	for (unsigned c = 0; c < FLAKE_CONDITION_COUNT; c++) {
		if ((conditions >> c & 1) != 0)
			json_put_text(t, NULL, flake_condition_name(c));
	}
	text_puts(t, "]");
}

static void
put_near(struct text *t, const struct flaky_near *n)
{
	json_put_text(t, "test", n->test);
	if (n->not != NULL)
		json_put_text(t, "not", n->not);
}

static void
put_arc(struct text *t, const struct flaky_arc *c)
{
	json_put_count(t, "period", c->period_ms);
	json_put_ratio(t, "from", c->from * (double)c->period_ms);
	json_put_ratio(t, "to", c->to * (double)c->period_ms);
}

static void
put_piece(struct text *t, const struct flaky_test *f, const struct flaky_piece *p)
{
	struct text	words = { 0 };

	flaky_piece_text(f, p, &words);
	text_puts(t, "{");
	json_put_text(t, "kind", kind_name(p->kind));
	if (p->conditions != 0)
		put_names(t, p->conditions);
	if (p->seen.runs > 0) {
		json_put_count(t, "failures", p->seen.fails);
		json_put_count(t, "runs", p->seen.runs);
	}
	if (p->against.runs > 0) {
		json_put_count(t, "againstFailures", p->against.fails);
		json_put_count(t, "againstRuns", p->against.runs);
	}
	if (p->kind == FLAKY_SLOWER)
		json_put_ratio(t, "ratio", p->ratio);
	if (p->kind == FLAKY_AFTER || p->kind == FLAKY_ALONG)
		put_near(t, p->kind == FLAKY_AFTER ? &f->evidence.after : &f->evidence.along);
	if (p->kind == FLAKY_HOUR)
		put_arc(t, &f->evidence.clock);
	json_put_ratio(t, "p", p->p);
	json_put_text(t, "text", words.p);
	text_puts(t, "}");
	text_free(&words);
}

/* The condition that it fails the most certainly under, if there is one. */
static void
put_fails_under(struct text *t, const struct flaky_cause *c)
{
	for (size_t i = 0; i < c->npieces; i++) {
		if (c->pieces[i].kind != FLAKY_MORE)
			continue;
		json_put_text(t, "failsUnder", condition_name(c->pieces[i].conditions));
		json_put_ratio(t, "failsUnderP", c->pieces[i].p);
		return;
	}
}

/* Why: what is named, how certain it is, what speaks for it, and what else it may be. */
static void
put_cause(struct text *t, const struct flaky_test *f)
{
	const struct flaky_cause	*c = &f->cause;

	json_put_key(t, "cause");
	text_puts(t, "{");
	json_put_text(t, "category", flaky_category_name(c->category));
	json_put_ratio(t, "certainty", c->certainty);
	json_put_text(t, "likeliest", flaky_category_name(c->likely));
	json_put_ratio(t, "race", c->race);
	json_put_key(t, "evidence");
	text_puts(t, "[");
	for (size_t i = 0; i < c->npieces; i++) {
		json_put_key(t, NULL);
		put_piece(t, f, &c->pieces[i]);
	}
	text_puts(t, "]");
	json_put_key(t, "shares");
	text_puts(t, "{");
	for (unsigned i = 0; i < FLAKY_CATEGORY_COUNT; i++)
		json_put_ratio(t, flaky_category_name(i), c->share[i]);
	text_puts(t, "}}");
}

static void
put_figures(struct text *t, const struct flaky_figures *v)
{
	json_put_key(t, "figures");
	text_puts(t, "{");
	json_put_text(t, "condition", flake_condition_name(v->condition));
	json_put_count(t, "failing", v->fails);
	json_put_count(t, "passing", v->passes);
	json_put_key(t, "medians");
	text_puts(t, "[");
	for (unsigned i = 0; i < FLAKY_FIGURE_COUNT; i++) {
		json_put_key(t, NULL);
		text_puts(t, "{");
		json_put_text(t, "figure", flaky_figure_member(i));
		json_put_ratio(t, "failing", v->v[i].failing);
		json_put_ratio(t, "passing", v->v[i].passing);
		json_put_ratio(t, "p", v->v[i].p);
		text_puts(t, "}");
	}
	text_puts(t, "]}");
}

static void
put_line_list(struct text *t, const char *key, const struct flaky_line *v, size_t n)
{
	json_put_key(t, key);
	text_puts(t, "[");
	for (size_t i = 0; i < n; i++) {
		json_put_key(t, NULL);
		text_puts(t, "{");
		json_put_sv(t, "line", (struct sv){ v[i].text, (uint32_t)strlen(v[i].text) });
		json_put_count(t, "attempts", v[i].at);
		json_put_count(t, "of", v[i].of);
		text_puts(t, "}");
	}
	text_puts(t, "]");
}

static void
put_reproduce(struct text *t, const struct flaky_test *f)
{
	if (f->command == NULL)
		return;
	json_put_key(t, "reproduce");
	text_puts(t, "{");
	json_put_text(t, "command", f->command);
	json_put_text(t, "condition", flake_condition_name(f->again.under));
	json_put_count(t, "runs", f->again.attempts);
	json_put_ratio(t, "chance", f->again.chance);
	json_put_ratio(t, "failureRateAtLeast", f->again.low);
	text_puts(t, "}");
}

/* What is told of a test that is flaky, or may be. */
static void
put_why(struct text *t, const struct flaky_test *f)
{
	put_fails_under(t, &f->cause);
	put_cause(t, f);
	if (f->figures.fails > 0)
		put_figures(t, &f->figures);
	if (f->lines.fails == 0)
		return;
	json_put_key(t, "outputLines");
	text_puts(t, "{");
	put_line_list(t, "onlyFailing", f->lines.failing, f->lines.nfailing);
	put_line_list(t, "onlyPassing", f->lines.passing, f->lines.npassing);
	text_puts(t, "}");
}

static void
put_report(struct text *t, const struct flaky_report *all, const struct flaky_test *f)
{
	const struct flake_result	*r = &f->test->flake;

	text_puts(t, "{");
	json_put_text(t, "testName", f->test->name);
	json_put_count(t, "totalRuns", f->runs);
	json_put_count(t, "passes", r->passes);
	json_put_count(t, "failures", r->fails);
	json_put_count(t, "errors", f->errors);
	json_put_ratio(t, "flakeRate", f->share);
	json_put_bool(t, "isFlaky", r->verdict == FLAKE_FLAKY);
	json_put_ratio(t, "threshold", all->threshold);
	put_patterns(t, f);
	json_put_count(t, "attempts", f->test->nattempts);
	json_put_count(t, "onRecord", r->recorded);
	json_put_text(t, "verdict", flake_verdict_name(r->verdict));
	json_put_bool(t, "confirmed", r->confirmed);
	json_put_ratio(t, "failureRate", f->runs > 0 ? (double)r->fails / (double)f->runs : 0);
	json_put_key(t, "interval");
	text_puts(t, "{");
	json_put_ratio(t, "low", (double)r->low_ppm / 1e6);
	json_put_ratio(t, "high", (double)r->high_ppm / 1e6);
	text_puts(t, "}");
	json_put_ratio(t, "evidence", (double)r->evidence_milli / 1000);
	json_put_ratio(t, "errorBound", exp(-(double)r->evidence_milli / 1000));
	put_conditions(t, f);
	if (r->verdict == FLAKE_FLAKY || r->verdict == FLAKE_SUSPECT)
		put_why(t, f);
	json_put_text(t, "recommendation", f->advice);
	put_reproduce(t, f);
	text_puts(t, "}");
}

struct pattern_count {
	const char	*category;
	uint64_t	 count;
};

static int
by_count(const void *a, const void *b)
{
	const struct pattern_count	*x = a, *y = b;

	return x->count < y->count ? 1 : x->count > y->count ? -1 : 0;
}

/* The categories of the flaky tests' failures, the most frequent first. */
static void
put_common(struct text *t, const struct flaky_report *r)
{
	struct pattern_count	v[PATTERNS_SHOWN] = { { NULL, 0 } };
	size_t			n = 0, k;

	for (size_t i = 0; i < r->n; i++) {
		const struct flaky_test	*f = &r->tests[i];

		for (size_t p = 0; f->test->flake.verdict == FLAKE_FLAKY && p < f->npatterns; p++) {
			for (k = 0; k < n && strcmp(v[k].category, f->patterns[p].category) != 0; k++)
				;
			if (k == PATTERNS_SHOWN)
				continue;
			v[k].category = f->patterns[p].category;
			v[k].count += f->patterns[p].count;
			n += k == n;
		}
	}
	qsort(v, n, sizeof v[0], by_count);
	json_put_key(t, "commonPatterns");
	text_puts(t, "[");
	for (size_t i = 0; i < n; i++) {
		json_put_key(t, NULL);
		text_puts(t, "{");
		json_put_text(t, "pattern", v[i].category);
		json_put_count(t, "count", v[i].count);
		text_puts(t, "}");
	}
	text_puts(t, "]");
}

static void
put_summary(struct text *t, const struct flaky_report *r)
{
	uint64_t	severe = 0, moderate = 0, flaky = r->counts[FLAKE_FLAKY];
	double		sum = 0;

	for (uint64_t i = 0; i < flaky; i++) {	/* they come first */
		severe += r->tests[i].share > SEVERE;
		moderate += r->tests[i].share >= MODERATE && r->tests[i].share <= SEVERE;
		sum += r->tests[i].share;
	}
	json_put_key(t, "summary");
	text_puts(t, "{");
	json_put_count(t, "totalTests", r->n);
	json_put_count(t, "flakyTests", flaky);
	json_put_count(t, "stableTests", r->counts[FLAKE_STABLE]);
	json_put_count(t, "brokenTests", r->counts[FLAKE_BROKEN]);
	json_put_count(t, "suspectTests", r->counts[FLAKE_SUSPECT]);
	json_put_count(t, "unsureTests", r->counts[FLAKE_UNSURE]);
	json_put_count(t, "confirmedTests", r->confirmed);
	json_put_ratio(t, "flakeRate", r->n > 0 ? (double)flaky / (double)r->n : 0);
	json_put_ratio(t, "averageFlakeRate", flaky > 0 ? sum / (double)flaky : 0);
	json_put_key(t, "severity");
	text_puts(t, "{");
	json_put_count(t, "severe", severe);
	json_put_count(t, "moderate", moderate);
	json_put_count(t, "mild", flaky - severe - moderate);
	text_puts(t, "}");
	if (flaky > 0)
		json_put_text(t, "mostFlakyTest", r->tests[0].test->name);
	else
		json_put_null(t, "mostFlakyTest");
	put_common(t, r);
	json_put_count(t, "attempts", r->attempts);
	text_puts(t, "}");
}

void
flaky_json(const struct flaky_report *r, struct text *t)
{
	text_puts(t, "{");
	json_put_key(t, "reports");
	text_puts(t, "[");
	for (size_t i = 0; i < r->n; i++) {
		json_put_key(t, NULL);
		put_report(t, r, &r->tests[i]);
	}
	text_puts(t, "]");
	put_summary(t, r);
	json_put_key(t, "recommendations");
	text_puts(t, "[");
	for (size_t i = 0; i < r->n; i++) {
		if (flaky_is_told(&r->tests[i]))
			json_put_value(t, NULL, json_sprintf("%s: %s", r->tests[i].test->name,
			    r->tests[i].advice));
	}
	text_puts(t, "]}");
}
