/* Any bytes as TAP: the sums hold, the bounds hold, and how it is cut into pieces
 * changes nothing.  The first byte is the size of the pieces, the second the exit
 * code. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "worker/tap.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct tap_result *r)
{
	assert(r->total == r->passed + r->failed + r->skipped + r->todo);
	assert(r->todo_passed <= r->todo);
	assert(r->n_failures <= TAP_FAILURES_MAX && r->n_failures <= r->failed);
	assert(r->failed == 0 || r->problem != NULL);
	assert(!r->skip_all || (r->total == 0 && r->problem == NULL));
	assert(r->problem == NULL || *r->problem != '\0');
	for (size_t i = 0; i < r->n_failures; i++)
		assert(strpbrk(r->failures[i].name, "\n\r\t\033") == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tap		*whole, *cut;
	struct tap_result	 a, b;
	size_t			 step;

	if (size < 2)
		return 0;
	whole = tap_new();
	cut = tap_new();
	step = data[0] % 64 + 1u;
	tap_feed(whole, data + 2, size - 2);
	for (size_t at = 2; at < size; at += step)
		tap_feed(cut, data + at, size - at < step ? size - at : step);
	tap_finish(whole, data[1] % 4, &a);
	tap_finish(cut, data[1] % 4, &b);
	check(&a);
	assert(a.total == b.total && a.passed == b.passed && a.failed == b.failed);
	assert(a.skipped == b.skipped && a.todo == b.todo && a.skip_all == b.skip_all);
	assert((a.problem == NULL) == (b.problem == NULL));
	assert(a.problem == NULL || strcmp(a.problem, b.problem) == 0);
	tap_free(whole);
	tap_free(cut);
	return 0;
}
