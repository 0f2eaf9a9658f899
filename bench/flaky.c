/*
 * The part `flaky`: four ways of detection on the same programs and the same machine
 * time, in turn.  What ours takes is what the two plain ways get.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/flaky.h"
#include "bench/spans.h"
#include "common/clock.h"
#include "common/xalloc.h"

#define REPEATS		3
#define COPIES		10	/* of the original's rule, and its threshold */
#define THRESHOLD	0.1
#define CAMPAIGN_S	70	/* at the most */
#define CAMPAIGN_QUICK_S 20
#define DIAGNOSIS_S	240
#define DIAGNOSIS_QUICK_S 25
#define ALL_MS		400000	/* no other repetition that would end after this */

const char *
way_name(enum way w)
{
	static const char	*const names[] = {
#define X(N, s, k)	s,
		WAY_LIST(X)
#undef X
	};

	return names[w];
}

const char *
way_key(enum way w)
{
	static const char	*const keys[] = {
#define X(N, s, k)	k,
		WAY_LIST(X)
#undef X
	};

	return keys[w];
}

/* The index of the test of that name; c->n: there is none. */
static size_t
find(const struct corpus *c, json_t *of, const char *key)
{
	const char	*name = json_string_value(json_object_get(of, key));
	size_t		 i;

	for (i = 0; i < c->n && (name == NULL || strcmp(name, c->tests[i].plan->name) != 0); i++)
		continue;
	return i;
}

static void
take_text(char *to, size_t size, json_t *of, const char *key)
{
	const char	*s = json_string_value(json_object_get(of, key));

	(void)snprintf(to, size, "%s", s != NULL ? s : "");
}

static bool
copies_fail(json_t *report)
{
	json_t		*o;
	const char	*name;
	size_t		 i;

	json_array_foreach(json_object_get(report, "conditions"), i, o) {
		name = json_string_value(json_object_get(o, "condition"));
		if (name != NULL && strcmp(name, "copies") == 0)
			return json_integer_value(json_object_get(o, "failures")) > 0;
	}
	return false;
}

/* What is evidence, after the attempts: those beside copies of itself are none. */
static void
take_report(const struct corpus *c, json_t *report, struct score *scores)
{
	size_t		 i = find(c, report, "testName");
	struct score	*s = &scores[i];

	if (i == c->n)
		return;
	s->passes = (unsigned)json_integer_value(json_object_get(report, "passes"));
	s->fails = (unsigned)json_integer_value(json_object_get(report, "failures"));
	s->confirmed = json_is_true(json_object_get(report, "confirmed"));
	take_text(s->verdict, sizeof s->verdict, report, "verdict");
	take_text(s->cause, sizeof s->cause, json_object_get(report, "cause"), "category");
	s->flagged = strcmp(s->verdict, "flaky") == 0;
	/* A stable one that fails beside copies of itself is told of, and why is plain. */
	if (!s->flagged && copies_fail(report)) {
		s->flagged = true;
		(void)snprintf(s->cause, sizeof s->cause, "concurrency");
	}
}

/* The attempts of each test, in turn. */
static void
take_attempts(const struct corpus *c, json_t *result, struct spans *spans)
{
	static const char	*const bad[] = { "fail", "timeout", "crash", "oom" };
	size_t			 i = find(c, result, "name"), k;
	const char		*outcome;
	uint64_t		 start;
	json_t			*a;

	json_array_foreach(json_object_get(result, "attemptsDetail"), k, a) {
		bool	failed = false;

		start = (uint64_t)json_integer_value(json_object_get(a, "startTime")) * 1000;
		outcome = json_string_value(json_object_get(a, "outcome"));
		for (size_t b = 0; outcome != NULL && b < sizeof bad / sizeof bad[0]; b++)
			failed = failed || strcmp(outcome, bad[b]) == 0;
		if (i < c->n)
			spans_add(spans, &(struct span){ .start_us = start,
			    .end_us = start + (uint64_t)(1e3 *
			    json_number_value(json_object_get(a, "duration"))),
			    .test = i, .passed = !failed });
	}
}

/* How ours is called: options ends with NULL. */
struct detection {
	const char		*filter;
	const char *const	*options;
	unsigned		 seed, limit_s;
};

