/* What a search over orders came to; see order_report.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/json_put.h"
#include "ctl/options.h"
#include "ctl/order_file.h"
#include "ctl/order_report.h"
#include "ctl/shell.h"

#define INDENT		"         "
#define NAMES_SHOWN	20	/* of a list, for people */

static bool
depends(const struct order_finding *f)
{
	return f->verdict == ORDER_VICTIM || f->verdict == ORDER_BRITTLE;
}

static const char *
name_of(const struct order_report *r, uint32_t test)
{
	return r->plan->tests[test].name;
}

static void
counts(const struct order_report *r, uint32_t ret[ORDER_VERDICT_COUNT])
{
	const struct order_finding	*f;
	size_t				 n;

	memset(ret, 0, ORDER_VERDICT_COUNT * sizeof *ret);
	f = order_search_findings(r->search, &n);
	for (size_t i = 0; i < n; i++)
		ret[f[i].verdict]++;
}

int
order_report_code(const struct order_report *r)
{
	uint32_t	c[ORDER_VERDICT_COUNT];

	counts(r, c);
	return c[ORDER_VICTIM] + c[ORDER_BRITTLE] > 0 ? EXIT_TESTS_FAILED : EXIT_PASSED;
}

/* ---- the order that shows it again ---- */

/* A line of the file for each test, the one that it is about last. */
static void
put_order(const struct order_report *r, const struct order_finding *f, struct text *t)
{
	for (uint32_t i = 0; i < f->needs.n; i++)
		order_file_put(t, name_of(r, f->needs.v[i]));
	order_file_put(t, name_of(r, f->test));
}

/* FILE, FILE.2, ...: malloc'ed. */
static char *
file_name(const struct order_report *r, unsigned number)
{
	const char	*file = r->file != NULL ? r->file : "order.txt";

	return number == 1 ? xstrdup(file) : xasprintf("%s.%u", file, number);
}

/* What a shell is to run: the file is written before where nobody asked for one. */
static void
put_command(const struct order_report *r, const struct order_finding *f, unsigned number,
    struct text *t)
{
	char		*file = file_name(r, number);
	struct text	 lines = { 0 };
	const char	*line;
	size_t		 left, n;

	if (r->file == NULL) {
		put_order(r, f, &lines);
		text_puts(t, "printf '%s\\n'");
		line = lines.p;
		for (left = lines.n; left > 0;) {
			const char	*from = line;
			char		*word;

			n = text_line(&line, &left);
			word = xstrndup(from, n);
			text_puts(t, " ");
			shell_word(t, word);
			free(word);
		}
		text_puts(t, " >");
		shell_word(t, file);
		text_puts(t, " && ");
		text_free(&lines);
	}
	text_puts(t, "paratestctl run --order ");
	/* The two words that name no file. */
	text_puts(t, strcmp(file, "plan") == 0 || strcmp(file, "history") == 0 ? "./" : "");
	shell_word(t, file);
	text_addf(t, " %s", r->suites);
	free(file);
}

static int
write_file(const char *file, const struct text *lines)
{
	FILE	*f = fopen(file, "we");
	int	 r;

	if (f == NULL)
		return -errno;
	(void)fputs("# paratestctl run --order FILE SUITE...\n", f);
	(void)fwrite(lines->p, 1, lines->n, f);
	r = ferror(f) ? -EIO : 0;
	return fclose(f) == EOF && r == 0 ? -errno : r;
}

int
order_report_write(const struct order_report *r, char *why, size_t size)
{
	const struct order_finding	*f;
	struct text			 lines = { 0 };
	unsigned			 number = 0;
	size_t				 n;
	int				 ret = 0;

	f = order_search_findings(r->search, &n);
	for (size_t i = 0; r->file != NULL && i < n && ret == 0; i++) {
		char	*file;

		if (!depends(&f[i]))
			continue;
		file = file_name(r, ++number);
		text_clear(&lines);
		put_order(r, &f[i], &lines);
		ret = write_file(file, &lines);
		if (ret != 0)
			(void)snprintf(why, size, "cannot write %s: %s", file, strerror(-ret));
		free(file);
	}
	text_free(&lines);
	return ret;
}

/* ---- for people ---- */

static void
put_name(const struct order_report *r, uint32_t test, struct text *t)
{
	(void)text_show_name(t, name_of(r, test), strlen(name_of(r, test)), 0, 0);
}

static void
put_names(const struct order_report *r, const struct order_list *l, struct text *t)
{
	for (uint32_t i = 0; i < l->n && i < NAMES_SHOWN; i++) {
		text_puts(t, INDENT "  ");
		put_name(r, l->v[i], t);
		text_puts(t, "\n");
	}
	if (l->n > NAMES_SHOWN)
		text_addf(t, INDENT "  and %u more, all in --json\n", l->n - NAMES_SHOWN);
}

