/* Suites that fail as often as real ones; see population.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/policy/order.h"
#include "tests/sim/population.h"

double
population_random(uint64_t *state)
{
	return (double)(order_random(state) >> 11) * 0x1p-53;
}

double
population_rate(const struct population *p, uint32_t t)
{
	return p->rate[t] + NOISE * (1 - p->rate[t]);
}

int
population_fails(const struct population *p, uint32_t t, uint64_t *state)
{
	return population_random(state) < population_rate(p, t);
}

#define CLASSES_MAX	5000
#define RATES_MAX	40	/* of one class */

struct class {
	uint32_t size, nrates;
	struct { uint32_t count, rate; } rates[RATES_MAX];
};

static struct class	classes[CLASSES_MAX];
static uint32_t		nclasses;

static void
read_class(char *line)
{
	struct class	 c = { .size = 0 };
	char		*save, *word = strtok_r(line, " \n", &save);
	long		 copies = strtol(word, NULL, 10);

	c.size = (uint32_t)strtoul(strtok_r(NULL, " \n", &save), NULL, 10);
	while ((word = strtok_r(NULL, " \n", &save)) != NULL) {
		assert_true(c.nrates < RATES_MAX);
		c.rates[c.nrates].count = (uint32_t)strtoul(word, &word, 10);
		c.rates[c.nrates++].rate = (uint32_t)strtoul(word + 1, NULL, 10);
	}
	assert_true(nclasses + copies <= CLASSES_MAX && c.size > 0);
	while (copies-- > 0)
		classes[nclasses++] = c;
}

int
population_read(const char *path)
{
	FILE	*f = fopen(path, "r");
	char	 line[512];

	if (f == NULL)
		return -1;
	while (fgets(line, sizeof line, f) != NULL)
		if (*line != '#')
			read_class(line);
	(void)fclose(f);
	return nclasses > 4000 ? 0 : -1;
}

void
population_draw(struct population *p, uint32_t n, uint64_t seed)
{
	uint32_t	group = 0, i, k, t;

	*p = (struct population){ .tests = calloc(n, sizeof *p->tests),
	    .records = calloc(n, sizeof *p->records), .rate = calloc(n, sizeof *p->rate) };
	for (; p->n < n; group++) {
		const struct class	*c = &classes[order_below(&seed, nclasses)];

		for (t = i = 0; i < c->nrates; i++)
			for (k = 0; k < c->rates[i].count && p->n + t < n; k++)
				p->rate[p->n + t++] = c->rates[i].rate / 10000.0;
		for (t = 0; t < c->size && p->n < n; t++, p->n++) {
			p->tests[p->n].weight = 1;
			p->records[p->n].group = group;
			p->flaky += p->rate[p->n] > 0 && p->rate[p->n] < 1;
		}
	}
}

void
population_free(struct population *p)
{
	free(p->tests);
	free(p->records);
	free(p->rate);
}

void
population_record(struct population *p, uint32_t runs, uint64_t seed)
{
	for (uint32_t t = 0; t < p->n; t++) {
		struct flake_record	*r = &p->records[t];

		for (uint32_t i = 0; i < runs; i++) {
			bool	failed = population_fails(p, t, &seed) != 0;

			r->fails += failed;
			r->passes += !failed;
		}
	}
}
