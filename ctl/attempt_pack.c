/*
 * Attempts in a few bytes; see attempt_pack.h.  Each figure is a word; an attempt is a bit
 * for each word that differs from the base, and then these differences.  A number is
 * seven bits a byte, the least first; a negative one is folded between the others.
 */
#include <stdbool.h>
#include <stdint.h>

#include "ctl/attempt_pack.h"

#define AT(member)	offsetof(struct attempt_result, member)
#define FIGURE(NAME)	AT(figures[FIGURE_##NAME])

/* Those that differ often come first, so that the bits of the others are short. */
static const size_t words[] = {
	AT(number), AT(start_ms), AT(duration_us), FIGURE(USER_US), FIGURE(SYSTEM_US),
	FIGURE(SPAWN_US), FIGURE(QUEUED_US), AT(worker), AT(condition), FIGURE(MINOR_FAULTS),
	FIGURE(VOLUNTARY), FIGURE(INVOLUNTARY), AT(max_rss), AT(output_bytes),
	FIGURE(TREE_PEAK), FIGURE(READ_BYTES), FIGURE(WRITE_BYTES), AT(end_ms), AT(cpu_us),
	AT(timeout_ms), FIGURE(TREE_SOURCE), FIGURE(MAJOR_FAULTS), FIGURE(PROCESSES),
	FIGURE(SESSIONS), AT(exit_code), AT(signal), AT(delay_ms), AT(sub_total),
	AT(sub_passed), AT(sub_failed), AT(sub_skipped), AT(sub_todo), AT(fingerprint),
	FIGURE(DEVICE_READ_BYTES), FIGURE(DEVICE_WRITE_BYTES),
};

#define WORDS	(sizeof words / sizeof words[0])
#define KIND	WORDS			/* the bit of all that is no figure */

_Static_assert(WORDS == 19 + FIGURE_COUNT, "each figure is packed");
_Static_assert((WORDS + 2) * 10 <= ATTEMPT_PACKED_MAX, "there is room for all of them");
_Static_assert(WORDS < 63, "a bit for each");

static uint64_t *
word(struct attempt_result *a, size_t i)
{
	return (uint64_t *)(void *)((char *)a + words[i]);
}

/* What is no figure, as one. */
static uint64_t
kind_of(const struct attempt_result *a)
{
	return (uint64_t)a->finished | (uint64_t)a->has_exit_code << 1 |
	    (uint64_t)a->has_signal << 2 | (uint64_t)a->output_truncated << 3 |
	    (uint64_t)a->has_subtests << 4 | (uint64_t)a->started << 5 |
	    (uint64_t)a->reworded << 6 | (uint64_t)a->outcome << 7 |
	    (uint64_t)a->error_category << 15 | (uint64_t)a->isolation << 23 |
	    (uint64_t)a->nfigures << 27;
}

static void
set_kind(struct attempt_result *a, uint64_t kind)
{
	a->finished = (kind & 1) != 0;
	a->has_exit_code = (kind >> 1 & 1) != 0;
	a->has_signal = (kind >> 2 & 1) != 0;
	a->output_truncated = (kind >> 3 & 1) != 0;
	a->has_subtests = (kind >> 4 & 1) != 0;
	a->started = (kind >> 5 & 1) != 0;
	a->reworded = (kind >> 6 & 1) != 0;
	a->outcome = (enum outcome)(kind >> 7 & 0xff);
	a->error_category = (enum error_category)(kind >> 15 & 0xff);
	a->isolation = (enum isolation)(kind >> 23 & 0xf);
	a->nfigures = (size_t)(kind >> 27);
}

/* What follows from the others goes: most of these are 0 then.  Wrapping round is undone
 * by expect(). */
static void
reduce(struct attempt_result *a)
{
	a->end_ms -= a->start_ms + a->duration_us / 1000;
	a->cpu_us -= a->figures[FIGURE_USER_US] + a->figures[FIGURE_SYSTEM_US];
	a->figures[FIGURE_TREE_PEAK] -= a->max_rss;
}

static void
expect(struct attempt_result *a)
{
	a->end_ms += a->start_ms + a->duration_us / 1000;
	a->cpu_us += a->figures[FIGURE_USER_US] + a->figures[FIGURE_SYSTEM_US];
	a->figures[FIGURE_TREE_PEAK] += a->max_rss;
}

static unsigned char *
put(unsigned char *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (unsigned char)(v | 0x80);
	*p++ = (unsigned char)v;
	return p;
}

static uint64_t
get(const unsigned char **p)
{
	uint64_t	v = 0;
	unsigned	shift = 0;

	for (; **p >= 0x80 && shift < 63; shift += 7)
		v |= (uint64_t)(*(*p)++ & 0x7f) << shift;
	return v | (uint64_t)*(*p)++ << shift;
}

static uint64_t
fold(uint64_t difference)
{
	return difference << 1 ^ -(difference >> 63);
}

static uint64_t
unfold(uint64_t v)
{
	return v >> 1 ^ -(v & 1);
}

/* A base as the words are held against it. */
static struct attempt_result
reduced(const struct attempt_result *base)
{
	struct attempt_result	b = { .number = 0 };

	if (base != NULL) {
		b = *base;
		reduce(&b);
	}
	return b;
}

size_t
attempt_pack(const struct attempt_result *attempt, const struct attempt_result *base,
    unsigned char *to)
{
	struct attempt_result	a = reduced(attempt), b = reduced(base);
	uint64_t		bits = 0;
	unsigned char		*p = to;

	for (size_t i = 0; i < WORDS; i++)
		bits |= (uint64_t)(*word(&a, i) != *word(&b, i)) << i;
	bits |= (uint64_t)(kind_of(&a) != kind_of(&b)) << KIND;
	p = put(p, bits);
	for (size_t i = 0; i < WORDS; i++) {
		if ((bits >> i & 1) != 0)
			p = put(p, fold(*word(&a, i) - *word(&b, i)));
	}
	if ((bits >> KIND & 1) != 0)
		p = put(p, kind_of(&a));
	return (size_t)(p - to);
}

size_t
attempt_unpack(const unsigned char *from, const struct attempt_result *base,
    struct attempt_result *ret)
{
	struct attempt_result	b = reduced(base);
	const unsigned char	*p = from;
	uint64_t		bits = get(&p);

	*ret = (struct attempt_result){ .number = 0 };
	for (size_t i = 0; i < WORDS; i++)
		*word(ret, i) = *word(&b, i) + ((bits >> i & 1) != 0 ? unfold(get(&p)) : 0);
	set_kind(ret, (bits >> KIND & 1) != 0 ? get(&p) : kind_of(&b));
	expect(ret);
	return (size_t)(p - from);
}
