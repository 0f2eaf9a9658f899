/*
 * Whole conversations, one of each revision, as tests/data/mcp/REVISION.txt has it: what
 * follows "> " is said by the client, what follows "< " must be answered, to the byte.
 * Lines that begin with # are for who reads them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/unit/mcp_fixture.h"

#define FOLDER	"tests/data/mcp/"

static void
replay(void **state)
{
	char		*path = xasprintf(FOLDER "%s.txt", (const char *)*state), *line = NULL;
	FILE		*f = fopen(path, "re");
	struct rig	 r;
	size_t		 size = 0, number = 0, answers = 0;
	ssize_t		 n;
	char		*got;

	if (f == NULL)
		fail_msg("%s: %s (run it in the project's folder)", path, strerror(errno));
	rig_start(&r);
	while ((n = getline(&line, &size, f)) > 0) {
		number++;
		line[n - 1] = '\0';
		if (strncmp(line, "> ", 2) == 0)
			say(&r, line + 2);
		if (strncmp(line, "< ", 2) != 0)
			continue;
		got = heard(&r);
		if (strcmp(got, line + 2) != 0)
			fail_msg("%s:%zu: got %s", path, number, got);
		free(got);
		answers++;
	}
	hears_nothing(&r);
	assert_true(answers > 15);
	rig_stop(&r);
	(void)fclose(f);
	free(line);
	free(path);
}

int
main(void)
{
	static char	names[][11] = {
		"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28",
	};
	struct CMUnitTest tests[sizeof(names) / sizeof(names[0])];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		tests[i] = (struct CMUnitTest){
			.name = names[i], .test_func = replay, .initial_state = names[i],
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
