/* Changed conditions of flake detection through the programs as they are. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "common/proctree.h"
#include "common/xalloc.h"
#include "tests/integ/service.h"

/* Those that are asked for, and plain. */
static void
only_what_is_asked_for(void **state)
{
	struct service	*s = *state;
	const char	*file = service_file(s, "a.yaml", "tests:\n"
			    "  - { name: fails when few, run: '[ $(ulimit -Sn) != 256 ]' }\n");
	struct ran	 r;
	json_t		*doc, *all, *v;
	size_t		 i;

	CTL(s, &r, NULL, "flaky", "--json", "--conditions", "zone,few-files", "--diagnose", "0",
	    file);
	assert_int_equal(r.code, 1);
	doc = ran_document(&r);
	v = json_array_get(json_object_get(json_object_get(doc, "flaky"), "reports"), 0);
	assert_string_equal(json_string_value(json_object_get(v, "verdict")), "flaky");
	all = json_object_get(v, "conditions");
	assert_in_range(json_array_size(all), 2, 3);
	json_array_foreach(all, i, v) {
		const char	*name = json_string_value(json_object_get(v, "condition"));

		assert_true(strcmp(name, "plain") == 0 || strcmp(name, "zone") == 0 ||
		    strcmp(name, "few-files") == 0);
		assert_int_equal(json_integer_value(json_object_get(v, "failures")) > 0,
		    strcmp(name, "few-files") == 0);
	}
	json_decref(doc);
	ran_free(&r);
}

static void
one_that_is_not_known(void **state)
{
	struct service	*s = *state;
	struct ran	 r;

	CTL(s, &r, NULL, "flaky", "--conditions", "zone,moon", "--", "true");
	assert_int_equal(r.code, 2);
	assert_non_null(strstr(r.err, "'moon' is not one of paused, one-cpu, low-priority, "
	    "loaded"));
	ran_free(&r);
}

/* ---- a worker is killed while copies run ---- */

/* Descendants of the supervisor whose command line contains a text; one of them. */
static size_t
running(const struct service *s, const char *text, pid_t *ret)
{
	struct proc_entry	*v;
	size_t			 n, found = 0;

	assert_int_equal(proctree_list(s->pid, &v, &n), 0);
	for (size_t i = 0; i < n; i++) {
		if (strstr(v[i].argv, text) == NULL)
			continue;
		*ret = found == 0 ? v[i].pid : *ret;	/* parents come first */
		found++;
	}
	proctree_free(v, n);
	return found;
}

#define SLEEP	"sleep 123456"

static int
copies_are_there(void *arg)
{
	pid_t	pid;

	return running(arg, SLEEP, &pid) >= 4;
}

static int
no_copies_are_there(void *arg)
{
	pid_t	pid;

	return running(arg, SLEEP, &pid) == 0;
}

/* The trees of copies, sessions of their own in them, go with the worker. */
static void
copies_do_not_outlive_their_worker(void **state)
{
	struct service	*s = *state;
	char		*text = xasprintf("tests:\n"
			    "  - name: waits for its copies\n"
			    "    run: |\n"
			    "      cd %s\n"
			    "      [ -e go ] && exit 0\n"
			    "      if [ $PARATEST_SLOT -ge 1024 ]; then\n"
			    "        setsid " SLEEP " & " SLEEP "\n"
			    "      fi\n"	/* 60 passes, then two beside copies */
			    "      while [ $PARATEST_ATTEMPT -gt 60 ] && ! [ -e go ]; do sleep "
			    "0.01; done\n", s->dir);
	const char	*file = service_file(s, "b.yaml", text);
	pid_t		 worker = 0, pid = service_spawn(s, NULL, (const char *const []){ "flaky",
			    "--json", "--conditions", "zone,copies", "-j1", "--no-history", file,
			    NULL });
	struct ran	 r;

	service_until(copies_are_there, s, "no copy runs");
	assert_true(running(s, "paratest-worker", &worker) >= 2);	/* it and its keeper */
	(void)service_file(s, "go", "");
	assert_int_equal(kill(worker, SIGKILL), 0);
	service_until(no_copies_are_there, s, "copies outlive their worker");
	service_wait(s, pid, &r);
	assert_int_equal(r.code, 0);
	ran_free(&r);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_what_is_asked_for, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(one_that_is_not_known, service_setup,
		    service_teardown),
		cmocka_unit_test_setup_teardown(copies_do_not_outlive_their_worker, service_setup,
		    service_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
