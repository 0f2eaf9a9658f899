/* What the campaigns of flake detection came to, in tables; see flaky.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/flaky.h"
#include "bench/table.h"
#include "common/xalloc.h"

#define FINDABLE	0.05	/* the failure rate from which on all are to be found */
#define CAUSES_MAX	24

/* What is asked of a test: NULL stands for all. */
typedef bool	test_is(const struct corpus_test *);

struct tally {
	double	tests, found, confirmed;
	double	attempts, fails;
};

static bool
is_flaky(const struct corpus_test *t)
{
	return t->flaky;
}

static bool
is_sound(const struct corpus_test *t)
{
	return !t->flaky;
}

static bool
is_findable(const struct corpus_test *t)
{
	return t->flaky && t->p >= FINDABLE;
}

static bool
is_rare(const struct corpus_test *t)
{
	return t->flaky && t->p > 0 && t->p < FINDABLE;
}

/* Not those that others depend on. */
static bool
is_in_sound_group(const struct corpus_test *t)
{
	return t->group == CORPUS_SOUND;
}

/* Alone it never fails: only under a condition, or among others. */
static bool
is_conditional(const struct corpus_test *t)
{
	return t->flaky && t->p <= 0;
}

static struct tally
count(const struct corpus *c, const struct campaign *v, test_is *is)
{
	struct tally	t = { 0 };

	for (size_t i = 0; i < c->n; i++) {
		const struct score	*s = &v->scores[i];

		if (!is(&c->tests[i]))
			continue;
		t.tests++;
		t.found += s->flagged;
		t.confirmed += s->confirmed;
		t.attempts += s->passes + s->fails;
		t.fails += s->fails;
	}
	return t;
}

static struct tally
total(const struct corpus *c, const struct campaigns *all, enum way w, test_is *is)
{
	struct tally	sum = { 0 }, t;

	for (size_t r = 0; r < all->repeats; r++) {
		t = count(c, &all->v[r * WAYS + w], is);
		sum.tests += t.tests;
		sum.found += t.found;
		sum.confirmed += t.confirmed;
		sum.attempts += t.attempts;
		sum.fails += t.fails;
	}
	return sum;
}