static void
put_count(struct text *t, const char *before, const struct order_count *c, const char *behind)
{
	text_addf(t, "%s%u/%u%s", before, c->fails, c->runs, behind);
}

static void
put_dependent(const struct order_report *r, const struct order_finding *f, unsigned number,
    struct text *t)
{
	bool	victim = f->verdict == ORDER_VICTIM;

	put_count(t, INDENT "failed ", &f->alone, " alone and ");
	put_count(t, "", &f->with, victim ? " after its polluter" : " after its state setter");
	text_addf(t, "%s (by chance: p = %.2g):\n", f->needs.n > 1 ? "s, all of them needed" : "",
	    f->p);
	put_names(r, &f->needs, t);
	if (f->cleaners.n > 0) {
		put_count(t, INDENT "failed ", &f->cleaned, " when this comes between them:\n");
		put_names(r, &f->cleaners, t);
	}
	if (f->others)
		text_addf(t, INDENT "it %s in orders without %s: there are other %s\n",
		    victim ? "failed" : "passed", f->needs.n > 1 ? "these" : "this",
		    victim ? "polluters" : "state setters");
	if (f->noisy)
		text_addf(t, INDENT "it also fails by chance: each question was repeated until its "
		    "answer was wrong\n" INDENT "with at most %g%%\n", 100 * ORDER_PROBE_ERROR);
	text_addf(t, INDENT "see it %s: ", victim ? "fail" : "pass");
	put_command(r, f, number, t);
	text_puts(t, "\n");
}

static const char *
why_text(enum order_why why)
{
	switch (why) {
	case ORDER_WHY_NO_RESULT:
		return "it skipped, or could not be run, when it was looked into";
	case ORDER_WHY_NOT_AGAIN:
		return "what was found did not do it again: it fails by chance too often";
	case ORDER_WHY_ENDED:
	case ORDER_WHY_NONE:
		break;
	}
	return "the search ended before";
}

static void
put_other(const struct order_report *r, const struct order_finding *f, struct text *t)
{
	(void)r;
	put_count(t, INDENT "failed ", &f->orders, " in the orders, ");
	put_count(t, "", &f->alone, " alone");
	if (f->after.runs > 0)
		text_addf(t, ", %u/%u behind all that were before it in order %u", f->after.fails,
		    f->after.runs, f->order);
	text_puts(t, "\n" INDENT);
	if (f->verdict == ORDER_BROKEN)
		text_puts(t, "it always fails, whatever the order");
	else if (f->verdict == ORDER_FLAKY)
		text_addf(t, "not shown to depend on the order: paratestctl flaky %s tells more",
		    r->suites);
	else
		text_puts(t, why_text(f->why));
	text_puts(t, "\n");
}

void
order_report_text(const struct order_report *r, struct text *t)
{
	const struct order_finding	*f;
	uint32_t			 c[ORDER_VERDICT_COUNT];
	unsigned			 number = 0;
	size_t				 n;

	f = order_search_findings(r->search, &n);
	for (size_t i = 0; i < n; i++) {
		text_addf(t, "%-8s ", order_verdict_name(f[i].verdict));
		put_name(r, f[i].test, t);
		text_puts(t, "\n");
		if (depends(&f[i]))
			put_dependent(r, &f[i], ++number, t);
		else
			put_other(r, &f[i], t);
	}
	if (r->ended != NULL)
		text_addf(t, "%s: what is said here is what was known by then\n", r->ended);
	counts(r, c);
	text_addf(t, "%zu test%s, %u order%s: %u victim%s, %u brittle, %u broken, %u flaky, %u unsure",
	    r->plan->ntests, r->plan->ntests == 1 ? "" : "s", order_search_orders(r->search),
	    order_search_orders(r->search) == 1 ? "" : "s", c[ORDER_VICTIM],
	    c[ORDER_VICTIM] == 1 ? "" : "s", c[ORDER_BRITTLE], c[ORDER_BROKEN], c[ORDER_FLAKY],
	    c[ORDER_UNSURE]);
	if (r->no_result > 0)
		text_addf(t, ", %u skipped or not run", r->no_result);
	text_addf(t, "; %u runs of at most %u, --shuffle=%" PRIu64 "\n",
	    order_search_runs(r->search), r->runs_max, r->seed);
}

/* ---- for programs ---- */

static void
json_count(struct text *t, const char *key, const struct order_count *c)
{
	json_put_key(t, key);
	text_puts(t, "{");
	json_put_count(t, "runs", c->runs);
	json_put_count(t, "failures", c->fails);
	text_puts(t, "}");
}

