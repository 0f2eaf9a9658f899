/* A sandbox looked at and emptied; see room.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "common/fdutil.h"
#include "common/rmtree.h"
#include "worker/room.h"

#define TMP		"/tmp"

union semun {
	int			 val;
	struct semid_ds		*buf;
	struct seminfo		*info;
};

enum isolation
room_level(const char *asked, bool grouped)
{
	struct isolation_want	w;
	char			why[ISOLATION_WHY], self[16] = "";

	if (asked == NULL || isolation_parse(sv_from(asked), &w, why) != 0 ||
	    w.level < ISOLATION_PID)
		return ISOLATION_PROCESS;
	/* It has namespaces too, where they could be made. */
	if (w.level == ISOLATION_CGROUP)
		return grouped ? ISOLATION_CGROUP : ISOLATION_PROCESS;
	/* The init of a namespace, and the /proc is that of it. */
	if (getpid() != 1 || readlink("/proc/self", self, sizeof self - 1) == -1 ||
	    strcmp(self, "1") != 0)
		return ISOLATION_PROCESS;
	return w.level;
}

/* ---- System V objects, all of which are in our own namespace ---- */

static bool
ipc_is_empty(void)
{
	struct shm_info	shm;
	struct seminfo	sem;
	struct msginfo	msg;

	/* The kernel counts what there is in members that are named after other things. */
	return shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&shm) != -1 && shm.used_ids == 0 &&
	    semctl(0, 0, SEM_INFO, (union semun){ .info = &sem }) != -1 && sem.semusz == 0 &&
	    msgctl(0, MSG_INFO, (struct msqid_ds *)(void *)&msg) != -1 && msg.msgpool == 0;
}

static void
empty_ipc(void)
{
	struct shm_info	shm;
	struct shmid_ds	shm_one;
	struct seminfo	sem;
	struct semid_ds	sem_one;
	struct msginfo	msg;
	struct msqid_ds	msg_one;
	int		last = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&shm), id;

	for (int i = 0; i <= last; i++) {
		if ((id = shmctl(i, SHM_STAT, &shm_one)) != -1)
			(void)shmctl(id, IPC_RMID, NULL);
	}
	last = semctl(0, 0, SEM_INFO, (union semun){ .info = &sem });
	for (int i = 0; i <= last; i++) {
		if ((id = semctl(i, 0, SEM_STAT, (union semun){ .buf = &sem_one })) != -1)
			(void)semctl(id, 0, IPC_RMID);
	}
	last = msgctl(0, MSG_INFO, (struct msqid_ds *)(void *)&msg);
	for (int i = 0; i <= last; i++) {
		if ((id = msgctl(i, MSG_STAT, &msg_one)) != -1)
			(void)msgctl(id, IPC_RMID, NULL);
	}
}

/* ---- file systems ---- */

/* 0, also when there is no such place; -1 with errno. */
static int
place_open(struct room_place *p, const char *path)
{
	struct statfs	fs;

	p->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->fd == -1)
		return errno == ENOENT ? 0 : -1;
	if (fstatfs(p->fd, &fs) == -1 || fstat(p->fd, &p->made) == -1)
		return -1;
	p->inodes = (uint64_t)(fs.f_files - fs.f_ffree);
	return 0;
}

/* Nothing in it but what was there?  Of a folder the size counts its entries. */
static bool
place_is_empty(const struct room_place *p)
{
	struct statfs	fs;
	struct stat	now;

	if (p->fd == -1)
		return true;
	return fstatfs(p->fd, &fs) == 0 && (uint64_t)(fs.f_files - fs.f_ffree) == p->inodes &&
	    fstat(p->fd, &now) == 0 && now.st_size == p->made.st_size &&
	    now.st_mode == p->made.st_mode && now.st_uid == p->made.st_uid;
}

/*
 * Removes what is in the folder, but the way to `keep` (a path from there; NULL: nothing):
 * what is bound there is another file system, and none of this one's.  Takes the
 * descriptor.
 */
static void
empty_folder(int fd, dev_t dev, const char *keep)
{
	size_t		 n = keep != NULL ? strcspn(keep, "/") : 0;
	struct stat	 st;
	struct dirent	*e;
	DIR		*dir = NULL;

	if (fstat(fd, &st) == 0 && st.st_dev == dev)
		dir = fdopendir(fd);
	if (dir == NULL) {
		(void)close(fd);
		return;
	}
	while ((e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (keep == NULL || strncmp(e->d_name, keep, n) != 0 || e->d_name[n] != '\0')
			(void)rmtree_at(dirfd(dir), e->d_name);
		else if (keep[n] == '/' && (fd = openat(dirfd(dir), e->d_name, O_RDONLY |
		    O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) != -1)
			empty_folder(fd, dev, keep + n + 1);
	}
	(void)closedir(dir);
}

static void
empty_place(const struct room_place *p, const char *keep)
{
	int	fd = p->fd != -1 ? openat(p->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd == -1)
		return;
	(void)fchmod(p->fd, p->made.st_mode & 07777);
	empty_folder(fd, p->made.st_dev, keep);
}

/* ---- all of it ---- */

/* Only root can change more than contents. */
static bool
is_as_made(struct room *r)
{
	struct pollfd	p = { .fd = r->mounts_fd, .events = POLLPRI };
	struct stat	st;
	char		host[ROOM_NAME] = "";

	if (stat(r->scratch, &st) == -1 || st.st_dev != r->scratch_made.st_dev ||
	    st.st_ino != r->scratch_made.st_ino)
		return false;
	if (r->mounts_fd == -1)
		return true;
	return poll(&p, 1, 0) >= 0 && (p.revents & POLLERR) == 0 &&
	    gethostname(host, sizeof host - 1) == 0 && strcmp(host, r->host) == 0;
}

static bool
is_empty(const struct room *r)
{
	return place_is_empty(&r->tmp) && place_is_empty(&r->shm) &&
	    place_is_empty(&r->mqueue) && ipc_is_empty();
}

int
room_open(struct room *r, const char *scratch)
{
	struct pollfd	p = { .events = POLLPRI };

	r->scratch = scratch;
	r->tmp.fd = r->shm.fd = r->mqueue.fd = r->mounts_fd = -1;
	r->on = true;
	if (stat(scratch, &r->scratch_made) == -1 || place_open(&r->tmp, TMP) == -1 ||
	    place_open(&r->shm, "/dev/shm") == -1 || place_open(&r->mqueue, "/dev/mqueue") == -1)
		return -1;
	if (geteuid() != 0)
		return 0;
	r->mounts_fd = p.fd = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);
	(void)poll(&p, 1, 0);		/* from now on */
	return gethostname(r->host, sizeof r->host - 1);
}

void
room_close(struct room *r)
{
	if (!r->on)
		return;
	fd_close(&r->tmp.fd);
	fd_close(&r->shm.fd);
	fd_close(&r->mqueue.fd);
	fd_close(&r->mounts_fd);
	r->on = false;
}

bool
room_empty(struct room *r)
{
	bool	inside;

	if (!r->on)
		return true;
	if (!is_as_made(r))
		return false;
	if (is_empty(r))
		return true;
	inside = strncmp(r->scratch, TMP "/", sizeof TMP) == 0;
	empty_place(&r->tmp, inside ? r->scratch + sizeof TMP : NULL);
	empty_place(&r->shm, NULL);
	empty_place(&r->mqueue, NULL);
	empty_ipc();
	return is_empty(r);
}
