/*
 * Any bytes as what reaches paratest-mcp from outside: the first says as what.
 *
 *	d	a test definition, in JSON
 *	o	output of a test
 *	u	the URI of a resource
 *	p	a policy
 *	c	a cursor
 */
#include <assert.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/spec.h"
#include "common/xalloc.h"
#include "ctl/submit.h"
#include "mcpsrv/answer.h"
#include "mcpsrv/clean.h"
#include "mcpsrv/define.h"
#include "mcpsrv/policy.h"
#include "mcpsrv/uri.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is taken can be sent, or is refused with a sentence. */
static void
definition(const char *p, size_t n)
{
	struct define_call	 call = { .cwd = "/" };
	struct plan		 plan = { .name = NULL };
	char			 why[DEFINE_WHY], reason[CLIENT_WHY], *body = NULL;
	json_t			*o = json_loadb(p, n, JSON_REJECT_DUPLICATES, NULL);
	size_t			 len;

	if (json_is_object(o) && define_add(&plan, o, "tests[0]", why) == 0 &&
	    define_finish(&plan, &call, why) == 0 && plan.tests[0].argv.n > 0) {
		if (submit_encode(&plan.tests[0], &body, &len, reason) != 0)
			assert(reason[0] != '\0');
		free(body);
	}
	plan_free(&plan);
	json_decref(o);
}

/* Nothing is left that a terminal acts on, and nothing more would be taken out. */
static void
output(const char *p, size_t n)
{
	struct text	once = { 0 }, twice = { 0 }, line = { 0 };

	clean_text(&once, p, n);
	assert(text_is_utf8(once.p, once.n));
	for (size_t i = 0; i < once.n; i++)
		assert((unsigned char)once.p[i] >= 0x20 || once.p[i] == '\n' || once.p[i] == '\t');
	clean_text(&twice, once.p, once.n);
	assert(once.n == twice.n && memcmp(once.p, twice.p, once.n) == 0);
	clean_line(&line, NULL, p, n, 50);
	assert(line.n <= 50 && text_is_utf8(line.p, line.n) && strchr(line.p, '\n') == NULL);
	text_clear(&line);
	(void)clean_tail(&line, NULL, p, n, n, 3, 40);
	assert(text_is_utf8(line.p != NULL ? line.p : "", line.n));
	text_free(&once);
	text_free(&twice);
	text_free(&line);
}

static void
policy(const char *p, size_t n)
{
	struct policy	pol;
	struct plan	plan = { .name = NULL };
	struct plan_test *t = plan_add(&plan);
	char		why[POLICY_WHY] = "";

	t->name = xstrdup("x");
	t->cwd = xstrdup("/");
	strs_add(&t->argv, "/bin/true");
	policy_parse(&pol, "policy", p, n);
	if (policy_check(&pol, 1, &plan, &(struct policy_unasked){ 0 }, why) != 0)
		assert(why[0] != '\0');
	else
		assert(pol.error == NULL);
	policy_free(&pol);
	plan_free(&plan);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char			*s;
	struct uri		 u;
	enum answer_detail	 detail;
	size_t			 offset;

	if (size == 0)
		return 0;
	s = xstrndup((const char *)data + 1, size - 1);
	switch (data[0]) {
	case 'd':
		definition((const char *)data + 1, size - 1);
		break;
	case 'o':
		output((const char *)data + 1, size - 1);
		break;
	case 'u':
		if (!uri_parse(s, &u))
			assert(u.kind == URI_NONE);
		break;
	case 'p':
		policy((const char *)data + 1, size - 1);
		break;
	case 'c':
		(void)answer_cursor_parse(s, &detail, &offset);
		break;
	default:
		break;
	}
	free(s);
	return 0;
}