static void
json_names(const struct order_report *r, struct text *t, const char *key,
    const struct order_list *l)
{
	json_put_key(t, key);
	text_puts(t, "[");
	for (uint32_t i = 0; i < l->n; i++)
		json_put_text(t, NULL, name_of(r, l->v[i]));
	text_puts(t, "]");
}

static void
json_reproduce(const struct order_report *r, const struct order_finding *f, unsigned number,
    struct text *t)
{
	struct text	 command = { 0 };
	char		*file = file_name(r, number);

	json_put_key(t, "reproduce");
	text_puts(t, "{");
	json_put_text(t, "shows", f->verdict == ORDER_VICTIM ? "fail" : "pass");
	json_put_key(t, "order");
	text_puts(t, "[");
	for (uint32_t i = 0; i < f->needs.n; i++)
		json_put_text(t, NULL, name_of(r, f->needs.v[i]));
	json_put_text(t, NULL, name_of(r, f->test));
	text_puts(t, "]");
	if (r->file != NULL)
		json_put_text(t, "file", file);
	put_command(r, f, number, &command);
	json_put_text(t, "command", command.p);
	text_puts(t, "}");
	text_free(&command);
	free(file);
}

static void
json_finding(const struct order_report *r, const struct order_finding *f, unsigned number,
    struct text *t)
{
	json_put_key(t, NULL);
	text_puts(t, "{");
	json_put_text(t, "testName", name_of(r, f->test));
	json_put_text(t, "verdict", order_verdict_name(f->verdict));
	json_put_bool(t, "dependsOnOrder", depends(f));
	json_count(t, "orders", &f->orders);
	json_count(t, "alone", &f->alone);
	if (f->after.runs > 0) {
		json_put_count(t, "order", f->order);
		json_count(t, "afterAll", &f->after);
		json_put_ratio(t, "p", f->p);
	}
	if (depends(f)) {
		json_names(r, t, f->verdict == ORDER_VICTIM ? "polluters" : "stateSetters", &f->needs);
		json_count(t, "with", &f->with);
		json_names(r, t, "cleaners", &f->cleaners);
		if (f->cleaners.n > 0)
			json_count(t, "cleaned", &f->cleaned);
		json_put_bool(t, "others", f->others);
		json_put_bool(t, "noisy", f->noisy);
		json_reproduce(r, f, number, t);
	} else if (f->verdict == ORDER_UNSURE) {
		json_put_text(t, "reason", why_text(f->why));
	}
	text_puts(t, "}");
}

static void
json_orders(const struct order_report *r, struct text *t)
{
	static const char *const	kinds[] = { "original", "reverse", "random" };

	json_put_key(t, "orders");
	text_puts(t, "[");
	for (uint32_t i = 1; i <= order_search_orders(r->search); i++) {
		json_put_key(t, NULL);
		text_puts(t, "{");
		json_put_count(t, "number", i);
		json_put_text(t, "kind", kinds[i < 3 ? i - 1 : 2]);
		if (i > 2)
			json_put_count(t, "seed", order_search_seed(r->search, i));
		text_puts(t, "}");
	}
	text_puts(t, "]");
}

void
order_report_json(const struct order_report *r, struct text *t)
{
	const struct order_finding	*f;
	uint32_t			 c[ORDER_VERDICT_COUNT];
	unsigned			 number = 0;
	size_t				 n;

	f = order_search_findings(r->search, &n);
	counts(r, c);
	text_puts(t, "{");
	json_put_bool(t, "success", order_report_code(r) == 0);
	json_put_key(t, "tests");
	text_puts(t, "[");
	for (size_t i = 0; i < n; i++)
		json_finding(r, &f[i], depends(&f[i]) ? ++number : 0, t);
	text_puts(t, "]");
	json_put_key(t, "summary");
	text_puts(t, "{");
	json_put_count(t, "totalTests", r->plan->ntests);
	json_put_count(t, "victims", c[ORDER_VICTIM]);
	json_put_count(t, "brittle", c[ORDER_BRITTLE]);
	json_put_count(t, "broken", c[ORDER_BROKEN]);
	json_put_count(t, "flaky", c[ORDER_FLAKY]);
	json_put_count(t, "unsure", c[ORDER_UNSURE]);
	json_put_count(t, "withoutResult", r->no_result);
	text_puts(t, "}");
	json_put_count(t, "seed", r->seed);
	json_orders(r, t);
	json_put_count(t, "runs", order_search_runs(r->search));
	json_put_count(t, "maxRuns", r->runs_max);
	json_put_bool(t, "complete", r->ended == NULL);
	json_put_text(t, "message", r->ended);
	json_put_ratio(t, "alpha", ORDER_ALPHA);
	json_put_ratio(t, "probeError", ORDER_PROBE_ERROR);
	text_puts(t, "}\n");
}
