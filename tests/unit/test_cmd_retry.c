/*
 * The verbs retry and plan against a scripted supervisor: what they ask, what they
 * print for people and for programs, and how they exit.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <getopt.h>
#include <jansson.h>
#include <sys/ioctl.h>

#include "common/xalloc.h"
#include "ctl/cmd.h"
#include "ctl/retry_stats.h"
#include "ctl/submit.h"
#include "tests/unit/events_fixture.h"
#include "tests/unit/peer_fixture.h"

#define PARENT		"00112233445566778899aabbccddeeff"
#define WORDS_MAX	16

static void
say_test(struct px *px, uint32_t id, uint64_t index, const char *name)
{
	struct plan_test	 t = { .name = xstrdup(name), .cwd = xstrdup("/"), .weight = 1,
	    .has_timeout = true, .timeout_ms = 7000,
	    .retry = { .has = PLAN_RETRY_COUNT, .count = 1 } };
	struct msg_plan_test	 m = { .index = index, .status = TEST_FAIL };
	char			 why[CLIENT_WHY], *spec;
	size_t			 len;

	strs_add(&t.argv, "prog");
	strs_add(&t.tags, name);
	px_need(submit_encode(&t, &spec, &len, why) == 0, why);
	m.spec = (struct sv){ spec, len };
	px_say(px, MSG_PLAN_TEST, id, &m);
	free(spec);
	plan_test_free(&t);
}

/* The record of a run of three tests, two of which are open; of others by name. */
static void
say_record(struct px *px, uint32_t id, struct sv asked)
{
	struct msg_plan_run	run = { .run = SV_LIT(PARENT), .name = SV_LIT("night"), .total = 3,
	    .status = sv_is(asked, "running") ? RUN_RUNNING : RUN_FAILED };
	struct msg_end_of	end = { .truncated = false };
	struct msg_error	none = { .code = MSG_ERR_NOT_FOUND,
	    .text = SV_LIT("there is no run x") };

	if (sv_is(asked, "x")) {
		px_say(px, MSG_ERROR, id, &none);
		return;
	}
	px_say(px, MSG_PLAN_RUN, id, &run);
	if (!sv_is(asked, "passed")) {
		say_test(px, id, 1, "a");
		say_test(px, id, 2, "b");
	}
	px_say(px, MSG_END_OF, id, &end);
}

struct sending {
	struct px	*px;
	uint32_t	 id;
};

static void
send_event(void *state, const struct msg_event *ev, const struct results *r)
{
	struct sending	*s = state;

	(void)r;
	px_say(s->px, MSG_EVENT, s->id, ev);
}

/* a passes at its second attempt, b fails. */
static void
say_run(struct px *px, uint32_t id)
{
	struct sending		s = { px, id };
	struct msg_event	bad = { .exit_code = 1, .error_message = SV_LIT("broken"),
	    .error_category = CATEGORY_ASSERTION };
	struct msg_end_of	end = { .truncated = false };
	struct fx		fx;

	fx_open(&fx);
	fx.reporter = (struct reporter){ .state = &s, .event = send_event };
	fx_started(&fx, 2);
	fx_attempt(&fx, 0, "a", 1);
	fx_attempt_done(&fx, 0, "a", 1, OUTCOME_FAIL, bad);
	fx_attempt(&fx, 0, "a", 2);
	fx_attempt_done(&fx, 0, "a", 2, OUTCOME_PASS, (struct msg_event){ .exit_code = 0 });
	fx_test_done(&fx, 0, "a", TEST_PASS, (struct msg_event){ .attempts = 2, .retries = 1,
	    .flaky = true, .duration_us = 25000 });
	fx_test(&fx, 1, "b", OUTCOME_FAIL, bad);
	fx_finished(&fx, RUN_FAILED);
	px_say(px, MSG_END_OF, id, &end);
	fx_close(&fx);
}

