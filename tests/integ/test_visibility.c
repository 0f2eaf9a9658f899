/*
 * Of other people's runs a service says what it says of runs that are not there, by every
 * verb, while they run, when they are over, and when they are history; who may see all
 * does.  Real users; skipped where we are not root.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "tests/integ/users.h"

#define THE(state)							\
	(*(state) != NULL ? *(struct users **)(state) : (skip(), (struct users *)NULL))
#define NOBODY	"00000000000000000000000000000000"	/* the id of no run */

/* Every verb that names a run or a test.  RUN stands for the id. */
static const char *const verbs[][5] = {
	{ "show", "RUN" }, { "show", "RUN", "--json" }, { "watch", "RUN" },
	{ "output", "RUN", "secret" },
	{ "cancel", "RUN" }, { "retry", "RUN" }, { "retry", "RUN", "--json" },
	{ "history", "secret" }, { "history", "secret", "--json" },
	{ "metrics" }, { "metrics", "secret" }, { "metrics", "--json" }, { "metrics", "--csv" },
	{ "metrics", "--openmetrics" }, { "runs" }, { "runs", "--json" }, { "show" }, { "watch" },
	{ "retry" }, { "flaky", "--from", "RUN" },
	{ "flaky", "--known" }, { "flaky", "--known", "--json" },
};
#define NVERBS	(sizeof verbs / sizeof verbs[0])

/* What a verb says to a user, of the run `id`; the id in it is cut out. */
static char *
said(struct users *u, const struct user *user, const char *const verb[5], const char *id)
{
	const char	*args[6] = { NULL };
	struct ran	 r;
	char		*text, *p;

	for (int i = 0; i < 5 && verb[i] != NULL; i++)
		args[i] = strcmp(verb[i], "RUN") == 0 ? id : verb[i];
	users_ctl(u, user, &r, args);
	text = xasprintf("%d\n%s\n%s", r.code, r.out, r.err);
	while ((p = strstr(text, id)) != NULL)
		memmove(p, p + strlen(id), strlen(p + strlen(id)) + 1);
	p = strstr(text, "\"timestamp\"");	/* the last member: when it was asked */
	if (p != NULL)
		*p = '\0';
	ran_free(&r);
	return text;
}

/* To one who has no run of his own, each answer is that about nothing. */
static void
assert_blind(struct users *u, const char *id, const char *when)
{
	char	*about, *nothing;

	for (size_t i = 0; i < NVERBS; i++) {
		about = said(u, &bob, verbs[i], id);
		nothing = said(u, &bob, verbs[i], NOBODY);
		if (strcmp(about, nothing) != 0)
			fail_msg("%s, %s: <%s> is not <%s>", when, verbs[i][0], about, nothing);
		if (strstr(about, "secret") != NULL && strcmp(verbs[i][0], "output") != 0 &&
		    verbs[i][1] != NULL && strcmp(verbs[i][1], "secret") != 0)
			fail_msg("%s, %s says <%s>", when, verbs[i][0], about);
		free(nothing);
		free(about);
	}
}

static void
assert_sees(struct users *u, const struct user *user, const char *id)
{
	static const char *const	seen[][5] = { { "show", "RUN" }, { "watch", "RUN" },
	    { "output", "RUN", "secret" }, { "history", "secret" }, { "metrics" }, { "runs" } };
	char				*text;

	for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++) {
		text = said(u, user, seen[i], id);
		if (strstr(text, "secret") == NULL && strstr(text, "alices run") == NULL &&
		    strstr(text, "1 fail") == NULL)
			fail_msg("user %u does not see by %s: %s", (unsigned)user->uid, seen[i][0],
			    text);
		free(text);
	}
}

static char *
submit(struct users *u, const char *suite)
{
	struct ran	 r;
	char		*id;

	AS(u, &alice, &r, "run", "--detach", "--name", "alices run", suite);
	assert_int_equal(r.code, 0);
	id = xstrdup(r.out);
	id[strcspn(id, "\n")] = '\0';
	ran_free(&r);
	return id;
}

