/* Unit tests of store/recent.c. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/outcome.h"
#include "store/recent.h"
#include "store/stats.h"

/* Row number i of a plausible history. */
static struct recent_row
row_of(uint64_t i)
{
	return (struct recent_row){ .start_ms = 1700000000000 + i * 3600000,
	    .duration_us = 1500000 + i * 1000, .cpu_us = 700000 + i, .memory_bytes = (60 + i) << 20,
	    .output_bytes = 1000 + i, .max_rss_bytes = (30 + i) << 20,
	    .outcome = (uint32_t)(i % OUTCOME_COUNT), .processes = 3, .sessions = 1 };
}

static void
assert_row(const struct recent_row *got, const struct recent_row *want)
{
	assert_int_equal(got->start_ms, want->start_ms);
	assert_int_equal(got->duration_us, want->duration_us);
	assert_int_equal(got->cpu_us, want->cpu_us);
	assert_int_equal(got->memory_bytes, want->memory_bytes);
	assert_int_equal(got->output_bytes, want->output_bytes);
	assert_int_equal(got->max_rss_bytes, want->max_rss_bytes);
	assert_int_equal(got->outcome, want->outcome);
	assert_int_equal(got->processes, want->processes);
	assert_int_equal(got->sessions, want->sessions);
}

/* A list of n rows, row n - 1 in front. */
static uint8_t *
list_of(uint64_t n, size_t *ret_n)
{
	void	*list = NULL, *next;
	size_t	 len = 0;

	for (uint64_t i = 0; i < n; i++) {
		struct recent_row	row = row_of(i);

		assert_int_equal(recent_add(list, len, &row, &next, &len), 0);
		free(list);
		list = next;
	}
	*ret_n = len;
	return list;
}

static void
newest_first_and_bounded(void **state)
{
	struct recent_row	 rows[METRIC_RECENT], newest, want;
	uint8_t			*list;
	uint64_t		 stats[METRIC_KIND_COUNT][STAT_COUNT], expect[STAT_COUNT];
	uint32_t		 n, bits;
	size_t			 len;

	(void)state;
	for (uint64_t total = 1; total <= METRIC_RECENT + 10; total++) {
		list = list_of(total, &len);
		assert_int_equal(recent_read(list, len, rows, &n), 0);
		assert_int_equal(n, total < METRIC_RECENT ? total : METRIC_RECENT);
		for (uint32_t i = 0; i < n; i++) {
			want = row_of(total - 1 - i);
			assert_row(&rows[i], &want);
		}
		assert_int_equal(recent_newest(list, len, &newest, &bits), 1);
		assert_int_equal(bits, stats_regressed(rows, n));
		assert_row(&newest, &rows[0]);
		assert_true(len <= 4 + 5 * METRIC_KIND_COUNT * STAT_COUNT + 30 * n);
		assert_int_equal(recent_stats(list, len, stats), 1);
		for (enum metric_kind kind = 0; kind < METRIC_KIND_COUNT; kind++) {
			stats_of(rows, n, kind, expect);
			assert_memory_equal(stats[kind], expect, sizeof expect);
		}
		free(list);
	}
}

static void
extremes(void **state)
{
	struct recent_row	 rows[METRIC_RECENT], row = { .start_ms = UINT64_MAX,
	    .duration_us = UINT64_MAX, .cpu_us = UINT64_MAX, .memory_bytes = UINT64_MAX,
	    .output_bytes = UINT64_MAX, .max_rss_bytes = UINT64_MAX, .outcome = OUTCOME_COUNT - 1,
	    .processes = UINT32_MAX, .sessions = UINT32_MAX }, zero = { 0 };
	void			*a, *b;
	size_t			 na, nb;
	uint32_t		 n;

	(void)state;
	assert_int_equal(recent_add(NULL, 0, &row, &a, &na), 0);
	assert_int_equal(recent_add(a, na, &zero, &b, &nb), 0);
	assert_int_equal(recent_read(b, nb, rows, &n), 0);
	assert_int_equal(n, 2);
	assert_row(&rows[0], &zero);
	assert_row(&rows[1], &row);
	free(a);
	free(b);
	row.outcome = OUTCOME_COUNT;
	assert_int_equal(recent_add(NULL, 0, &row, &a, &na), -EINVAL);
}

/* What became worse is told without unpacking the rows. */
static void
verdict(void **state)
{
	struct recent_row	 row = row_of(0);
	void			*list = NULL, *next;
	size_t			 len = 0;
	uint32_t		 bits;

	(void)state;
	for (int i = 0; i < 20; i++) {
		row.outcome = OUTCOME_PASS;
		row.duration_us = i < 17 ? 1000000 : 3000000;
		assert_int_equal(recent_add(list, len, &row, &next, &len), 0);
		free(list);
		list = next;
		assert_int_equal(recent_newest(list, len, &row, &bits), 1);
		assert_int_equal(bits, i == 19 ? 1 << METRIC_DURATION : 0);
	}
	free(list);
}

