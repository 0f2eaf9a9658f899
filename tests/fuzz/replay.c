/*
 * A fuzz target as a plain program: runs it on the files that are named, or else
 * on all of its corpus, tests/fuzz/corpus/TARGET, where the program is called
 * fuzz_TARGET.  Each file is a test of its own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#define CORPUS	"tests/fuzz/corpus"
#define PREFIX	"fuzz_"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
replay(void **state)
{
	const char	*path = *state;
	FILE		*f = fopen(path, "rb");
	uint8_t		*data = NULL, *exact, block[4096];
	size_t		 n, size = 0;

	if (f == NULL)
		fail_msg("%s: %s", path, strerror(errno));
	while ((n = fread(block, 1, sizeof(block), f)) > 0) {
		data = xreallocarray(data, size + n, 1);
		memcpy(data + size, block, n);
		size += n;
	}
	assert_false(ferror(f));
	(void)fclose(f);
	/* A block of exactly this size, so that a read beyond it is found. */
	exact = xmemdup(data, size);
	(void)LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	free(data);
}

static int
visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static size_t
corpus_files(const char *program, char ***ret_paths)
{
	const char	*target = strrchr(program, '/');
	struct dirent	**entries;
	char		*folder;
	int		 n;

	target = target != NULL ? target + 1 : program;
	if (strncmp(target, PREFIX, strlen(PREFIX)) == 0)
		target += strlen(PREFIX);
	folder = xasprintf("%s/%s", CORPUS, target);
	n = scandir(folder, &entries, visible, alphasort);
	if (n <= 0) {
		(void)fprintf(stderr, "%s: no corpus in %s (run it in the project's folder)\n",
		    program, folder);
		exit(1);
	}
	*ret_paths = xcalloc((size_t)n, sizeof(**ret_paths));
	for (int i = 0; i < n; i++) {
		(*ret_paths)[i] = xasprintf("%s/%s", folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	free(folder);
	return (size_t)n;
}

int
main(int argc, char *argv[])
{
	struct CMUnitTest *tests;
	char		**paths = argv + 1, **found = NULL;
	size_t		 n = (size_t)argc - 1;
	int		 r;

	if (argc < 2) {
		n = corpus_files(argv[0], &found);
		paths = found;
	}
	tests = xcalloc(n, sizeof(*tests));
	for (size_t i = 0; i < n; i++) {
		tests[i] = (struct CMUnitTest){
			.name = paths[i], .test_func = replay, .initial_state = paths[i],
		};
	}
	r = _cmocka_run_group_tests("corpus", tests, n, NULL, NULL);
	for (size_t i = 0; found != NULL && i < n; i++)
		free(found[i]);
	free(found);
	free(tests);
	return r;
}
