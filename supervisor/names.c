/* Users and groups by name; see names.h. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/names.h"

#define USERS	"/etc/passwd"
#define GROUPS	"/etc/group"

int
names_user(const char *name, bool wait, uint32_t *ret_uid)
{
	const struct passwd	*pw = NULL;
	FILE			*f;
	int			 r = -ENOENT;

	if (wait) {
		pw = getpwnam(name);
		if (pw != NULL)
			*ret_uid = (uint32_t)pw->pw_uid;
		return pw != NULL ? 0 : -ENOENT;
	}
	f = fopen(USERS, "re");
	if (f == NULL)
		return -ENOENT;
	while (r != 0 && (pw = fgetpwent(f)) != NULL) {
		if (strcmp(pw->pw_name, name) != 0)
			continue;
		*ret_uid = (uint32_t)pw->pw_uid;
		r = 0;
	}
	(void)fclose(f);
	return r;
}

int
names_group(const char *name, bool wait, uint32_t *ret_gid)
{
	const struct group	*g = NULL;
	FILE			*f;
	int			 r = -ENOENT;

	if (wait) {
		g = getgrnam(name);
		if (g != NULL)
			*ret_gid = (uint32_t)g->gr_gid;
		return g != NULL ? 0 : -ENOENT;
	}
	f = fopen(GROUPS, "re");
	if (f == NULL)
		return -ENOENT;
	while (r != 0 && (g = fgetgrent(f)) != NULL) {
		if (strcmp(g->gr_name, name) != 0)
			continue;
		*ret_gid = (uint32_t)g->gr_gid;
		r = 0;
	}
	(void)fclose(f);
	return r;
}