/* Ours, through the client; *ret_s is the time that it took. */
static int
detect(struct bench *b, const struct service *sv, const struct corpus *c,
    const struct detection *d, struct score *scores, double *ret_s)
{
	struct service_call	 call = { .timeout_ms = SERVICE_LONG_MS, .may_fail = true };
	char			 shuffle[32], limit[32];
	const char		*words[16] = { "flaky", "--json", shuffle, limit, "-E", d->filter };
	struct spans		 spans = { .n = 0 };
	json_t			*doc = NULL, *reports, *e;
	size_t			 n = 6, i;
	int			 r;

	(void)snprintf(shuffle, sizeof shuffle, "--shuffle=%u", d->seed);
	(void)snprintf(limit, sizeof limit, "--run-timeout=%us", d->limit_s);
	for (i = 0; d->options[i] != NULL && n < 14; i++)
		words[n++] = d->options[i];
	words[n] = c->suite;
	r = service_ask(b, sv, &call, words, &doc);
	if (r != 0)
		return r;
	*ret_s = (double)call.usage.wall_us / 1e6;
	json_array_foreach(json_object_get(doc, "results"), i, e)
		take_attempts(c, e, &spans);
	spans_score(&spans, scores);
	spans_free(&spans);
	reports = json_object_get(json_object_get(doc, "flaky"), "reports");
	json_array_foreach(reports, i, e)
		take_report(c, e, scores);
	r = json_array_size(reports) > 0 ? 0 : bench_fail(-EBADMSG, "flaky told nothing");
	json_decref(doc);
	return r;
}

static int
detect_all(struct bench *b, const struct service *sv, const struct corpus *c, bool plain,
    unsigned seed, struct campaign *ret)
{
	static const char	*const all[] = { "--no-history", "--diagnose=0", NULL };
	static const char	*const some[] = { "--no-history", "--diagnose=0", "--plain", NULL };
	struct detection	 d = { "all()", plain ? some : all, seed,
	    b->quick ? CAMPAIGN_QUICK_S : CAMPAIGN_S };

	return detect(b, sv, c, &d, ret->scores, &ret->seconds);
}

static int
loop(struct bench *b, const struct corpus *c, double budget, unsigned seed, struct campaign *ret)
{
	uint64_t	start = now_us();
	int		r = bare_loop(b, c, b->width, budget, seed, ret->scores);

	ret->seconds = (double)(now_us() - start) / 1e6;
	for (size_t i = 0; i < c->n; i++)
		ret->scores[i].flagged = ret->scores[i].passes > 0 && ret->scores[i].fails > 0;
	return r;
}

/* One test after the other, and from the start again while there is time. */
static int
original(struct bench *b, const struct corpus *c, double budget, unsigned seed,
    struct campaign *ret)
{
	uint64_t		 start = now_us(), end = start + (uint64_t)(budget * 1e6);
	unsigned long long	 state = seed;
	size_t			*order = xcalloc(c->n, sizeof *order);
	unsigned		 minority;
	uint64_t		 before;
	double			 took;
	int			 r = 0;

	for (size_t i = 0; i < c->n; i++)
		order[i] = i;
	while (r == 0 && now_us() < end) {
		bare_shuffle(order, c->n, &state);
		for (size_t i = 0; i < c->n && r == 0 && now_us() < end; i++) {
			struct score	 ten = { 0 }, *s = &ret->scores[order[i]];

			before = now_us();
			r = bare_copies(b, &c->tests[order[i]], COPIES, &ten);
			took = (double)(now_us() - before) / 1e3;
			s->spent_ms += took;
			if (s->fails == 0)
				s->until_ms += took;
			s->passes += ten.passes;
			s->fails += ten.fails;
			minority = ten.fails < ten.passes ? ten.fails : ten.passes;
			s->flagged = s->flagged || minority > THRESHOLD * COPIES;
		}
	}
	ret->seconds = (double)(now_us() - start) / 1e6;
	free(order);
	return r;
}

/* All ways; every other time the rest comes in the other order. */
static int
measure(struct bench *b, const struct service *sv, const struct corpus *c, size_t rep,
    struct campaign *of)
{
	unsigned	seed = 2 * (unsigned)rep + 2;	/* even ones: none was used to tune */
	double		budget;
	enum way	w;
	int		r = corpus_environment(b);

	if (r == 0)
		r = detect_all(b, sv, c, false, seed, &of[WAY_OURS]);
	budget = of[WAY_OURS].seconds;
	for (unsigned i = 0; i < WAY_OURS && r == 0; i++) {
		w = rep % 2 == 0 ? (enum way)(WAY_OURS - 1 - i) : (enum way)i;
		r = corpus_environment(b);
		if (r == 0 && w == WAY_PLAIN)
			r = detect_all(b, sv, c, true, seed, &of[w]);
		else if (r == 0 && w == WAY_LOOP)
			r = loop(b, c, budget, seed, &of[w]);
		else if (r == 0)
			r = original(b, c, budget, seed, &of[w]);
	}
	return r;
}

