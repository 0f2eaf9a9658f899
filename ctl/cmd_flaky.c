/* paratestctl flaky: runs tests again and again until it is known which are flaky. */
#include <getopt.h>
#include <string.h>

#include "common/outcome.h"
#include "ctl/cmd.h"
#include "ctl/document.h"
#include "ctl/flaky_bisect.h"
#include "ctl/flaky_order.h"
#include "ctl/flaky_repro.h"
#include "ctl/flaky_tell.h"
#include "ctl/flaky_tests.h"
#include "ctl/follow.h"
#include "ctl/known.h"
#include "ctl/text.h"

static const char usage[] =
	"usage: paratestctl flaky [options] SUITE...      suites: YAML or JSON, - for stdin\n"
	"       paratestctl flaky [options] -- CMD ARG... one command as a test\n"
	"       paratestctl flaky [options] --each 'CMD {}' < LIST\n"
	"       paratestctl flaky [options] --from RUN     what went wrong in a run\n"
	"       paratestctl flaky [options] --repro TEST [SUITE... | --from RUN]\n"
	"       paratestctl flaky --order [options] SUITE...     those that depend on others; it\n"
	"                        has a --help\n"
	"       paratestctl flaky --bisect [options] -- CMD ARG...     the commit at which it\n"
	"                        began; it has a --help\n"
	"       paratestctl flaky --known [TEST]           of ordinary runs; it has a --help\n"
	"\n"
	"Runs each test until it is flaky, stable or broken beyond doubt; nothing is retried.\n"
	"Half the attempts are under a changed condition: crowded paused one-cpu\n"
	"low-priority loaded stressed few-files zone locale seeds tmpdir; clock on request\n"
	"(libfaketime); copies fixed-layout for the cause only.\n"
	"What:\n"
	OPTIONS_SELECT_HELP
	"      --from RUN        (id, first digits, latest) the tests of it that failed or\n"
	"                        passed only on a retry, from its record; with -E: of all\n"
	"      --new             only tests without a result on record, by suite and name\n"
	"      --repro TEST      this one until it fails, under the condition under which it\n"
	"                        failed the most in the run, or --under; so often that it\n"
	"                        fails with 95%; exit 1: it failed\n"
	"When it is decided:\n"
	"      --alpha X         chance to call a test flaky that is not (0.01)\n"
	"      --power X         chance to find one that fails at --rate or more (0.95)\n"
	"      --rate X          the smallest failure rate that is looked for (0.05)\n"
	"      --fdr X           share of false ones among those confirmed (0.05)\n"
	"      --max-runs N      of a test that stays undecided (300)\n"
	"      --plain           no changed conditions\n"
	"      --under CONDITION every attempt under this one: paused, one-cpu, ...\n"
	"      --conditions LIST only these of them, with commas between\n"
	"      --budget N|DUR    spread so many attempts, or so much time, over all tests,\n"
	"                        where the most is to be found\n"
	"      --diagnose N      attempts more of a flaky test, for its cause (168); 0: none\n"
	"      --no-history      passes on record do not count\n"
	"      --runs N          instead: so many attempts of each test, all of them plain,\n"
	"      --threshold X     flaky above this share of the rarer outcome (0.1; 0: any),\n"
	"      --stop-on-stable  ended early when the first half of them agree\n"
	"How:\n"
	"  -j, --jobs N|auto     attempts at a time (auto: CPUs); never two of one test\n"
	"      --sequential      one at a time; else --parallel\n"
	"      --timeout DUR     of a test that states none itself; 0: no limit\n"
	"      --run-timeout DUR of the whole run; what is known by then is told\n"
	"      --grace DUR, --isolation LEVEL, --memory SIZE, --processes N, --cpus X,\n"
	"      --open-files N, --file-size SIZE    as of paratestctl run\n"
	"      --shuffle=SEED    the seed of all that is random\n"
	"      --name LABEL      for lists and reports\n"
	OPTIONS_REVISION_HELP
	OPTIONS_SHOW_HELP
	"\n"
	"Exit: 0 none is flaky or broken, 1 some are, did not start or were not decided in time,\n"
	"2 wrong input (nothing ran), 3 no supervisor or internal, 4 no test, 7 setups fail,\n"
	"8 infrastructure, 128+N signal N.\n";

/* The report borrows from the results, which go when the run is left: it is put into
 * words before. */
struct telling {
	const struct options	*options;
	const char		*suites;
	struct text		 words;		/* the table, or the member of the document */
	int			 code;		/* what the verdicts make of the exit code */
};

