/* What is said of a test: the evidence in words, where to look, what to do next; see
 * flaky.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "ctl/flaky.h"

#define PIECES_TOLD	2	/* in one sentence */

/* ---- evidence ---- */

const char *
flaky_condition_text(enum flake_condition c)
{
	static const char *const	texts[FLAKE_CONDITION_COUNT] = {
		[FLAKE_PLAIN] = "as it is",
		[FLAKE_PAUSED] = "when paused",
		[FLAKE_ONE_CPU] = "on one CPU",
		[FLAKE_LOW_PRIORITY] = "at low priority",
		[FLAKE_LOADED] = "on a loaded machine",
		[FLAKE_STRESSED] = "with memory and disk busy",
		[FLAKE_FEW_FILES] = "with few open files allowed",
		[FLAKE_ZONE] = "in another time zone",
		[FLAKE_LOCALE] = "in another language",
		[FLAKE_SEEDS] = "with other hash seeds",
		[FLAKE_CLOCK] = "at another time of day",
		[FLAKE_TMPDIR] = "in another temporary folder",
		[FLAKE_COPIES] = "beside copies of itself",
		[FLAKE_FIXED_LAYOUT] = "with fixed addresses and hash seeds",
		[FLAKE_CROWDED] = "in a crowd of other tests",
	};

	return texts[c];
}

/* "fails 13 of 40 times when paused, 1 of 60 plainly" */
static void
put_counts(struct text *t, const struct flaky_piece *p, const char *when)
{
	text_addf(t, "fails %" PRIu64 " of %" PRIu64 " times %s, %" PRIu64 " of %" PRIu64 " %s",
	    p->seen.fails, p->seen.runs, when, p->against.fails, p->against.runs,
	    p->kind == FLAKY_GROUP ? "otherwise" : "plainly");
}

/* "when paused, on a loaded machine" */
static void
put_conditions(struct text *t, unsigned conditions)
{
	for (unsigned c = 0; c < FLAKE_CONDITION_COUNT; c++) {
		if ((conditions >> c & 1) != 0)
			text_addf(t, "%s%s", t->n > 0 ? " or " : "",
			    flaky_condition_text((enum flake_condition)c));
	}
}

static void
put_test(struct text *t, const char *name)
{
	text_puts(t, "'");
	(void)text_show(t, name, strlen(name), TEXT_ASCII, 0);
	text_puts(t, "'");
}

/* "of what starts 0.90 to 1.00 s after a full second 12 of 15 fail, 1 of 140 otherwise" */
static void
put_hour(struct text *t, const struct flaky_arc *c)
{
	double		 s = (double)c->period_ms / 1000;

	text_addf(t, "of the attempts that start %.3g to %.3g s into each %.4g s of the clock %"
	    PRIu64 " of %" PRIu64 " fail, of the others %" PRIu64 " of %" PRIu64, c->from * s,
	    c->to * s, s, c->v.seen.fails, c->v.seen.runs, c->v.against.fails,
	    c->v.against.runs);
}

static void
put_after(struct text *t, const struct flaky_near *n)
{
	text_addf(t, "fails %" PRIu64 " of %" PRIu64 " times when ", n->v.seen.fails,
	    n->v.seen.runs);
	put_test(t, n->test);
	if (n->not != NULL) {
		text_puts(t, " ran before it, and ");
		put_test(t, n->not);
		text_puts(t, " not since");
	} else {
		text_puts(t, " ran since its last attempt");
	}
	text_addf(t, ", %" PRIu64 " of %" PRIu64 " otherwise", n->v.against.fails,
	    n->v.against.runs);
}

