/* Any bytes as a failure: what is shown of it is one short line that can be shown,
 * its size is bounded, and the same bytes are the same failure.  The first byte is the
 * outcome, the second the length of the names; lines of "--" part error (which is the
 * command too), stdout and stderr. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "worker/fingerprint.h"
#include "worker/normal.h"
#include "worker/strbuf.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(const char *text, size_t n)
{
	struct sv	s = { text, n };
	bool		ascii;

	assert(strbuf_is_utf8(s, &ascii));
	for (size_t i = 0; i < n; i++)
		assert((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
}

/* Up to the next line of "--", which is taken off. */
static struct sv
next_part(struct sv *rest)
{
	const char	*mark = rest->n > 0 ? memmem(rest->p, rest->n, "\n--\n", 4) : NULL;
	struct sv	 part = *rest;

	if (mark == NULL) {
		rest->n = 0;
		return part;
	}
	part.n = (size_t)(mark - rest->p);
	*rest = (struct sv){ mark + 4, rest->n - part.n - 4 };
	return part;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fingerprint_facts	f = { .outcome = OUTCOME_FAIL };
	struct fingerprint		a, b;
	struct strbuf			t = { NULL, 0, 0 };
	struct normal_name		names[2] = { { .instead = "<test>" },
	    { .instead = "<program>" } };
	struct sv			rest;

	if (size < 2)
		return 0;
	f.outcome = (enum outcome)(data[0] % OUTCOME_COUNT);
	rest = (struct sv){ (const char *)data + 2, size - 2 };
	f.test = (struct sv){ rest.p, data[1] % 16 < rest.n ? data[1] % 16 : rest.n };
	f.program = (struct sv){ rest.p, data[1] / 16 < rest.n ? data[1] / 16 : rest.n };
	f.message = next_part(&rest);
	f.command = (struct svs){ &f.message, 1 };
	f.tails[0] = next_part(&rest);
	f.tails[1] = rest;
	fingerprint(&f, &a);
	fingerprint(&f, &b);
	assert(a.value != 0 && a.value == b.value && strcmp(a.text, b.text) == 0);
	assert(*a.text != '\0' && strlen(a.text) <= FINGERPRINT_TEXT);
	check_text(a.text, strlen(a.text));

	names[0].text = f.test;
	names[1].text = f.program;
	normal_add(&t, f.message, names, 2);
	assert(t.n <= 5 * f.message.n + 8);
	check_text(t.p, t.n);
	free(t.p);
	return 0;
}
