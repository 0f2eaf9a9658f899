/* `limits` of a test or of defaults; see suite_run.h. */
#include "ctl/suite_run.h"
#include "ctl/suite_value.h"

int
suite_run_limits(struct suite_reading *rd, const struct suite_node *n)
{
	static const char *const	planned[] = { NULL };
	struct plan_limits		l = { .has = 0 };
	const char			*text;
	char				 why[LIMIT_WHY];
	int				 key, r;

	r = suite_map(rd->src, "limits", n);
	for (const struct suite_node *v = n->first; r == 0 && v != NULL; v = v->next) {
		key = suite_key(rd->src, v->key, limit_keys, planned);
		if (key < 0)
			return key;
		r = suite_scalar(rd->src, limit_keys[key], v, &text);
		if (r == 0 && limit_parse((enum limit)key, text, &l.limits.v[key], why) != 0)
			r = suite_fail_at(rd->src, v, "'%s' %s", limit_keys[key], why);
		l.has |= 1u << key;
	}
	if (r == 0)
		plan_limits_default(&rd->t->limits, &l);
	return r;
}
