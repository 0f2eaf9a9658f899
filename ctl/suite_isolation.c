/* What a suite asks for; see suite_isolation.h. */
#include <errno.h>

#include "ctl/suite_isolation.h"
#include "ctl/suite_keys.h"
#include "ctl/suite_value.h"

#define X(N, s)	s,
static const char *const levels[] = { ISOLATION_LIST(X) NULL };
static const char *const networks[] = { ISOLATION_NETWORK_LIST(X) NULL };
#undef X
const char *const suite_isolation_keys[] = { "level", "network", "read-only", NULL };

static int
level(const struct suite_source *src, const char *what, const struct suite_node *n,
    struct isolation_want *w)
{
	uint64_t	v = 0;
	int		r = suite_choice(src, what, n, levels, &v);

	w->level = (enum isolation)v;
	return r;
}

static int
network(const struct suite_source *src, const struct suite_node *n, struct isolation_want *w)
{
	uint64_t	v = 0;
	int		r = suite_choice(src, "network", n, networks + 1, &v);	/* "" is unsaid */

	w->network = (enum isolation_network)(v + 1);
	return r;
}

/* The keys, in any order; what is a sandbox's makes one where no level is named. */
static int
mapping(const struct suite_source *src, const struct suite_node *n, struct isolation_want *w)
{
	static const char *const	 planned[] = { NULL };
	const struct suite_node		*extra = NULL;
	bool				 named = false;
	int				 key, r = 0;

	for (const struct suite_node *v = n->first; r == 0 && v != NULL; v = v->next) {
		key = suite_key(src, v->key, suite_isolation_keys, planned);
		if (key < 0)
			return key;
		named |= key == 0;
		r = key == 0 ? level(src, "level", v, w) : key == 1 ? network(src, v, w) :
		    suite_bool(src, "read-only", v, &w->read_only);
		if (key == 1 || (key == 2 && w->read_only))
			extra = v;
	}
	if (r == 0 && extra != NULL && named && w->level != ISOLATION_SANDBOX)
		return suite_fail_at(src, extra->key, "'%s' is a sandbox's, and the level is %s: "
		    "write level: sandbox", extra->key->text, isolation_name(w->level));
	if (extra != NULL)
		w->level = ISOLATION_SANDBOX;
	return r;
}

int
suite_isolation(const struct suite_source *src, const struct suite_node *n,
    struct isolation_want *ret)
{
	struct isolation_want	w = { ISOLATION_AUTO, NETWORK_UNSAID, false };
	int			r;

	r = n->kind == SUITE_MAP ? mapping(src, n, &w) : level(src, "isolation", n, &w);
	if (r == 0)
		*ret = w;
	return r;
}
