/* Who may do what; see access.h. */
#include <errno.h>
#include <stdio.h>

#include "common/identity.h"
#include "supervisor/access.h"
#include "supervisor/server.h"

/* group: a setting, the group's number and one; 0: none. */
static bool
is_member(const struct conn *c, uint64_t group)
{
	return group != 0 && c->who != NULL && identity_in_group(c->who, (gid_t)(group - 1));
}

bool
access_admin(const struct conn *c)
{
	const struct server	*s = c->server;

	if (c->uid == 0)
		return true;
	return s->service ? is_member(c, s->config.admin_group) : c->uid == s->uid;
}

uid_t
access_view(const struct conn *c)
{
	return c->server->service && access_admin(c) ? 0 : c->uid;
}

int
access_enter(const struct conn *c, char why[ACCESS_WHY], const char **ret_hint)
{
	const struct server	*s = c->server;
	char			 name[32] = "";

	if (access_admin(c))
		return 0;
	if (!s->service) {
		(void)snprintf(why, ACCESS_WHY, "this supervisor belongs to another user");
		*ret_hint = "unset PARATEST_SOCKET to use your own";
		return -EPERM;
	}
	*ret_hint = "ask who administers this host, or use one of your own: "
	    "paratestctl --socket private";
	if (c->who == NULL) {
		(void)snprintf(why, ACCESS_WHY, "your groups cannot be told: more than %d, or none "
		    "of this host", IDENTITY_GROUPS);
		return -EPERM;
	}
	if (s->config.allow_group == 0 || is_member(c, s->config.allow_group))
		return 0;
	(void)config_value(&s->config, SV_LIT("allow-group"), name, sizeof name);
	(void)snprintf(why, ACCESS_WHY, "you may not use this service: it is for members of the "
	    "group %s", name);
	return -EPERM;
}

const char *
access_no_runs(const struct conn *c)
{
	const struct server	*s = c->server;

	if (!s->service)
		return NULL;
	if (c->uid == 0)
		return "this service runs no tests as root: submit them as another user, or use a "
		    "supervisor of your own (paratestctl --socket private)";
	if (c->uid == s->uid)
		return "this service runs no tests as the user that it runs as itself";
	return NULL;
}