void
flaky_piece_text(const struct flaky_test *f, const struct flaky_piece *p, struct text *t)
{
	struct text	when = { 0 };

	switch (p->kind) {
	case FLAKY_MORE:
	case FLAKY_LESS:
	case FLAKY_GROUP:
		put_conditions(&when, p->conditions);
		put_counts(t, p, when.p);
		break;
	case FLAKY_ALIKE:
		put_counts(t, p, "under all changed conditions together");
		break;
	case FLAKY_STRETCHES:
		text_puts(t, "its plain failures come in a row");
		break;
	case FLAKY_RHYTHM:
		text_puts(t, "its failures come at even distances, whatever the condition");
		break;
	case FLAKY_BESIDE:
		text_addf(t, "fails %" PRIu64 " of %" PRIu64 " times when other tests fail at that "
		    "moment, %" PRIu64 " of %" PRIu64 " otherwise", p->seen.fails, p->seen.runs,
		    p->against.fails, p->against.runs);
		break;
	case FLAKY_AGAIN:
		text_addf(t, "fails %" PRIu64 " of %" PRIu64 " times when it is run again at once "
		    "after a failure, %" PRIu64 " of %" PRIu64 " plainly otherwise", p->seen.fails,
		    p->seen.runs, p->against.fails, p->against.runs);
		break;
	case FLAKY_HOUR:
		put_hour(t, &f->evidence.clock);
		break;
	case FLAKY_AFTER:
		put_after(t, &f->evidence.after);
		break;
	case FLAKY_ALONG:
		text_addf(t, "fails %" PRIu64 " of %" PRIu64 " times when ", p->seen.fails, p->seen.runs);
		put_test(t, f->evidence.along.test);
		text_addf(t, " runs beside it, %" PRIu64 " of %" PRIu64 " when it does not",
		    p->against.fails, p->against.runs);
		break;
	case FLAKY_LOST:
		text_addf(t, "%" PRIu64 " attempts were lost with their worker", p->seen.fails);
		break;
	case FLAKY_SLOWER:
		text_addf(t, "failing attempts take %.2g times as long as passing ones %s", p->ratio,
		    flaky_condition_text(f->figures.condition));
		break;
	case FLAKY_SAYS:
		text_addf(t, "%" PRIu64 " of %" PRIu64 " failures speak of %s", p->seen.fails,
		    p->seen.runs, flaky_mark_text(p->mark));
		break;
	case FLAKY_PIECE_KINDS:
		break;
	}
	if (p->kind != FLAKY_SAYS && p->kind != FLAKY_LOST)
		text_addf(t, " (p %.1g)", p->p);
	text_free(&when);
}

/* ---- where to look ---- */

static const char *
look_at_shortage(enum flake_condition c)
{
	if (c == FLAKE_PLAIN)
		return "it comes up against a limit that no condition touches: look at its ulimits and "
		    "quotas, and at what it takes and does not give back";
	return c == FLAKE_FEW_FILES ?
	    "it needs more open files than a soft limit of 256, or leaks them: look at what it opens "
	    "and does not close" :
	    "it counts on fast memory or a fast disk: look at what it allocates and writes, and at its "
	    "waits for that";
}

static const char *
look_at_environment(enum flake_condition c)
{
	return c == FLAKE_LOCALE ?
	    "look at the order of letters, their case, decimal commas and messages; or set LC_ALL in "
	    "its env" :
	    "it cannot live with blanks or other letters in the path of TMPDIR: quote its paths";
}

static const char	fixed_names[] = "look for fixed names: ports, files outside TMPDIR, databases; "
	"port 0 and TMPDIR are free, `resources: {lock: [NAME]}` keeps apart what must not meet";

