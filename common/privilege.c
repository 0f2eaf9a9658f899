/* Capabilities, users, and a folder for each; see privilege.h. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/log.h"
#include "common/privilege.h"

#define BIT(cap)	(UINT32_C(1) << (cap))	/* all that we use are in the first word */
#define LENT		(BIT(CAP_SETUID) | BIT(CAP_SETGID))
#define LENT_TOO	BIT(CAP_SETPCAP)	/* where we have it */
#define NEEDED		(LENT | BIT(CAP_KILL) | BIT(CAP_CHOWN))

struct caps {
	struct __user_cap_data_struct	word[2];
};

static int
caps_get(struct caps *c)
{
	struct __user_cap_header_struct	h = { _LINUX_CAPABILITY_VERSION_3, 0 };

	return syscall(SYS_capget, &h, c->word) == -1 ? -errno : 0;
}

static int
caps_set(const struct caps *c)
{
	struct __user_cap_header_struct	h = { _LINUX_CAPABILITY_VERSION_3, 0 };

	return syscall(SYS_capset, &h, c->word) == -1 ? -errno : 0;
}

int
privilege_take(char why[PRIVILEGE_WHY])
{
	struct caps	c;
	int		r = caps_get(&c);

	if (r == 0 && (c.word[0].effective & NEEDED) != NEEDED) {
		(void)snprintf(why, PRIVILEGE_WHY, "it needs the capabilities SETUID, SETGID, KILL "
		    "and CHOWN to run tests as their users, and lacks some");
		return -EPERM;
	}
	/* What is not inheritable cannot be lent. */
	c.word[0].inheritable |= LENT | (c.word[0].permitted & LENT_TOO);
	if (r == 0)
		r = caps_set(&c);
	if (r == 0 && (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1))
		r = -errno;
	if (r != 0)
		(void)snprintf(why, PRIVILEGE_WHY, "its capabilities cannot be set: %s",
		    strerror(-r));
	return r;
}

bool
privilege_over_host(void)
{
	struct caps	c;

	return caps_get(&c) == 0 && (c.word[0].effective & BIT(CAP_SYS_ADMIN)) != 0;
}

int
privilege_lend(void)
{
	int	r = 0;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETGID, 0, 0) == -1 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETUID, 0, 0) == -1)
		r = -errno;
	/* Refused where we have it not: a worker does without. */
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETPCAP, 0, 0);
	if (r != 0)
		privilege_keep();
	return r;
}

void
privilege_keep(void)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1)
		fatal("privilege", "capabilities that were lent cannot be taken back: %s",
		    strerror(errno));
}

/* Nothing that it starts can have a capability, whatever a file says.  Without CAP_SETPCAP
 * the set stays, and the bar to new privileges serves alone.  0 or -errno. */
static int
empty_bounding_set(void)
{
	struct caps	c;
	int		r = caps_get(&c), in;

	if (r != 0 || (c.word[0].effective & BIT(CAP_SETPCAP)) == 0)
		return r;
	for (int cap = 0; (in = prctl(PR_CAPBSET_READ, cap, 0, 0, 0)) != -1; cap++) {
		if (in == 1 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1)
			return -errno;
	}
	return 0;
}

/* Is all of it as it should be?  The kernel is asked, not remembered. */
static int
is_only(const struct identity *who)
{
	gid_t		groups[IDENTITY_GROUPS], rg, eg, sg;
	uid_t		ru, eu, su;
	struct identity	*now;
	struct caps	c;
	bool		same;
	int		n = getgroups(IDENTITY_GROUPS, groups);

	if (n == -1 || getresuid(&ru, &eu, &su) == -1 || getresgid(&rg, &eg, &sg) == -1 ||
	    caps_get(&c) != 0 || (now = identity_new(eu, eg, groups, (size_t)n)) == NULL)
		return -EPERM;
	same = identity_equal(now, who) && ru == eu && su == eu && rg == eg && sg == eg;
	free(now);
	for (int i = 0; i < 2; i++)
		same = same && (c.word[i].permitted | c.word[i].effective |
		    c.word[i].inheritable) == 0;
	return same && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -EPERM;
}

int
privilege_become(const struct identity *who, char why[PRIVILEGE_WHY])
{
	const struct caps	none = { 0 };
	const char		*step = "be root";
	int			 r = -EPERM;

	if (who->uid == 0)
		goto out;
	step = "empty its bounding set";
	r = empty_bounding_set();
	if (r != 0)
		goto out;
	step = "set its groups";
	if (setgroups(who->ngroups, who->groups) == -1 ||
	    setresgid(who->gid, who->gid, who->gid) == -1)
		goto failed;
	step = "set its user";
	if (setresuid(who->uid, who->uid, who->uid) == -1)
		goto failed;
	/* A change of the user alone drops capabilities only where it was root. */
	step = "drop its capabilities";
	r = caps_set(&none);
	if (r != 0)
		goto out;
	step = "bar new privileges";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		goto failed;
	step = "see that it has";
	r = is_only(who);
	if (r == 0)
		return 0;
	goto out;
failed:
	r = -errno;
out:
	(void)snprintf(why, PRIVILEGE_WHY, "the worker could not become user %u: cannot %s: %s",
	    (unsigned)who->uid, step, strerror(-r));
	return r;
}

int
privilege_folder(const char *path, const struct identity *who)
{
	struct stat	st;

	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		return -errno;
	if (lstat(path, &st) == -1)
		return -errno;
	if (!S_ISDIR(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != who->uid))
		return -EPERM;
	/* Nobody else can put something there meanwhile. */
	if (st.st_uid != who->uid && lchown(path, who->uid, who->gid) == -1)
		return -errno;
	return 0;
}