/* How many repetitions there were: as many as are asked for, else those that fit. */
static int
repeat(struct bench *b, const struct service *sv, const struct corpus *c, struct campaigns *all)
{
	msec_t	start = now_ms(), took;
	size_t	wanted = all->repeats, rep;
	int	r = 0;

	for (rep = 0; rep < wanted && r == 0; rep++) {
		took = now_ms() - start;
		if (b->repeat == 0 && rep > 0 && took + took / rep > ALL_MS)
			break;
		(void)fprintf(stderr, "repetition %zu of %zu\n", rep + 1, wanted);
		r = measure(b, sv, c, rep, &all->v[rep * WAYS]);
	}
	all->repeats = rep;
	return r;
}

/* All that are flaky, together, with as many attempts as ours takes for the causes. */
static int
diagnose(struct bench *b, const struct service *sv, const struct corpus *c, struct campaign *ret)
{
	static const char	*const options[] = { "--no-history", NULL };
	struct detection	 d = { "not tag(sound)", options, 2,
	    b->quick ? DIAGNOSIS_QUICK_S : DIAGNOSIS_S };
	int			 r = corpus_environment(b);

	if (r == 0)
		r = detect(b, sv, c, &d, ret->scores, &ret->seconds);
	ret->cut = ret->seconds >= d.limit_s;
	return r;
}

/* How few attempts a sound test takes that ordinary runs have shown to pass. */
static int
recall(struct bench *b, const struct service *sv, const struct corpus *c, struct campaign *ret)
{
	static const char	*const options[] = { "--diagnose=0", NULL };
	struct detection	 d = { "tag(sound)", options, 2, CAMPAIGN_S };
	struct service_call	 call = { .timeout_ms = SERVICE_LONG_MS };
	int			 r = corpus_environment(b);

	for (unsigned i = 0; i < RECORD && r == 0; i++)
		r = ASK(b, sv, &call, NULL, "run", "-E", d.filter, c->suite);
	return r != 0 ? r : detect(b, sv, c, &d, ret->scores, &ret->seconds);
}

static struct score *
no_scores(const struct corpus *c)
{
	return xcalloc(c->n + 1, sizeof(struct score));
}

/* Each with a supervisor of its own, so that what is on record is known. */
static int
measure_all(struct bench *b, const struct corpus *c, const struct corpus *unseen,
    struct campaigns *all)
{
	struct service	sv = { .pid = 0 };
	int		r = service_start(b, "flaky", &sv), r1;

	if (r == 0)
		r = repeat(b, &sv, c, all);
	if (r == 0)
		r = diagnose(b, &sv, c, &all->diagnosis);
	if (r == 0)
		r = diagnose(b, &sv, unseen, &all->unseen);
	r1 = service_stop(b, &sv, NULL);
	if (r != 0 || r1 != 0)
		return r != 0 ? r : r1;
	r = service_start(b, "warm", &sv);
	if (r == 0)
		r = recall(b, &sv, c, &all->warm);
	r1 = service_stop(b, &sv, NULL);
	return r != 0 ? r : r1;
}

int
bench_flaky(struct bench *b, json_t *figures)
{
	size_t			most = b->repeat != 0 ? b->repeat : b->quick ? 1 : REPEATS;
	struct campaigns	all = { .repeats = most };
	struct corpus		c, unseen;
	int			r1, r = corpus_load(&c, FLAKY_SUITE, FLAKY_TRUTH);

	r1 = corpus_load(&unseen, UNSEEN_SUITE, UNSEEN_TRUTH);
	r = r != 0 ? r : r1;
	all.v = xcalloc(most * WAYS, sizeof *all.v);
	for (size_t i = 0; i < most * WAYS; i++)
		all.v[i].scores = no_scores(&c);
	all.diagnosis.scores = no_scores(&c);
	all.unseen.scores = no_scores(&unseen);
	all.warm.scores = no_scores(&c);
	if (r == 0)
		r = measure_all(b, &c, &unseen, &all);
	if (r == 0)
		flaky_tables(&c, &unseen, &all, figures);
	for (size_t i = 0; i < most * WAYS; i++)
		free(all.v[i].scores);
	free(all.diagnosis.scores);
	free(all.unseen.scores);
	free(all.warm.scores);
	free(all.v);
	corpus_free(&c);
	corpus_free(&unseen);
	return r;
}