/* Where to look for what was seen, or the next experiment. */
const char *
flaky_look_at(const struct flaky_test *f)
{
	switch (f->cause.category) {
	case FLAKY_TIMING:
		return f->cause.race > f->cause.certainty / 2 ?
		    "look at what its threads or processes share and who must be first, a thread "
		    "sanitizer may name it; then at its waits and time limits" :
		    "look at its waits, sleeps and time limits: wait for the thing itself, not for "
		    "a time";
	case FLAKY_CONCURRENCY:
	case FLAKY_CLASH:
		return fixed_names;
	case FLAKY_STARVATION:
		return look_at_shortage(f->cause.next);
	case FLAKY_TIME:
		return f->cause.next == FLAKE_PLAIN && f->evidence.clock.v.seen.runs > 0 ?
		    "look at what it reads from the clock twice, or rounds to a second or a minute; give "
		    "it a fixed time" :
		    "look at dates it computes: in another zone, around midnight, at the end of a "
		    "month or a year; set TZ in its env, or give it a fixed time";
	case FLAKY_RANDOMNESS:
		return f->cause.effects[FLAKE_FIXED_LAYOUT].less ?
		    "look at what it takes in the order of addresses or of a hash table, and sort it" :
		    "look at what it draws: take the seed from PARATEST_SEED and print it; if it shares "
		    "state with other tests, `paratestctl flaky --order` tells whether their order matters";
	case FLAKY_ENVIRONMENT:
		return look_at_environment(f->cause.next);
	case FLAKY_ORDER:
		return "`paratestctl flaky --order` finds the smallest set of tests that it depends on; "
		    "let it make what it needs, and look at what is left outside TMPDIR";
	case FLAKY_LEAK:
		return "look at what is left outside TMPDIR; `paratestctl flaky --order` finds the test "
		    "that leaves it";
	case FLAKY_INFRASTRUCTURE:
		return "look at the machine or the service at those moments before the test";
	case FLAKY_UNKNOWN:
	case FLAKY_CATEGORY_COUNT:
		break;
	}
	return "more attempts tell more (a smaller --alpha); if it shares state with other tests, "
	    "`paratestctl flaky --order` tells whether their order matters";
}

/* ---- all in one sentence ---- */

static void
advise_flaky(const struct flaky_test *f, struct text *t)
{
	const struct flaky_cause	*c = &f->cause;

	if (c->category != FLAKY_UNKNOWN)
		text_addf(t, "%s (%.0f%% sure): ", flaky_category_name(c->category),
		    100 * c->certainty);
	else
		text_puts(t, "no cause is certain: ");
	for (size_t i = 0; i < c->npieces && i < PIECES_TOLD; i++) {
		text_puts(t, i > 0 ? ", " : "");
		flaky_piece_text(f, &c->pieces[i], t);
	}
	if (c->npieces == 0)
		text_puts(t, "no condition differs");
	text_addf(t, "; %s", flaky_look_at(f));
	if (f->command != NULL)
		text_addf(t, "; next: %s", f->command);
}

static void
advise_stable(const struct flaky_test *f, struct text *t)
{
	const struct flaky_condition	*copies = &f->evidence.at[FLAKE_COPIES];

	text_addf(t, "passed %" PRIu64 " of %" PRIu64 " times", f->test->flake.passes, f->runs);
	if (copies->fails > 0)
		text_addf(t, ", but failed %" PRIu64 " of %" PRIu64 " times %s: %s", copies->fails,
		    copies->runs, flaky_condition_text(FLAKE_COPIES), fixed_names);
}

char *
flaky_advice(const struct flaky_test *f)
{
	const struct test_result	*t = f->test;
	struct text			 s = { 0 };

	switch (t->flake.verdict) {
	case FLAKE_FLAKY:
		advise_flaky(f, &s);
		break;
	case FLAKE_SUSPECT:
		text_addf(&s, "failed %" PRIu64 " of %" PRIu64 " times, which is not enough to tell: "
		    "--max-runs %" PRIu64, t->flake.fails, f->runs, f->runs * 2);
		break;
	case FLAKE_BROKEN:
		text_addf(&s, "failed all %" PRIu64 " times: it is not flaky; mend it first", f->runs);
		break;
	case FLAKE_UNSURE:
		if (f->runs == 0)
			text_addf(&s, "no attempt of it passed or failed (%s)", t->done ?
			    test_status_name(t->status) : "it did not end");
		else
			text_addf(&s, "%s all %" PRIu64 " times, which is not enough to tell",
			    t->flake.fails > 0 ? "failed" : "passed", f->runs);
		break;
	default:
		advise_stable(f, &s);
		break;
	}
	return s.p;
}
