/* What is allowed in a test's specification; see spec.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/outcome.h"
#include "common/spec.h"

const char *const spec_expect_types[] = {
	"exit_code", "output_equals", "output_contains", "output_not_contains",
	"output_matches", "output_not_matches", "output_starts", "output_ends",
	"output_empty", "stdout_equals", "no_errors", NULL
};

int
spec_slot(struct sv s, struct sv *ret_name, uint32_t *ret_count)
{
	const char	*eq = s.n > 0 ? memrchr(s.p, '=', s.n) : NULL;
	uint64_t	 count = 0;

	if (eq == NULL || eq == s.p || eq + 1 == s.p + s.n)
		return -EINVAL;
	for (const char *p = eq + 1; p < s.p + s.n; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		count = count * 10 + (uint64_t)(*p - '0');
		if (count > UINT32_MAX)
			return -EINVAL;
	}
	*ret_name = (struct sv){ s.p, (size_t)(eq - s.p) };
	*ret_count = (uint32_t)count;
	return 0;
}

static const char *
check_expect(struct svs e)
{
	if (e.n % SPEC_EXPECT_STRIDE != 0)
		return "expect is not in groups of four";
	for (uint32_t i = 0; i < e.n; i += SPEC_EXPECT_STRIDE) {
		struct sv	target = e.v[i + 1];
		size_t		k = 0;

		while (spec_expect_types[k] != NULL && !sv_is(e.v[i], spec_expect_types[k]))
			k++;
		if (spec_expect_types[k] == NULL)
			return "expect has an unknown type";
		if (target.n > 0 && !sv_is(target, "stdout") && !sv_is(target, "stderr") &&
		    !sv_is(target, "output"))
			return "expect has an unknown target";
	}
	return NULL;
}

static const char *
check_env(struct svs env)
{
	for (uint32_t i = 0; i < env.n; i++) {
		if (env.v[i].n == 0 || env.v[i].p[0] == '=' ||
		    memchr(env.v[i].p, '=', env.v[i].n) == NULL)
			return "env has an entry that is not NAME=VALUE";
	}
	return NULL;
}

static const char *
check_command(const struct msg_test_add *t)
{
	if (t->name.n == 0)
		return "the name is empty";
	if (t->name.n > SPEC_NAME_MAX)
		return "the name is longer than 512 bytes";
	if (t->skip.n > SPEC_TEXT_MAX || t->source.n > SPEC_TEXT_MAX)
		return "skip or source is longer than 4096 bytes";
	if (t->argv.n == 0 || t->argv.v[0].n == 0)
		return "there is no command";
	if (t->argv.n > SPEC_ARGV_MAX || t->setup.n > SPEC_ARGV_MAX ||
	    t->teardown.n > SPEC_ARGV_MAX)
		return "a command has more than 4096 words";
	if ((t->setup.n > 0 && t->setup.v[0].n == 0) ||
	    (t->teardown.n > 0 && t->teardown.v[0].n == 0))
		return "a hook's command is empty";
	if (t->cwd.n == 0 || t->cwd.p[0] != '/')
		return "cwd is not absolute";
	return check_env(t->env);
}

static const char *
check_numbers(const struct msg_test_add *t)
{
	if (t->timeout_ms > SPEC_TIMEOUT_MAX_MS || t->grace_ms > SPEC_TIMEOUT_MAX_MS ||
	    t->setup_timeout_ms > SPEC_TIMEOUT_MAX_MS ||
	    t->teardown_timeout_ms > SPEC_TIMEOUT_MAX_MS ||
	    t->retry_delay_ms > SPEC_TIMEOUT_MAX_MS ||
	    t->retry_max_delay_ms > SPEC_TIMEOUT_MAX_MS)
		return "a duration is longer than 30 days";
	if (t->weight > SPEC_WEIGHT_MAX)
		return "weight is above 1024";
	if (t->format >= FORMAT_COUNT)
		return "the format is unknown";
	if (t->retry_count > SPEC_RETRY_MAX)
		return "more than 100 retries";
	if (t->retry_jitter >= JITTER_COUNT)
		return "the jitter is unknown";
	if (t->retry_multiplier_milli > 1000 * 1000)
		return "the backoff multiplier is above 1000";
	if (t->output_limit > SPEC_OUTPUT_MAX)
		return "output_limit is above 64 MiB";
	if (t->locks.n + t->slots.n > SPEC_RESOURCES_MAX)
		return "more than 64 resources";
	return NULL;
}

int
spec_check(const struct msg_test_add *t, char *why, size_t size)
{
	const char	*text = check_command(t);
	struct sv	 name;
	uint32_t	 count;

	if (text == NULL)
		text = check_numbers(t);
	if (text == NULL)
		text = check_expect(t->expect);
	for (uint32_t i = 0; text == NULL && i < t->slots.n; i++) {
		if (spec_slot(t->slots.v[i], &name, &count) != 0 || count == 0)
			text = "slots has an entry that is not NAME=COUNT";
	}
	for (uint32_t i = 0; text == NULL && i < t->locks.n; i++) {
		if (t->locks.v[i].n == 0)
			text = "a lock has no name";
	}
	if (text == NULL)
		return 0;
	(void)snprintf(why, size, "test '%.*s': %s", (int)(t->name.n > 100 ? 100 : t->name.n),
	    t->name.p != NULL ? t->name.p : "", text);
	return -EINVAL;
}