static void
no_rows(void **state)
{
	struct recent_row	rows[METRIC_RECENT];
	uint32_t		n = 7, bits = 7;

	(void)state;
	assert_int_equal(recent_read(NULL, 0, rows, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(recent_newest(NULL, 0, rows, &bits), 0);
	assert_int_equal(bits, 0);
	assert_int_equal(recent_read("\1\0\0\0", 4, rows, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(recent_newest("\1\1\0\0", 4, rows, &bits), 0);
	assert_int_equal(bits, 0);
}

static void
hostile(const void *list, size_t len)
{
	struct recent_row	 rows[METRIC_RECENT], row = row_of(3);
	void			*exact = malloc(len), *new;	/* no byte behind it */
	uint32_t		 n = 7;
	size_t			 nnew;

	assert_non_null(exact);
	memcpy(exact, list, len);
	assert_int_equal(recent_read(exact, len, rows, &n), -EBADMSG);
	assert_int_equal(n, 0);
	/* One more attempt begins a new list. */
	assert_int_equal(recent_add(exact, len, &row, &new, &nnew), 0);
	assert_int_equal(recent_read(new, nnew, rows, &n), 0);
	assert_int_equal(n, 1);
	assert_row(&rows[0], &row);
	free(new);
	free(exact);
}

static void
damaged(void **state)
{
	static const char	nine[] = "\1\0\0\0\0\0\0\0\0\0\0\0\0";
	uint8_t			bad[2048], *list;
	struct recent_row	rows[METRIC_RECENT];
	uint64_t		stats[METRIC_KIND_COUNT][STAT_COUNT];
	uint32_t		n, bits;
	size_t			len;

	(void)state;
	hostile("\0", 1);			/* no head */
	hostile("\1", 1);
	hostile("\1\0\0", 3);
	hostile("\1\0\0\1", 4);		/* statistics longer than all of it */
	hostile("\0\0\0\0\0\0\0\0\0\0\0\0\0", 13);	/* another version */
	hostile("\2\0\0\0\0\0\0\0\0\0\0\0\0", 13);
	hostile("\1\20\0\0\0\0\0\0\0\0\0\0\0", 13);	/* no such kind became worse */
	hostile(nine, 12);			/* a number is missing */
	assert_int_equal(recent_newest(nine, 12, rows, &bits), -EBADMSG);
	assert_int_equal(recent_read(nine, 13, rows, &n), 0);
	hostile("\1\0\0\0\0\0\0\0\0\0\11\0\0", 13);	/* no such outcome */
	hostile("\1\0\0\0\0\0\0\0\0\0\0\0\200", 13);	/* a number without its end */
	hostile("\1\0\0\0\200\0\0\0\0\0\0\0\0\0", 14);	/* not the shortest form */
	/* 65 bits, and more bytes than 64 bits need */
	hostile("\1\0\0\0\377\377\377\377\377\377\377\377\377\2\0\0\0\0\0\0\0\0", 22);
	hostile("\1\0\0\0\377\377\377\377\377\377\377\377\377\377\1\0\0\0\0\0\0\0\0", 23);
	/* processes of more than 32 bits */
	hostile("\1\0\0\0\0\0\0\0\0\0\0\377\377\377\377\37\0", 17);
	memset(bad, 0, sizeof bad);		/* a row too many */
	bad[0] = 1;
	assert_int_equal(recent_read(bad, 4 + 9 * METRIC_RECENT, rows, &n), 0);
	hostile(bad, 4 + 9 * (METRIC_RECENT + 1));

	/* Statistics that are not as many as there are. */
	assert_int_equal(recent_stats(nine, 13, stats), -EBADMSG);
	list = list_of(5, &len);
	list[3]--;
	assert_int_equal(recent_stats(list, len, stats), -EBADMSG);
	assert_int_equal(stats[0][STAT_LAST], 0);
	free(list);

	list = list_of(5, &len);
	for (size_t cut = 3; cut < len; cut++) {
		if (recent_read(list, cut, rows, &n) != 0)
			hostile(list, cut);
		else
			assert_true(n < 5);	/* between two rows */
	}
	free(list);
}

/* Whatever the bytes: no read outside, and at most METRIC_RECENT rows. */
static void
random_bytes(void **state)
{
	struct recent_row	rows[METRIC_RECENT];
	uint64_t		x = 88172645463325252;
	uint64_t		stats[METRIC_KIND_COUNT][STAT_COUNT];
	uint32_t		n, bits;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t	 len = 1 + (size_t)(x % 700);
		uint8_t	*p = malloc(len);

		assert_non_null(p);
		for (size_t i = 0; i < len; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			p[i] = (uint8_t)(round % 2 ? x & 0x87 : x);
		}
		p[0] = 1;
		if (len > 1)
			p[1] &= 15;
		if (recent_read(p, len, rows, &n) == 0) {
			assert_in_range(n, 0, METRIC_RECENT);
			for (uint32_t i = 0; i < n; i++)
				assert_in_range(rows[i].outcome, 0, OUTCOME_COUNT - 1);
		}
		(void)recent_stats(p, len, stats);
		(void)recent_newest(p, len, rows, &bits);
		free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(newest_first_and_bounded),
		cmocka_unit_test(extremes),
		cmocka_unit_test(verdict),
		cmocka_unit_test(no_rows),
		cmocka_unit_test(damaged),
		cmocka_unit_test(random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