struct applied {
	struct users	*u;
	const char	*text;
};

/* The store has it. */
static int
is_history(void *arg)
{
	struct applied	*a = arg;
	struct ran	 r;
	int		 yes;

	AS(a->u, &alice, &r, "history", "secret");
	yes = strstr(r.out, a->text) != NULL;
	ran_free(&r);
	return yes;
}

static void
nothing_is_seen_of_others(void **state)
{
	struct users	*u = THE(state);
	struct applied	 a = { .u = u, .text = "fail" };
	char		*id, *suite;
	struct ran	 r;

	AS(u, &root_user, &r, "config", "set", "--persist", "admin-group", "4020");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	AS(u, &root_user, &r, "config", "set", "--persist", "keep-runs", "1");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	suite = xstrdup(users_file(u, &alice, "s.yaml", "name: hers\ntests:\n  - name: secret\n"
	    "    run: 'echo the secret; while [ ! -e go ]; do sleep 0.02; done; exit 1'\n"));
	id = submit(u, suite);
	assert_blind(u, id, "while it runs");
	(void)users_file(u, &alice, "go", "");
	AS(u, &alice, &r, "watch", id);
	assert_int_equal(r.code, 1);
	ran_free(&r);
	service_until(is_history, &a, "the store does not take it");
	assert_blind(u, id, "when it is over");
	assert_sees(u, &alice, id);
	assert_sees(u, &carol, id);
	assert_sees(u, &root_user, id);
	users_crash(u);		/* it is only in the history now */
	users_again(u);
	service_until(is_history, &a, "the store does not have it");
	assert_blind(u, id, "when it is history");
	assert_sees(u, &alice, id);
	assert_sees(u, &carol, id);
	assert_sees(u, &root_user, id);
	free(suite);
	free(id);
}

/* What an admin may do to a run that he sees: end it. */
static int
is_cancelled(void *arg)
{
	struct applied	*a = arg;
	struct ran	 r;
	int		 yes;

	AS(a->u, &alice, &r, "show", "--json", a->text);
	yes = strstr(r.out, "\"status\":\"cancelled\"") != NULL;
	ran_free(&r);
	return yes;
}

static void
an_admin_ends_what_he_sees(void **state)
{
	struct users	*u = THE(state);
	struct applied	 a = { .u = u };
	struct ran	 r;
	char		*id;

	AS(u, &root_user, &r, "config", "set", "admin-group", "4020");
	ran_free(&r);
	id = submit(u, users_file(u, &alice, "s.yaml", "tests:\n"
	    "  - { name: t, run: 'exec sleep 1000' }\n"));
	AS(u, &bob, &r, "cancel", id);
	assert_int_equal(r.code, 2);
	ran_free(&r);
	AS(u, &carol, &r, "cancel", id);
	assert_int_equal(r.code, 0);
	ran_free(&r);
	a.text = id;
	service_until(is_cancelled, &a, "the run is not cancelled");
	free(id);
}

/* Which test a worker has is its owner's to know, and who sees all. */
static void
workers_do_not_name_tests_of_others(void **state)
{
	struct users	*u = THE(state);
	struct ran	 r;
	char		*id;

	id = submit(u, users_file(u, &alice, "s.yaml", "tests:\n"
	    "  - { name: secret, run: 'touch begun; exec sleep 1000' }\n"));
	do {
		AS(u, &alice, &r, "workers");
		if (strstr(r.out, "secret") != NULL)
			break;
		ran_free(&r);
	} while (u->pid != 0);
	ran_free(&r);
	AS(u, &bob, &r, "workers");
	assert_int_equal(r.code, 0);
	assert_null(strstr(r.out, "secret"));
	ran_free(&r);
	AS(u, &root_user, &r, "workers");
	assert_non_null(strstr(r.out, "secret"));
	ran_free(&r);
	free(id);
}