static double
share(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static double
machine_s(const struct campaigns *all, enum way w)
{
	double	sum = 0;

	for (size_t r = 0; r < all->repeats; r++)
		sum += all->v[r * WAYS + w].seconds;
	return sum;
}

/* Attempts of the sound ones that ours has dismissed, the mean; *ret_cut: verdicts that
 * it had no time for. */
static double
attempts_to_dismiss(const struct corpus *c, const struct campaigns *all, unsigned *ret_cut)
{
	double	attempts = 0, n = 0;

	*ret_cut = 0;
	for (size_t r = 0; r < all->repeats; r++) {
		for (size_t i = 0; i < c->n; i++) {
			const struct score	*s = &all->v[r * WAYS + WAY_OURS].scores[i];

			*ret_cut += strcmp(s->verdict, "unsure") == 0;
			if (c->tests[i].flaky || strcmp(s->verdict, "stable") != 0)
				continue;
			attempts += s->passes + s->fails;
			n++;
		}
	}
	return share(attempts, n);
}

/* ---- each way as a whole ---- */

static void
put_ways(const struct corpus *c, const struct campaigns *all, json_t *figures)
{
	struct table	t = { NULL, 0 };
	json_t		*o;

	table_row(&t, "found/true|all|p >= 0.05|p < 0.05|only under a condition|false alarms|"
	    "attempts, p >= 0.05|attempts, sound|machine s|found a minute|");
	for (unsigned i = 0; i < WAYS; i++) {
		enum way	w = (enum way)i;
		struct tally	a = total(c, all, w, is_flaky), f = total(c, all, w, is_findable),
		    r = total(c, all, w, is_rare), k = total(c, all, w, is_conditional),
		    s = total(c, all, w, is_sound);
		double		seconds = machine_s(all, w);

		table_row(&t,
		    "%s|%.0f/%.0f|%.0f/%.0f|%.0f/%.0f|%.0f/%.0f|%.0f/%.0f|%.1f|%.1f|%.1f|%.1f|",
		    way_name(w), a.found, a.tests, f.found, f.tests, r.found, r.tests, k.found,
		    k.tests, s.found, s.tests, share(f.attempts, f.tests),
		    share(s.attempts, s.tests), seconds, share(60 * a.found, seconds));
		o = json_object();
		bench_figure(o, "found", a.found);
		bench_figure(o, "flaky", a.tests);
		bench_figure(o, "foundFindable", f.found);
		bench_figure(o, "findable", f.tests);
		bench_figure(o, "foundRare", r.found);
		bench_figure(o, "rare", r.tests);
		bench_figure(o, "foundConditional", k.found);
		bench_figure(o, "conditional", k.tests);
		bench_figure(o, "falseAlarms", s.found);
		bench_figure(o, "sound", s.tests);
		bench_figure(o, "confirmed", a.confirmed);
		bench_figure(o, "falselyConfirmed", s.confirmed);
		bench_figure(o, "attemptsFindable", share(f.attempts, f.tests));
		bench_figure(o, "attemptsSound", share(s.attempts, s.tests));
		bench_figure(o, "machineSeconds", seconds);
		(void)json_object_set_new(figures, way_key(w), o);
	}
	table_print(&t, "flaky: the same programs; the first two ways again and again for the time "
	    "that ours takes");
}

/* ---- by cause ---- */

static size_t
causes_of(const struct corpus *c, const char *causes[CAUSES_MAX])
{
	size_t	n = 0, k;

	for (size_t i = 0; i < c->n; i++) {
		for (k = 0; k < n && strcmp(causes[k], c->tests[i].cause) != 0; k++)
			continue;
		if (k == n && n < CAUSES_MAX)
			causes[n++] = c->tests[i].cause;
	}
	return n;
}

static struct tally
count_cause(const struct corpus *c, const struct campaigns *all, enum way w, const char *cause)
{
	struct tally	t = { 0 };

	for (size_t r = 0; r < all->repeats; r++) {
		for (size_t i = 0; i < c->n; i++) {
			const struct score	*s = &all->v[r * WAYS + w].scores[i];

			if (strcmp(c->tests[i].cause, cause) != 0)
				continue;
			t.tests++;
			t.found += s->flagged;
			t.attempts += s->passes + s->fails;
		}
	}
	return t;
}

static bool
is_named_rightly(const struct corpus_test *t, const struct score *s)
{
	return t->flaky && s->flagged && strcmp(s->cause, t->category) == 0;
}

/* Those with the cause (NULL: all) that the diagnosis found; *ret_right of them with their
 * cause named rightly. */
static double
count_named(const struct corpus *c, const struct campaign *v, const char *cause, double *ret_right)
{
	double	found = 0;

	*ret_right = 0;
	for (size_t i = 0; i < c->n; i++) {
		if (!c->tests[i].flaky || (cause != NULL && strcmp(c->tests[i].cause, cause) != 0))
			continue;
		found += v->scores[i].flagged;
		*ret_right += is_named_rightly(&c->tests[i], &v->scores[i]);
	}
	return found;
}

static void
put_causes(const struct corpus *c, const struct campaigns *all, json_t *figures)
{
	const char	*causes[CAUSES_MAX];
	size_t		 n = causes_of(c, causes);
	struct table	 t = { NULL, 0 };
	json_t		*o, *list = json_object();
	struct tally	 v[WAYS];
	double		 right, named;

	table_row(&t, "found/true|original|loop|plain|ours|attempts of ours|cause named rightly|");
	for (size_t k = 0; k < n; k++) {
		o = json_object();
		for (unsigned w = 0; w < WAYS; w++) {
			v[w] = count_cause(c, all, (enum way)w, causes[k]);
			bench_figure(o, way_key((enum way)w), v[w].found);
		}
		bench_figure(o, "tests", v[WAY_OURS].tests);
		named = count_named(c, &all->diagnosis, causes[k], &right);
		bench_figure(o, "diagnosed", named);
		bench_figure(o, "causeRight", right);
		(void)json_object_set_new(list, causes[k], o);
		table_row(&t, "%s|%.0f/%.0f|%.0f/%.0f|%.0f/%.0f|%.0f/%.0f|%.1f|%.0f/%.0f|",
		    causes[k], v[0].found, v[0].tests, v[1].found, v[1].tests, v[2].found,
		    v[2].tests, v[3].found, v[3].tests, share(v[3].attempts, v[3].tests), right,
		    named);
	}
	(void)json_object_set_new(figures, "causes", list);
	table_print(&t, "flaky: by cause");
}

/* ---- a machine minute ---- */

/* So many in so much machine time: that of the campaign is parted among the tests as their
 * attempts took it. */
struct rate {
	double	n, ms;
};

/* What is counted of a test, in which time: all that was spent on it, or of one that is flaky
 * what was spent until it first failed. */
struct measure {
	double	(*count)(const struct corpus_test *, const struct score *);
	bool	until;
};

static double
count_seen(const struct corpus_test *t, const struct score *s)
{
	return t->flaky && s->fails > 0;
}

static double
count_found(const struct corpus_test *t, const struct score *s)
{
	return t->flaky && s->flagged;
}

static double
count_attempts(const struct corpus_test *t, const struct score *s)
{
	(void)t;
	return s->passes + s->fails;
}

/* Flaky tests that were seen to fail, by the machine time that was spent on them until
 * then, or in vain: the likeliest rate of first failures, whenever each was given up. */
static const struct measure	first_failures = { count_seen, true };
static const struct measure	finds = { count_found, false };
/* Of what no condition touches as many are found as there are attempts, but for chance. */
static const struct measure	attempts = { count_attempts, false };

static struct rate
rate_of(const struct corpus *c, const struct campaign *v, enum corpus_group g,
    const struct measure *m)
{
	struct rate	r = { 0 };
	double		all = 0, ms = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct corpus_test	*t = &c->tests[i];
		const struct score		*s = &v->scores[i];

		all += s->spent_ms;
		if (t->group != g)
			continue;
		r.n += m->count(t, s);
		ms += !m->until ? s->spent_ms : t->flaky ? s->until_ms : 0;
	}
	r.ms = share(1e3 * v->seconds * ms, all);
	return r;
}

