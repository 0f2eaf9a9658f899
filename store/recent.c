/* The newest attempts of a test, packed; see recent.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "store/recent.h"
#include "store/stats.h"

#define RECENT_VERSION	1
#define HEAD		4	/* bytes before the statistics: version, bits, their length */
#define STATS		(METRIC_KIND_COUNT * STAT_COUNT)
#define NUMBERS		9	/* of a row */
#define NUMBER_MAX	10	/* bytes of one: 64 bits, 7 a byte */

static uint8_t *
put_number(uint8_t *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

/* Behind the number, or NULL: cut off, too long, or not the shortest form of it. */
static const uint8_t *
take_number(const uint8_t *p, const uint8_t *end, uint64_t *ret)
{
	uint64_t	v = 0;

	for (unsigned shift = 0; p < end && shift < 64; shift += 7) {
		uint8_t	b = *p++;

		v |= (uint64_t)(b & 0x7f) << shift;
		if (b & 0x80)
			continue;
		if ((shift == 63 && b > 1) || (shift > 0 && b == 0))
			return NULL;
		*ret = v;
		return p;
	}
	return NULL;
}

static uint8_t *
put_row(uint8_t *p, const struct recent_row *row)
{
	const uint64_t	v[NUMBERS] = { row->start_ms, row->duration_us, row->cpu_us,
	    row->memory_bytes, row->output_bytes, row->max_rss_bytes, row->outcome, row->processes,
	    row->sessions };

	for (size_t i = 0; i < NUMBERS; i++)
		p = put_number(p, v[i]);
	return p;
}

/* Behind the row, or NULL: it is not sound. */
static const uint8_t *
take_row(const uint8_t *p, const uint8_t *end, struct recent_row *ret)
{
	uint64_t	v[NUMBERS];

	for (size_t i = 0; i < NUMBERS && p != NULL; i++)
		p = take_number(p, end, &v[i]);
	if (p == NULL || v[6] >= OUTCOME_COUNT || v[7] > UINT32_MAX || v[8] > UINT32_MAX)
		return NULL;
	*ret = (struct recent_row){ .start_ms = v[0], .duration_us = v[1], .cpu_us = v[2],
	    .memory_bytes = v[3], .output_bytes = v[4], .max_rss_bytes = v[5],
	    .outcome = (uint32_t)v[6], .processes = (uint32_t)v[7], .sessions = (uint32_t)v[8] };
	return p;
}

/* Where the rows are, or NULL: there is no list with a sound head. */
static const uint8_t *
rows_of(const uint8_t *p, size_t n)
{
	size_t	len;

	if (n < HEAD || p[0] != RECENT_VERSION || p[1] >= 1 << METRIC_KIND_COUNT)
		return NULL;
	len = (size_t)p[2] << 8 | p[3];
	return len <= n - HEAD ? p + HEAD + len : NULL;
}

int
recent_read(const void *list, size_t n, struct recent_row *ret, uint32_t *ret_n)
{
	const uint8_t	*p = list, *end;

	*ret_n = 0;
	if (n == 0)
		return 0;
	end = p + n;
	p = rows_of(p, n);
	if (p == NULL)
		return -EBADMSG;
	for (; p < end; (*ret_n)++) {
		if (*ret_n == METRIC_RECENT || (p = take_row(p, end, &ret[*ret_n])) == NULL) {
			*ret_n = 0;
			return -EBADMSG;
		}
	}
	return 0;
}

int
recent_newest(const void *list, size_t n, struct recent_row *ret, uint32_t *ret_regressed)
{
	const uint8_t	*p = list, *rows;

	*ret_regressed = 0;
	if (n == 0)
		return 0;
	rows = rows_of(p, n);
	if (rows == NULL)
		return -EBADMSG;
	if (rows == p + n)
		return 0;
	if (take_row(rows, p + n, ret) == NULL)
		return -EBADMSG;
	*ret_regressed = p[1];
	return 1;
}

size_t
recent_head(const void *list, size_t n)
{
	const uint8_t		*p = list, *rows = rows_of(p, n), *end;
	struct recent_row	 row;

	end = rows != NULL ? take_row(rows, p + n, &row) : NULL;
	return end != NULL ? (size_t)(end - p) : n;
}

int
recent_stats(const void *list, size_t n, uint64_t ret[METRIC_KIND_COUNT][STAT_COUNT])
{
	const uint8_t	*p = list, *rows;

	memset(ret, 0, STATS * sizeof ret[0][0]);
	if (n == 0)
		return 0;
	rows = rows_of(p, n);
	if (rows == NULL)
		return -EBADMSG;
	if (rows == p + n)
		return 0;
	p += HEAD;
	for (size_t i = 0; i < STATS && p != NULL; i++)
		p = take_number(p, rows, &ret[i / STAT_COUNT][i % STAT_COUNT]);
	if (p == rows)
		return 1;
	memset(ret, 0, STATS * sizeof ret[0][0]);
	return -EBADMSG;
}

/* Behind the head and the statistics. */
static uint8_t *
put_head(uint8_t *list, const struct recent_row *rows, uint32_t n)
{
	uint64_t	 v[STAT_COUNT];
	uint8_t		*p = list + HEAD;

	for (enum metric_kind kind = 0; kind < METRIC_KIND_COUNT; kind++) {
		stats_of(rows, n, kind, v);
		for (size_t i = 0; i < STAT_COUNT; i++)
			p = put_number(p, v[i]);
	}
	list[0] = RECENT_VERSION;
	list[1] = (uint8_t)stats_regressed(rows, n);
	list[2] = (uint8_t)((p - list - HEAD) >> 8);
	list[3] = (uint8_t)(p - list - HEAD);
	return p;
}

int
recent_add(const void *old, size_t n, const struct recent_row *row, void **ret, size_t *ret_n)
{
	struct recent_row	 rows[METRIC_RECENT + 1];
	uint32_t		 count;
	uint8_t			*new, *p;

	if (row->outcome >= OUTCOME_COUNT)
		return -EINVAL;
	rows[0] = *row;
	(void)recent_read(old, n, rows + 1, &count);	/* one that is damaged has no rows */
	count = count + 1 < METRIC_RECENT ? count + 1 : METRIC_RECENT;
	new = malloc(HEAD + (STATS + (size_t)count * NUMBERS) * NUMBER_MAX);
	if (new == NULL)
		return -ENOMEM;
	p = put_head(new, rows, count);
	for (uint32_t i = 0; i < count; i++)
		p = put_row(p, &rows[i]);
	*ret = new;
	*ret_n = (size_t)(p - new);
	return 0;
}
