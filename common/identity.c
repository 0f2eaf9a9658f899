/* Users and groups as the kernel knows them; see identity.h. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/identity.h"

static int
by_number(const void *a, const void *b)
{
	const gid_t	*x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

struct identity *
identity_new(uid_t uid, gid_t gid, const gid_t *groups, size_t ngroups)
{
	struct identity	*who;
	size_t		 n = 0;

	if (ngroups > IDENTITY_GROUPS)
		return NULL;
	who = calloc(1, sizeof *who + ngroups * sizeof who->groups[0]);
	if (who == NULL)
		return NULL;
	who->uid = uid;
	who->gid = gid;
	if (ngroups > 0)
		memcpy(who->groups, groups, ngroups * sizeof who->groups[0]);
	qsort(who->groups, ngroups, sizeof who->groups[0], by_number);
	for (size_t i = 0; i < ngroups; i++) {
		if (n == 0 || who->groups[n - 1] != who->groups[i])
			who->groups[n++] = who->groups[i];
	}
	who->ngroups = n;
	return who;
}

struct identity *
identity_dup(const struct identity *who)
{
	return identity_new(who->uid, who->gid, who->groups, who->ngroups);
}

int
identity_of_socket(int fd, struct identity **ret, pid_t *ret_pid)
{
	gid_t		groups[IDENTITY_GROUPS];
	struct ucred	c;
	socklen_t	n = sizeof c;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) == -1)
		return -errno;
	n = sizeof groups;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n) == -1)
		return errno == ERANGE ? -E2BIG : -errno;
	*ret = identity_new(c.uid, c.gid, groups, n / sizeof groups[0]);
	if (ret_pid != NULL)
		*ret_pid = c.pid;
	return *ret != NULL ? 0 : -ENOMEM;
}

bool
identity_equal(const struct identity *a, const struct identity *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a->uid == b->uid && a->gid == b->gid && a->ngroups == b->ngroups &&
	    memcmp(a->groups, b->groups, a->ngroups * sizeof a->groups[0]) == 0;
}

bool
identity_in_group(const struct identity *who, gid_t gid)
{
	return who->gid == gid || bsearch(&gid, who->groups, who->ngroups,
	    sizeof who->groups[0], by_number) != NULL;
}

char *
identity_format(const struct identity *who)
{
	size_t	 size = 32 + 12 * who->ngroups, at;
	char	*text = malloc(size);

	if (text == NULL)
		return NULL;
	at = (size_t)snprintf(text, size, "%u:%u:", (unsigned)who->uid, (unsigned)who->gid);
	for (size_t i = 0; i < who->ngroups; i++)
		at += (size_t)snprintf(text + at, size - at, i == 0 ? "%u" : ",%u",
		    (unsigned)who->groups[i]);
	return text;
}

/* A number that ends with one of `ends`; (id_t)-1 is nobody's.  NULL: it is none. */
static const char *
number(const char *p, const char *ends, id_t *ret)
{
	uint64_t	v = 0;
	const char	*start = p;

	for (; *p >= '0' && *p <= '9' && p - start < 10; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	if (p == start || v >= UINT32_MAX || (*p != '\0' && strchr(ends, *p) == NULL))
		return NULL;
	*ret = (id_t)v;
	return p;
}

struct identity *
identity_parse(const char *text)
{
	gid_t		 groups[IDENTITY_GROUPS];
	id_t		 uid, gid;
	const char	*p = number(text, ":", &uid);
	size_t		 n = 0;

	if (p == NULL || *p != ':' || (p = number(p + 1, ":", &gid)) == NULL || *p++ != ':')
		return NULL;
	while (*p != '\0') {
		if (n == IDENTITY_GROUPS || (p = number(p, ",", &groups[n++])) == NULL)
			return NULL;
		if (*p == ',' && *++p == '\0')
			return NULL;
	}
	return identity_new(uid, gid, groups, n);
}