static double
a_minute(struct rate r)
{
	return share(60e3 * r.n, r.ms);
}

/* Of all repetitions. */
static double
together(const struct corpus *c, const struct campaigns *all, enum way w, enum corpus_group g,
    const struct measure *m)
{
	struct rate	sum = { 0 }, one;

	for (size_t r = 0; r < all->repeats; r++) {
		one = rate_of(c, &all->v[r * WAYS + w], g, m);
		sum.n += one.n;
		sum.ms += one.ms;
	}
	return a_minute(sum);
}

/* Ours against another way: of all repetitions together, which goes into *ret, and the least
 * and the most of one. */
static const char *
ratio(const struct corpus *c, const struct campaigns *all, enum way w, enum corpus_group g,
    const struct measure *m, char text[64], double *ret)
{
	struct samples	s = { .n = 0 };
	double		other;

	*ret = share(together(c, all, WAY_OURS, g, m), together(c, all, w, g, m));
	for (size_t r = 0; r < all->repeats; r++) {
		other = a_minute(rate_of(c, &all->v[r * WAYS + w], g, m));
		if (other > 0)
			samples_add(&s, a_minute(rate_of(c, &all->v[r * WAYS + WAY_OURS], g, m)) /
			    other);
	}
	if (s.n == 0)
		return "it found none";
	(void)snprintf(text, 64, "%.2f (%.2f..%.2f)", *ret, samples_rank(&s, 0),
	    samples_rank(&s, 100));
	return text;
}

static void
put_group(const struct corpus *c, const struct campaigns *all, enum corpus_group g,
    struct table *t, json_t *figures)
{
	json_t	*list = json_object(), *o;
	char	 a[64], b[64];
	double	 to_seen = 0, to_found = 0;