/* In the process of the peer: nothing is on record of a suite named new, and the history
 * is not asked about a plan that is to start as it is written. */
static bool	blind;

static void
say_forecast(struct px *px, uint32_t id)
{
	struct msg_plan_row	row = { .test = SV_LIT("t"), .index = 1, .expected_us = 12300000,
	    .spread_us = 1200000, .fail_ppm = 31000, .known = true };
	struct msg_plan_ok	ok = { .makespan_us = 12345000, .bound_us = 11900000, .known = 1,
	    .jobs = 8 };

	if (blind) {
		row = (struct msg_plan_row){ .test = SV_LIT("t"), .index = 1, .fail_ppm = 20000 };
		ok = (struct msg_plan_ok){ .jobs = 1 };
	}
	px_say(px, MSG_PLAN_ROW, id, &row);
	row = (struct msg_plan_row){ .test = SV_LIT("t"), .index = 0, .expected_us = 400,
	    .start_us = 1000 };
	if (blind)
		row.expected_us = row.start_us = 0;
	px_say(px, MSG_PLAN_ROW, id, &row);
	px_say(px, MSG_PLAN_OK, id, &ok);
}

static void
note_plan(struct px *px, enum msg_type type, const union msg_body *m)
{
	if (type == MSG_RUN_BEGIN) {
		blind = sv_is(m->run_begin.name, "new") || m->run_begin.plan_order;
		px_note(px, "begin %.*s parent=" SV_FMT " jobs=%d", (int)m->run_begin.name.n,
		    m->run_begin.name.p, SV_ARG(m->run_begin.parent), (int)m->run_begin.jobs);
		for (uint32_t i = 0; i < m->run_begin.env.n; i++) {
			if (strncmp(m->run_begin.env.v[i].p, "OF_NOW=", 7) == 0)
				px_note(px, " " SV_FMT, SV_ARG(m->run_begin.env.v[i]));
		}
		px_note(px, "\n");
	} else if (type == MSG_TEST_ADD) {
		px_note(px, "test " SV_FMT " retries=%d timeout=%d\n", SV_ARG(m->test_add.name),
		    (int)m->test_add.retry_count, (int)m->test_add.timeout_ms);
	}
}

static int
plays(struct px *px, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct msg_run_ok	run = { .run = SV_LIT(FX_RUN), .jobs = 2, .seed = 1 };

	note_plan(px, type, m);
	switch (type) {
	case MSG_PLAN_READ:
		say_record(px, id, m->plan_read.run);
		break;
	case MSG_RUN_COMMIT:
		if (!m->run_commit.dry) {
			px_say(px, MSG_RUN_OK, id, &run);
			break;
		}
		say_forecast(px, id);
		break;
	case MSG_RUN_WATCH:
		say_run(px, id);
		break;
	default:
		break;
	}
	return 0;
}

/* ---- running a verb ---- */

/* The exit code; what came on standard output and error, to be freed. */
static int
verb(const struct cmd_entry *cmd, const struct px *px, const char *line, char **out, char **err)
{
	struct cmd_globals	g = { .socket = px->socket };
	FILE			*file[2] = { tmpfile(), tmpfile() };
	char			*argv[WORDS_MAX + 2], *copy = strdup(line), *rest = copy, *word;
	char			**text[2] = { out, err };
	int			 saved[2], argc = 0, code;

	while ((word = strsep(&rest, " ")) != NULL && argc < WORDS_MAX)
		argv[argc++] = word;
	argv[argc] = NULL;
	(void)fflush(NULL);
	for (int i = 0; i < 2; i++) {
		saved[i] = dup(i + 1);
		assert_true(file[i] != NULL && saved[i] != -1 &&
		    dup2(fileno(file[i]), i + 1) != -1);
	}
	optind = 0;
	code = cmd->exec(&g, argc, argv);
	(void)fflush(NULL);
	for (int i = 0; i < 2; i++) {
		assert_true(dup2(saved[i], i + 1) != -1);
		(void)close(saved[i]);
		*text[i] = calloc(1, 16384);
		rewind(file[i]);
		(void)fread(*text[i], 1, 16383, file[i]);
		(void)fclose(file[i]);
	}
	free(copy);
	return code;
}

