/*
 * The supervisor as somebody's service: what its manager (systemd) is told, and asks.
 *
 *	manager_ready() ─► READY ◄─► RELOADING          SIGHUP, or a client's RELOAD
 *	                     └─► manager_stopping()     SIGTERM, or it leaves by itself
 *
 * The sign of life is a timer of the loop, so that it ends when the loop does.  A private
 * supervisor has nobody to tell, and does the same.
 */
#ifndef SUPERVISOR_MANAGER_H
#define SUPERVISOR_MANAGER_H

#include "common/clock.h"
#include "supervisor/config_file.h"
#include "supervisor/notify.h"

struct manager;
struct server;

/* notify: borrowed; NULL: there is no manager.  NULL: no memory. */
struct manager	*manager_new(struct server *, struct notify *);
void		 manager_free(struct manager *);

/* Clients are served from now on. */
void		 manager_ready(struct manager *);

/* It is about to end, within `most`.  Told once. */
void		 manager_stopping(struct manager *, msec_t most);

/* Once a second: the line that `systemctl status` shows. */
void		 manager_tick(struct manager *);

/*
 * Reads the settings again: the administrator's file and those that were kept.  What
 * `config set` changed since stays.  0, or -errno with one line in why, and then all
 * settings stay.
 */
int		 manager_reload(struct manager *, char why[CONFIG_FILE_WHY]);

#endif