	for (unsigned i = 0; i < WAYS; i++) {
		enum way	w = (enum way)i;
		const char	*ta = ratio(c, all, w, g, &first_failures, a, &to_seen);
		const char	*tb = ratio(c, all, w, g, &finds, b, &to_found);

		table_row(t, "%s: %s|%.1f|%s|%.1f|%s|", corpus_group_name(g), way_key(w),
		    together(c, all, w, g, &first_failures), w == WAY_OURS ? "" : ta,
		    together(c, all, w, g, &finds), w == WAY_OURS ? "" : tb);
		o = json_object();
		bench_figure(o, "seenAMinute", together(c, all, w, g, &first_failures));
		bench_figure(o, "foundAMinute", together(c, all, w, g, &finds));
		bench_figure(o, "oursToSeen", to_seen);
		bench_figure(o, "oursToFound", to_found);
		(void)json_object_set_new(list, way_key(w), o);
	}
	(void)json_object_set_new(figures, corpus_group_name(g), list);
}

static void
put_rates(const struct corpus *c, const struct campaigns *all, json_t *figures)
{
	struct table	t = { NULL, 0 };
	json_t		*o = json_object();

	table_row(&t, "a machine minute|seen to fail|ours: times as many|found|ours: times as "
	    "many|");
	put_group(c, all, CORPUS_TIMING, &t, o);
	put_group(c, all, CORPUS_RANDOM, &t, o);
	put_group(c, all, CORPUS_OTHER, &t, o);
	(void)json_object_set_new(figures, "aMinute", o);
	table_print(&t, "flaky: tests seen to fail (by the time until then), and found, a machine "
	    "minute; ratios: all together (least..most)");
}

/* ---- what went wrong ---- */

static void
put_missed(const struct corpus *c, const struct campaigns *all)
{
	struct table	t = { NULL, 0 };
	unsigned	missed;

	table_row(&t, "wrong in so many of %zu|times|cause|stated p|verdict|failed|", all->repeats);
	for (size_t i = 0; i < c->n; i++) {
		const struct score	*s = NULL;

		missed = 0;
		for (size_t r = 0; r < all->repeats; r++) {
			if (all->v[r * WAYS + WAY_OURS].scores[i].flagged == c->tests[i].flaky)
				continue;
			s = &all->v[r * WAYS + WAY_OURS].scores[i];
			missed++;
		}
		if (s == NULL)
			continue;
		table_row(&t, "%s|%u|%s|%.3f|%s|%u/%u|", c->tests[i].plan->name, missed,
		    c->tests[i].cause, c->tests[i].p < 0 ? 0 : c->tests[i].p, s->verdict, s->fails,
		    s->passes + s->fails);
	}
	table_print(&t, "flaky: missed, or falsely found, by ours");
}

/* The confusions, each test by its name. */
static void
put_confused(const struct corpus *c, const struct campaign *v, const char *title, json_t *list)
{
	struct table	 t = { NULL, 0 };
	json_t		*o;

	table_row(&t, "found by the diagnosis|is|named|failed|");
	for (size_t i = 0; i < c->n; i++) {
		const struct score	*s = &v->scores[i];

		if (!s->flagged || is_named_rightly(&c->tests[i], s))
			continue;
		table_row(&t, "%s|%s|%s|%u/%u|", c->tests[i].plan->name, c->tests[i].category,
		    s->cause, s->fails, s->passes + s->fails);
		o = json_object();
		(void)json_object_set_new(o, "test", json_string(c->tests[i].plan->name));
		(void)json_object_set_new(o, "is", json_string(c->tests[i].category));
		(void)json_object_set_new(o, "named", json_string(s->cause));
		(void)json_array_append_new(list, o);
	}
	table_print(&t, title);
}