static void
retry_runs_the_open_tests_again(void **state)
{
	char		*out, *err, *notes;
	struct px	 px;

	(void)state;
	assert_int_equal(setenv("OF_NOW", "yes", 1), 0);
	px_open(&px, plays);
	assert_int_equal(verb(&cmd_retry, &px, "retry -q -j 3 --retries 4 --timeout 9s", &out,
	    &err), 1);
	notes = px_close(&px);
	assert_string_equal(notes, "begin night parent=" PARENT " jobs=3 OF_NOW=yes\n"
	    "test a retries=4 timeout=9000\ntest b retries=4 timeout=9000\n");
	print_message("%s", out);
	assert_non_null(strstr(out, "FAILED"));
	/* The figures are the last line. */
	assert_non_null(strstr(out, "\nagain: 2 tests, 1 passed now, 1 did not (50% healed); "
	    "1.5 attempts each, 38ms\n"));
	assert_string_equal(strrchr(out, ';'), "; 1.5 attempts each, 38ms\n");
	free(notes);
	free(out);
	free(err);
}

static double
figure(const json_t *doc, const char *name)
{
	const json_t	*v = json_object_get(json_object_get(doc, "statistics"), name);

	assert_true(json_is_number(v));
	return json_number_value(v);
}

static void
retry_has_figures_in_json(void **state)
{
	char		*out, *err;
	struct px	 px;
	json_t		*doc;

	(void)state;
	px_open(&px, plays);
	assert_int_equal(verb(&cmd_retry, &px, "retry --json -E tag(a) 0011", &out, &err), 1);
	doc = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(doc);
	assert_int_equal(json_array_size(json_object_get(doc, "results")), 2);
	assert_int_equal((int)figure(doc, "totalTests"), 2);
	assert_int_equal((int)figure(doc, "successAfterRetry"), 1);
	assert_int_equal((int)figure(doc, "failedAfterRetry"), 1);
	assert_true(figure(doc, "successRate") == 0.5);
	assert_true(figure(doc, "averageAttempts") == 1.5);
	assert_true(figure(doc, "totalDuration") == 37.5);
	json_decref(doc);
	free(px_close(&px));
	free(out);
	free(err);
}

static void
retry_has_other_ends(void **state)
{
	static const struct { const char *line; int code; const char *out, *err; } cases[] = {
		{ "retry passed", 0,
		  "nothing to run again: each test of run 00112233 passed or was skipped\n", "" },
		{ "retry running", 2, "", "paratestctl: retry: run 00112233 is not over yet: wait "
		  "(paratestctl watch) or end it (paratestctl cancel)\n"
		  "  see paratestctl retry --help\n" },
		{ "retry x", 2, "", "paratestctl: retry: there is no run x\n" },
		{ "retry x y", 2, "", "paratestctl: retry: it takes one run\n"
		  "  see paratestctl retry --help\n" },
		{ "retry -E tag(zzz)", 4, "", "paratestctl: retry: no test matches -E 'tag(zzz)'\n"
		  "paratestctl: retry: no test is selected\n" },
		{ "retry --detach", 0, FX_RUN "\n", "" },
		{ "retry --detach --json", 0, "{\"runId\": \"" FX_RUN "\"}\n", "" },
	};
	char		*out, *err;
	struct px	 px;
	json_t		*doc;

	(void)state;
	px_open(&px, plays);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].line);
		assert_int_equal(verb(&cmd_retry, &px, cases[i].line, &out, &err), cases[i].code);
		assert_string_equal(out, cases[i].out);
		assert_string_equal(err, cases[i].err);
		free(out);
		free(err);
	}
	assert_int_equal(verb(&cmd_retry, &px, "retry --json passed", &out, &err), 0);
	doc = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_is_true(json_object_get(doc, "success")));
	assert_int_equal((int)figure(doc, "totalTests"), 0);
	json_decref(doc);
	free(out);
	free(err);
	free(px_close(&px));
}