/* ---- figures ---- */

static json_t *
document(struct users *u, const struct user *user, const char *verb)
{
	struct ran	 r;
	json_t		*doc;

	AS(u, user, &r, verb, "--json");
	assert_int_equal(r.code, 0);
	doc = ran_document(&r);
	ran_free(&r);
	return doc;
}

static json_int_t
figure(struct users *u, const struct user *user, const char *key)
{
	json_t		*doc = document(u, user, "status");
	json_int_t	 n;

	assert_true(json_is_integer(json_object_get(doc, key)));
	n = json_integer_value(json_object_get(doc, key));
	json_decref(doc);
	return n;
}

static size_t
rows(struct users *u, const struct user *user, const char *verb, const char *array)
{
	json_t	*doc = document(u, user, verb);
	size_t	 n = json_array_size(array != NULL ? json_object_get(doc, array) : doc);

	json_decref(doc);
	return n;
}

static int
runs_now(void *arg)
{
	return figure(arg, &alice, "busyWorkers") == 1;
}

/* Each counts what is his own, and whoever sees all what is there. */
static void
figures_are_ones_own(void **state)
{
	struct users	*u = THE(state);
	struct ran	 r;
	char		*id;

	AS(u, &root_user, &r, "config", "set", "jobs", "1");
	ran_free(&r);
	id = submit(u, users_file(u, &alice, "s.yaml", "tests:\n"
	    "  - { name: secret, run: 'exec sleep 1000' }\n  - { name: next, run: 'true' }\n"));
	service_until(runs_now, u, "the test does not begin");
	for (int i = 0; i < 3; i++) {
		static const struct user *const	who[] = { &alice, &bob, &root_user };
		const json_int_t		n = who[i] != &bob;

		assert_int_equal(figure(u, who[i], "activeRuns"), n);
		assert_int_equal(figure(u, who[i], "totalRuns"), n);
		assert_int_equal(figure(u, who[i], "queuedTests"), n);
		assert_int_equal(figure(u, who[i], "totalWorkers"), n);
		assert_int_equal(figure(u, who[i], "clients"), 1);
		assert_int_equal(rows(u, who[i], "workers", NULL), n);
		assert_int_equal(rows(u, who[i], "top", "users"), n);
		assert_int_equal(rows(u, who[i], "top", "runs"), n);
		assert_int_equal(rows(u, who[i], "top", "tests"), n);
	}
	free(id);
}

/* What a worker's place did for others before is not told to whom it is given. */
static void
a_place_that_changes_hands_is_as_new(void **state)
{
	struct users	*u = THE(state);
	struct ran	 r;
	json_t		*doc;

	AS(u, &root_user, &r, "config", "set", "max-jobs", "1");
	ran_free(&r);
	AS(u, &alice, &r, "run", users_file(u, &alice, "s.yaml", "tests:\n"
	    "  - { name: a, run: 'true' }\n  - { name: b, run: 'true' }\n"));
	assert_int_equal(r.code, 0);
	ran_free(&r);
	assert_int_equal(figure(u, &bob, "completedTests"), 0);
	AS(u, &bob, &r, "run", "--", "true");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	doc = document(u, &bob, "workers");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(doc, 0), "completed")),
	    1);
	json_decref(doc);
	assert_int_equal(figure(u, &bob, "completedTests"), 1);
	assert_int_equal(figure(u, &alice, "completedTests"), 2);
	assert_int_equal(figure(u, &root_user, "completedTests"), 3);
}

#define WITH_USERS(f)	cmocka_unit_test_setup_teardown(f, users_setup, users_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_USERS(nothing_is_seen_of_others),
		WITH_USERS(an_admin_ends_what_he_sees),
		WITH_USERS(workers_do_not_name_tests_of_others),
		WITH_USERS(figures_are_ones_own),
		WITH_USERS(a_place_that_changes_hands_is_as_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
