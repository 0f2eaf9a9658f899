/*
 * The numbers of users and groups, by name.  A directory server (LDAP, sssd) may take
 * seconds to answer, so that the host's directories are asked only by who may wait: before
 * the loop begins.  In it there are /etc/passwd and /etc/group.
 */
#ifndef SUPERVISOR_NAMES_H
#define SUPERVISOR_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/* wait: directories may be asked.  0, or -ENOENT: nobody is called that, where it was
 * looked. */
int	names_user(const char *name, bool wait, uint32_t *ret_uid);
int	names_group(const char *name, bool wait, uint32_t *ret_gid);

#endif