static void
put_goals(const struct corpus *c, const struct corpus *unseen, const struct campaigns *all,
    json_t *figures)
{
	struct tally	 f = total(c, all, WAY_OURS, is_findable),
	    a = total(c, all, WAY_OURS, is_flaky), s = total(c, all, WAY_OURS, is_sound);
	struct table	 t = { NULL, 0 };
	json_t		*o = json_object();
	struct tally	 warm = count(c, &all->warm, is_in_sound_group);
	double		 right, named = count_named(c, &all->diagnosis, NULL, &right), timing,
	    random;
	double		 also, found = count_named(unseen, &all->unseen, NULL, &also);
	unsigned	 cut;
	double		 dismissed = attempts_to_dismiss(c, all, &cut);
	double		 tries;
	char		 text[64];

	(void)ratio(c, all, WAY_LOOP, CORPUS_TIMING, &first_failures, text, &timing);
	(void)ratio(c, all, WAY_LOOP, CORPUS_RANDOM, &first_failures, text, &random);
	(void)ratio(c, all, WAY_LOOP, CORPUS_RANDOM, &attempts, text, &tries);
	bench_figure(o, "foundFindable", share(f.found, f.tests));
	bench_figure(o, "attemptsFindable", share(f.attempts, f.tests));
	bench_figure(o, "attemptsSound", dismissed);
	bench_figure(o, "cutShort", cut);
	bench_figure(o, "falseShare", share(s.confirmed, a.confirmed + s.confirmed));
	bench_figure(o, "timingToLoop", timing);
	bench_figure(o, "randomToLoop", random);
	bench_figure(o, "randomAttemptsToLoop", tries);
	bench_figure(o, "causeRight", share(right, named));
	bench_figure(o, "causeRightUnseen", share(also, found));
	(void)json_object_set_new(o, "diagnosisCut", json_boolean(all->diagnosis.cut));
	bench_figure(o, "attemptsWithRecord", share(warm.attempts, warm.tests));
	(void)json_object_set_new(figures, "goals", o);
	table_row(&t, "programs with p >= 0.05 that ours found|%.3f|%s", share(f.found, f.tests),
	    table_at_least(share(f.found, f.tests), 0.95, ""));
	table_row(&t, "attempts of each of them, mean|%.1f|%s", share(f.attempts, f.tests),
	    table_at_most(share(f.attempts, f.tests), 45, ""));
	table_row(&t, "attempts until a sound one is dismissed, mean|%.1f|%s",
	    dismissed, dismissed > 0 ? table_at_most(dismissed, 60, "") : "none was");
	table_row(&t, "false ones among the confirmed|%.3f|%s",
	    share(s.confirmed, a.confirmed + s.confirmed),
	    table_at_most(share(s.confirmed, a.confirmed + s.confirmed), 0.05, ""));
	table_row(&t, "timing and race: seen to fail a machine minute, to the loop|%.2f|%s",
	    timing, table_at_least(timing, 3, ""));
	table_row(&t, "randomness: the same|%.2f|%s", random, table_at_least(random, 0.7, ""));
	table_row(&t, "randomness: attempts a machine minute, to the loop|%.2f|%s", tries,
	    table_at_least(tries, 0.7, ""));
	table_row(&t, "cause named rightly, of those found|%.3f|%s%s", share(right, named),
	    table_at_least(share(right, named), 0.85, ""),
	    all->diagnosis.cut ? "; the time was up before the attempts" : "");
	table_row(&t, "the same, of programs on which nothing was tuned|%.3f|%s%s",
	    share(also, found), table_at_least(share(also, found), 0.85, ""),
	    all->unseen.cut ? "; the time was up before the attempts" : "");
	table_row(&t, "attempts of a sound one with %d runs on record, mean|%.1f|%s", RECORD,
	    share(warm.attempts, warm.tests),
	    table_at_most(share(warm.attempts, warm.tests), 5, ""));
	if (cut > 0)
		table_row(&t, "verdicts of ours that the limit of time has cut short|%u|"
		    "a less busy machine tells more", cut);
	table_print(&t, "flaky: what is wanted");
}

void
flaky_tables(const struct corpus *c, const struct corpus *unseen, const struct campaigns *all,
    json_t *figures)
{
	json_t	*list = json_array();

	(void)json_object_set_new(figures, "repeats", json_integer((json_int_t)all->repeats));
	put_ways(c, all, figures);
	put_causes(c, all, figures);
	put_rates(c, all, figures);
	put_missed(c, all);
	put_confused(c, &all->diagnosis, "flaky: the wrong cause named, or none", list);
	put_confused(unseen, &all->unseen, "flaky: the same, of programs on which nothing was "
	    "tuned", list);
	(void)json_object_set_new(figures, "confused", list);
	put_goals(c, unseen, all, figures);
}