static void
on_over(void *arg, const struct results *r)
{
	struct telling	*t = arg;

	t->code = flaky_tell(r, t->suites, t->options->json,
	    follow_has_stdout(t->options) ? stderr : stdout, &t->words);
}

/* Submits and follows; the exit code.  `parent`: the run that the tests are from, or
 * NULL. */
static int
detect(struct client *c, const struct options *o, const struct plan *plan, const char *parent,
    const char *suites)
{
	struct telling	 t = { .options = o, .suites = suites };
	struct document	 doc = { .file = NULL };
	struct follow	 f = { .cmd = &cmd_flaky, .options = o, .parent = parent, .over = on_over,
	    .arg = &t };
	int		 code = o->json ? document_open(&doc, &cmd_flaky) : 0;

	if (code != 0)
		return code;
	f.json = doc.file;
	code = follow_plan(&f, c, plan);
	document_close(&doc);
	if (doc.len > 0 && t.words.n > 0)
		(void)document_extend(doc.text, doc.len, "flaky", &t.words, stdout);
	else if (o->json)
		document_leave(&doc);
	else
		text_write(&t.words, follow_has_stdout(o) ? stderr : stdout);
	/* A test that passes and fails has passed, in an ordinary run. */
	if (code == EXIT_PASSED || code == EXIT_TESTS_FAILED || code == EXIT_SETUP_FAILED)
		code = t.code;
	text_free(&t.words);
	document_free(&doc);
	return code;
}

/* The tests that the supervisor has to be asked about, and then all that are chosen. */
static int
ask_and_detect(const struct cmd_globals *g, const struct options *o, struct plan *plan,
    struct text *words)
{
	struct plan_origin	 from = { .run = "" };
	int			 code = 0;
	struct client		*c = cmd_open(&cmd_flaky, g, true, &code);

	if (c == NULL)
		return code;
	if (o->from != NULL) {
		code = flaky_from(&cmd_flaky, g, c, o, plan, &from);
		text_addf(words, "--from %.8s", from.run);
	} else if (o->only_new) {
		code = flaky_only_new(&cmd_flaky, c, o, plan);
	}
	if (code == 0 && o->find_order)
		code = flaky_order(c, o, plan, words->p);
	else if (code == 0)
		code = detect(c, o, plan, o->from != NULL ? from.run : NULL, words->p);
	client_close(c);
	return code;
}

static int
look_at(const struct cmd_globals *g, struct options *o, int argc, char **argv)
{
	struct plan	plan = { .name = NULL };
	struct text	words = { 0 };	/* that name the tests in a command */
	int		code = 0;

	if (o->from == NULL) {
		options_words(o, argc, argv, &words);
		code = options_plan(&cmd_flaky, g, o, argc, argv, &plan);
	}
	if (code == 0)
		code = ask_and_detect(g, o, &plan, &words);
	text_free(&words);
	plan_free(&plan);
	return code;
}

/* These have a help of their own. */
static const struct cmd_entry *
entry(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--bisect") == 0)
			return &flaky_bisect_cmd;
		if (strcmp(argv[i], "--order") == 0)
			return &flaky_order_cmd;
	}
	return &cmd_flaky;
}

static int
exec(const struct cmd_globals *g, int argc, char **argv)
{
	const struct cmd_entry	*cmd = entry(argc, argv);
	struct options		 o;
	char			 why[512];
	int			 code;

	if (known_asked(argc, argv))
		return known_exec(g, argc, argv);
	code = options_parse(cmd, argc, argv, OPTIONS_FLAKY, &o);
	o.json |= g->json;
	if (code == 0 && options_flaky_check(&o, why, sizeof why) != 0)
		code = cmd_usage(cmd, "%s", why);
	else if (code == 0 && o.from != NULL && optind < argc)
		code = cmd_usage(cmd, "--from takes the tests of a run, and no suites");
	if (code == 0 && o.bisect)
		code = flaky_bisect(cmd, g, &o, argc, argv);
	else if (code == 0 && o.repro != NULL)
		code = flaky_repro(cmd, g, &o, argc, argv);
	else if (code == 0)
		code = look_at(g, &o, argc, argv);
	options_free(&o);
	return code;
}

/* What makes it something else before other options are read. */
static const struct option_row flaky_rows[] = {
	{ "known", NULL, OPTION_LONG, NULL },
	{ NULL, NULL, 0, NULL }
};

const struct cmd_entry cmd_flaky = {
	"flaky", "runs tests until it is known which are flaky", usage, exec,
	flaky_rows, OPTIONS_FLAKY, "SUITE..."
};