static void
plan_shows_order_and_bound(void **state)
{
	static const char	file[] = "/tmp/paratest-plan-test.XXXXXX";
	char			*out, *err, path[sizeof file], line[128];
	struct px		 px;
	json_t			*doc, *row;
	FILE			*f;
	int			 fd;

	(void)state;
	memcpy(path, file, sizeof file);
	fd = mkstemp(path);
	f = fdopen(fd, "w");
	assert_non_null(f);
	(void)fputs("tests: [{name: short one, run: x}, {name: long one, run: x}]\n", f);
	(void)fclose(f);
	px_open(&px, plays);
	(void)snprintf(line, sizeof line, "plan -j 8 %s", path);
	assert_int_equal(verb(&cmd_plan, &px, line, &out, &err), 0);
	assert_string_equal(err, "");
	assert_string_equal(out,
	    " RANK   EXPECTED   SPREAD    START  FAILS  TEST\n"
	    "    1     12.30s    1.20s      0ms   3.1%  long one\n"
	    "    2     ~0.4ms      0ms      1ms   0.0%  short one\n"
	    "\n"
	    "expected makespan 12.35s on 8 slots; no order can beat 11.90s;\n"
	    "1 of 2 tests known (~: no history of its own, a guess from the others)\n");
	free(out);
	free(err);
	(void)snprintf(line, sizeof line, "plan --json %s", path);
	assert_int_equal(verb(&cmd_plan, &px, line, &out, &err), 0);
	doc = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(doc);
	row = json_array_get(json_object_get(doc, "tests"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "name")), "long one");
	assert_true(json_number_value(json_object_get(row, "failureChance")) == 0.031);
	assert_true(json_is_true(json_object_get(row, "known")));
	assert_true(json_number_value(json_object_get(doc, "lowerBound")) == 11900);
	json_decref(doc);
	free(out);
	free(err);
	/* By these times the long one is a part of its own. */
	(void)snprintf(line, sizeof line, "list --shard 1/2 --shard-by time %s", path);
	assert_int_equal(verb(&cmd_list, &px, line, &out, &err), 0);
	assert_string_equal(out, "long one\n");
	free(out);
	free(err);
	free(px_close(&px));
	(void)unlink(path);
}

/* 0 ms would be a claim. */
static void
plan_says_that_nothing_is_known(void **state)
{
	char		 path[] = "/tmp/paratest-plan-test.XXXXXX", *out, *err, line[128];
	struct px	 px;
	FILE		*f = fdopen(mkstemp(path), "w");
	json_t		*doc, *row;

	(void)state;
	assert_non_null(f);
	(void)fputs("name: new\ntests: [{name: one, run: x}, {name: two, run: x}]\n", f);
	(void)fclose(f);
	px_open(&px, plays);
	(void)snprintf(line, sizeof line, "plan %s", path);
	assert_int_equal(verb(&cmd_plan, &px, line, &out, &err), 0);
	assert_string_equal(out,
	    " RANK   EXPECTED   SPREAD    START  FAILS  TEST\n"
	    "    1          -        -        -      -  two\n"
	    "    2          -        -        -      -  one\n"
	    "\n"
	    "no test of the plan is on record: they start in the order of the plan\n"
	    "no forecast of how long it takes on 1 slot\n");
	free(out);
	free(err);
	(void)snprintf(line, sizeof line, "plan --order plan %s", path);
	assert_int_equal(verb(&cmd_plan, &px, line, &out, &err), 0);
	assert_non_null(strstr(out, "\nthe order is that of the plan, as --order plan asks: "));
	free(out);
	free(err);
	(void)snprintf(line, sizeof line, "plan --json %s", path);
	assert_int_equal(verb(&cmd_plan, &px, line, &out, &err), 0);
	doc = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(doc);
	assert_true(json_is_null(json_object_get(doc, "makespan")));
	assert_true(json_is_null(json_object_get(doc, "lowerBound")));
	row = json_array_get(json_object_get(doc, "tests"), 0);
	assert_true(json_is_null(json_object_get(row, "expected")));
	assert_true(json_is_null(json_object_get(row, "failureChance")));
	json_decref(doc);
	free(out);
	free(err);
	(void)snprintf(line, sizeof line, "list --shard 1/2 --shard-by time %s", path);
	assert_int_equal(verb(&cmd_list, &px, line, &out, &err), 0);
	assert_string_equal(out, "one\n");
	assert_non_null(strstr(err, "--shard-by time makes parts of equal number\n"));
	free(out);
	free(err);
	free(px_close(&px));
	(void)unlink(path);
}

