/* console_set_test_timeout: the supervisor's default limits, read and changed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/timespan.h"
#include "ctl/json_value.h"
#include "mcpsrv/answer.h"
#include "mcpsrv/call.h"
#include "mcpsrv/tools.h"

#define LIMITS	2

/* In the order in which they are set. */
static const struct {
	const char	*argument, *key;
} limits[LIMITS] = { { "timeout", "timeout" }, { "workerTimeout", "worker-timeout" } };

struct setting {
	struct call	call;
	uint64_t	now[LIMITS], before[LIMITS];
	bool		changed;
	unsigned	next;		/* limit that is to be set */
};

static int
on_row(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct setting	*s = arg;
	char		 value[64];

	(void)id;
	if (type != MSG_CONFIG_ROW || m->config_row.value.n >= sizeof value)
		return 0;
	(void)snprintf(value, sizeof value, SV_FMT, SV_ARG(m->config_row.value));
	for (unsigned i = 0; i < LIMITS; i++) {
		if (sv_is(m->config_row.key, limits[i].key))
			(void)duration_parse(value, &s->now[i]);
	}
	return 0;
}

static json_t *
pair(const uint64_t v[LIMITS])
{
	json_t	*o = json_object();

	for (unsigned i = 0; i < LIMITS; i++)
		json_value_put(o, limits[i].argument, json_value_u64(v[i]));
	return o;
}

static void
answer(struct setting *s)
{
	json_t	*o = json_object(), *config = pair(s->now);
	bool	 persist = call_flag(&s->call, "persist", false);

	json_value_put(o, "success", json_true());
	json_value_put(o, "message", json_sprintf("A test may take %llu ms unless it says "
	    "otherwise, a worker be silent for %llu ms%s.", (unsigned long long)s->now[0],
	    (unsigned long long)s->now[1], !s->changed ? "" : persist ? "; this holds for later "
	    "supervisors too" : "; this holds until the supervisor ends"));
	json_value_put(config, "persisted", json_boolean(s->changed && persist));
	json_value_put(o, "config", config);
	if (s->changed)
		json_value_put(o, "previous", pair(s->before));
	answer_time(o, "timestamp", wall_ms());
	call_answer(&s->call, o);
}

static void
set_next(void *arg, int r, const struct client_error *e)
{
	struct setting		*s = arg;
	struct msg_config_set	 m = { .persist = call_flag(&s->call, "persist", false) };
	char			 value[32];

	if (r != 0) {
		call_lost(&s->call, e);
		return;
	}
	if (s->next == 0)
		memcpy(s->before, s->now, sizeof s->before);
	while (s->next < LIMITS && !call_has(&s->call, limits[s->next].argument))
		s->next++;
	if (s->next == LIMITS) {
		answer(s);
		return;
	}
	(void)snprintf(value, sizeof value, "%" PRIu64 "ms",
	    call_number(&s->call, limits[s->next].argument, 0));
	m.key = sv_from(limits[s->next++].key);
	m.value = sv_from(value);
	s->changed = true;
	call_ask(&s->call, MSG_CONFIG_SET, &m, on_row, set_next, s);
}

void
tool_set_timeout(struct mcp_request *req, void *arg)
{
	struct setting		*s = call_new(sizeof *s, arg, req, "console_set_test_timeout");
	struct srv		*srv = arg;
	struct msg_config_get	 m = { .has = 0 };
	char			 why[POLICY_WHY];

	s->call.simple = true;
	for (size_t i = 0; i < CALL_POLICIES; i++) {
		if (!call_has(&s->call, "timeout") && !call_has(&s->call, "workerTimeout"))
			break;
		if (policy_check_timeout(&srv->policies[i], "timeout",
		    call_number(&s->call, "timeout", 1), why) != 0) {
			call_failed(&s->call, "%s", why);
			return;
		}
	}
	call_ask(&s->call, MSG_CONFIG_GET, &m, on_row, set_next, s);
}
