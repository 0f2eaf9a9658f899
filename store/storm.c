/* Environment events; see storm.h. */
#include <math.h>
#include <string.h>

#include "store/storm.h"

#define SLICE_MS	(STORM_MS / STORM_SLICES)

double
storm_chance(double mean, uint32_t count)
{
	double	term, sum = 0;

	if (count == 0)
		return 1;
	if (!(mean > 0))
		return 0;
	/* From the first term of the tail on: no difference of numbers near 1. */
	term = exp((double)count * log(mean) - mean - lgamma((double)count + 1));
	for (double i = count; term > sum * 1e-12 || i < mean; i++) {
		sum += term;
		term *= mean / (i + 1);
	}
	return sum < 1 ? sum : 1;
}

uint64_t
storm_hash(struct sv s)
{
	uint64_t	hash = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < s.n; i++)
		hash = (hash ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	return hash;
}

uint64_t
storm_group(struct sv test)
{

	for (size_t i = test.n; i > 1; i--) {
		if (test.p[i - 1] == '/' || (test.p[i - 1] == ':' && test.p[i - 2] == ':')) {
			test.n = i;
			break;
		}
	}
	return storm_hash(test);
}

/* On to the slice of now: those between were empty. */
static void
move_on(struct storm *s, uint64_t slice)
{
	if (slice > s->slice + STORM_SLICES)
		memset(s->ended, 0, sizeof s->ended);
	for (; s->slice < slice && slice - s->slice <= STORM_SLICES; s->slice++)
		s->ended[(s->slice + 1) % STORM_SLICES] = 0;
	if (slice > s->slice)
		s->slice = slice;
}

/* Groups that failed in the last STORM_MS, and since when. */
static uint32_t
count_groups(const struct storm *s, uint64_t now_ms, uint64_t *ret_from_ms)
{
	uint64_t	seen[STORM_FAILURES];
	uint32_t	n = s->nfailures < STORM_FAILURES ? s->nfailures : STORM_FAILURES;
	uint32_t	groups = 0;

	*ret_from_ms = now_ms;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t	k = 0;

		if (s->failures[i].at_ms + STORM_MS <= now_ms)
			continue;
		if (s->failures[i].at_ms < *ret_from_ms)
			*ret_from_ms = s->failures[i].at_ms;
		while (k < groups && seen[k] != s->failures[i].group)
			k++;
		if (k == groups)
			seen[groups++] = s->failures[i].group;
	}
	return groups;
}

bool
storm_add(struct storm *s, uint64_t at_ms, bool failure, uint64_t group, uint64_t *ret_from_ms)
{
	double		ended = 0;
	uint32_t	groups;

	move_on(s, at_ms / SLICE_MS);
	s->ended[s->slice % STORM_SLICES]++;
	if (!failure)
		return false;
	s->failures[s->nfailures % STORM_FAILURES].at_ms = at_ms;
	s->failures[s->nfailures++ % STORM_FAILURES].group = group;
	groups = count_groups(s, at_ms, ret_from_ms);
	if (groups < STORM_FEWEST)
		return false;
	for (size_t i = 0; i < STORM_SLICES; i++)
		ended += s->ended[i];
	return storm_chance(ended * STORM_HEALTHY, groups) < STORM_CHANCE;
}
