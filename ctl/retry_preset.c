/*
 * The presets; see retry_preset.h.  Numbers and error texts are those of
 * RetryManager.createStrategy() in mcp-console-automation.  Each states its rules,
 * also when it has none, so that no default of a suite gets into a preset.
 */
#include <stddef.h>

#include "ctl/retry_preset.h"

#define RULES_MAX	8

const char *const retry_presets[] = { "aggressive", "conservative", "network", NULL };

/* In the same order. */
static const struct preset {
	uint64_t	 count, delay_ms, multiplier_milli;
	const char	*on[RULES_MAX], *never[RULES_MAX];	/* end with NULL */
} presets[] = {
	{ 5, 500, 1500, { NULL }, { NULL } },
	{ 2, 2000, 2000, { NULL }, { "timeout" } },
	{ 3, 1000, 2000, { "timeout", "text:ECONNREFUSED", "text:ETIMEDOUT",
	  "text:ENOTFOUND", "text:network", "text:timeout" }, { NULL } },
};

void
retry_preset(struct plan_retry *r, uint64_t which)
{
	const struct preset	*p = &presets[which];
	struct plan_retry	 all = {
		.has = PLAN_RETRY_COUNT | PLAN_RETRY_DELAY | PLAN_RETRY_MULTIPLIER |
		    PLAN_RETRY_ON | PLAN_RETRY_NEVER,
		.count = p->count, .delay_ms = p->delay_ms,
		.multiplier_milli = p->multiplier_milli,
	};

	for (size_t i = 0; p->on[i] != NULL; i++)
		strs_add(&all.on, p->on[i]);
	for (size_t i = 0; p->never[i] != NULL; i++)
		strs_add(&all.never, p->never[i]);
	plan_retry_default(r, &all);
	plan_retry_free(&all);
}

void
retry_preset_original(struct plan_retry *r)
{
	const struct plan_retry	usual = {
		.has = PLAN_RETRY_COUNT | PLAN_RETRY_DELAY | PLAN_RETRY_MULTIPLIER,
		.count = 3, .delay_ms = 1000, .multiplier_milli = 2000,
	};

	plan_retry_default(r, &usual);
}