/* Lines of `plan` on a terminal of 80 columns, into text. */
static void
plan_on_terminal(const struct px *px, char *path, char *text, size_t size)
{
	struct cmd_globals	 g = { .socket = px->socket };
	struct winsize		 ws = { .ws_row = 24, .ws_col = 80 };
	char			 word[] = "plan", *argv[] = { word, path, NULL };
	int			 master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK), slave,
	    saved;
	ssize_t			 n;

	assert_true(master != -1 && grantpt(master) == 0 && unlockpt(master) == 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	saved = dup(STDOUT_FILENO);
	(void)fflush(NULL);
	assert_true(slave != -1 && saved != -1 && ioctl(slave, TIOCSWINSZ, &ws) == 0);
	assert_true(dup2(slave, STDOUT_FILENO) != -1);
	optind = 0;
	assert_int_equal(cmd_plan.exec(&g, 2, argv), 0);
	(void)fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) != -1);
	n = read(master, text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	(void)close(saved);
	(void)close(slave);
	(void)close(master);
}

static void
plan_fits_a_terminal(void **state)
{
	char		 path[] = "/tmp/paratest-plan-test.XXXXXX", text[4096], *rest = text, *line;
	struct px	 px;
	FILE		*f = fdopen(mkstemp(path), "w");
	size_t		 columns, lines = 0;

	(void)state;
	assert_non_null(f);
	(void)fputs("tests: [{name: one, run: x}, {name: begins and goes on and goes on and "
	    "goes on to its end, run: x}]\n", f);
	(void)fclose(f);
	px_open(&px, plays);
	plan_on_terminal(&px, path, text, sizeof text);
	assert_non_null(strstr(text, "begins and"));
	assert_non_null(strstr(text, "its end"));
	while ((line = strsep(&rest, "\r\n")) != NULL) {
		columns = 0;
		for (const char *p = line; *p != '\0'; p++)
			columns += ((unsigned char)*p & 0xc0) != 0x80;
		assert_in_range(columns, 0, 79);
		lines += columns > 0;
	}
	assert_int_equal(lines, 5);
	free(px_close(&px));
	(void)unlink(path);
}

static void
figures_of_a_document_that_is_none(void **state)
{
	static const char *const bad[] = { "", "[]", "{", "}", "\n" };
	const struct retry_stats s = { .tests = 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(retry_stats_json(&s, bad[i], strlen(bad[i]), stdout), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retry_runs_the_open_tests_again),
		cmocka_unit_test(retry_has_figures_in_json),
		cmocka_unit_test(retry_has_other_ends),
		cmocka_unit_test(plan_shows_order_and_bound),
		cmocka_unit_test(plan_says_that_nothing_is_known),
		cmocka_unit_test(plan_fits_a_terminal),
		cmocka_unit_test(figures_of_a_document_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
