/*
 * A supervisor that follows a script: a process with a socket that hands every
 * message to a function of the test, which answers.  What it is told to note can be
 * read by the test once an answer that follows has come.
 */
#ifndef TESTS_UNIT_PEER_FIXTURE_H
#define TESTS_UNIT_PEER_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "common/msg.h"
#include "common/rmtree.h"

#define PX_SECONDS	30	/* after which it ends, whatever happens */

struct px;
typedef int	px_script(struct px *, enum msg_type, uint32_t id, const union msg_body *);

struct px {
	char		 dir[32], socket[48], notes[48];
	pid_t		 pid;
	/* in the process of the peer */
	px_script	*script;
	struct evbuffer	*out;
	FILE		*log;
	void		*state;		/* the script's own */
};

static inline void
px_need(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "the scripted peer failed: %s: %s\n", what, strerror(errno));
	abort();
}

/* For scripts: answers with a message; notes a line. */
static inline void
px_say(struct px *px, enum msg_type type, uint32_t id, const void *body)
{
	px_need(msg_put(px->out, type, id, body) == 0, "msg_put");
}

#define px_note(px, ...)	((void)fprintf((px)->log, __VA_ARGS__), (void)fflush((px)->log))

static inline int
px_message(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct msg_hello_ok	 hello = { .version = MSG_VERSION, .program = SV_LIT("peer"),
	    .pid = 1 };
	struct px		*px = arg;

	if (type == MSG_HELLO)
		px_say(px, MSG_HELLO_OK, id, &hello);
	else
		(void)px->script(px, type, id, m);
	return 0;
}

/* One connection, until it is closed. */
static inline void
px_serve(struct px *px, int fd)
{
	struct msg_reader	*reader = msg_reader_new();
	struct evbuffer		*in = evbuffer_new();

	px->out = evbuffer_new();
	px_need(reader != NULL && in != NULL && px->out != NULL, "memory");
	while (evbuffer_read(in, fd, -1) > 0) {
		px_need(msg_drain(in, MSG_DIR_C2S, reader, px_message, px, NULL) == 0, "drain");
		while (evbuffer_get_length(px->out) > 0 && evbuffer_write(px->out, fd) > 0)
			;
	}
	evbuffer_free(px->out);
	evbuffer_free(in);
	msg_reader_free(reader);
	(void)close(fd);
}

static inline void
px_open(struct px *px, px_script *script)
{
	struct sockaddr_un	sa = { .sun_family = AF_UNIX };
	int			fd, conn;

	*px = (struct px){ .script = script };
	(void)snprintf(px->dir, sizeof px->dir, "/tmp/paratest-peer.XXXXXX");
	px_need(mkdtemp(px->dir) != NULL, "mkdtemp");
	(void)snprintf(px->socket, sizeof px->socket, "%s/socket", px->dir);
	(void)snprintf(px->notes, sizeof px->notes, "%s/notes", px->dir);
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", px->socket);
	px->log = fopen(px->notes, "we");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	px_need(px->log != NULL && fd != -1 && bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0 &&
	    listen(fd, 8) == 0, "listen");
	(void)fflush(NULL);
	px->pid = fork();
	px_need(px->pid != -1, "fork");
	if (px->pid == 0) {
		(void)alarm(PX_SECONDS);
		(void)signal(SIGPIPE, SIG_IGN);
		while ((conn = accept(fd, NULL, NULL)) != -1)
			px_serve(px, conn);
		_exit(1);
	}
	(void)close(fd);
}

/* Ends the peer; what it noted, to be freed. */
static inline char *
px_close(struct px *px)
{
	char	*text = calloc(1, 65536);
	FILE	*f = fopen(px->notes, "re");

	px_need(text != NULL && f != NULL, "notes");
	(void)kill(px->pid, SIGKILL);
	(void)waitpid(px->pid, NULL, 0);
	(void)fread(text, 1, 65535, f);
	(void)fclose(f);
	(void)fclose(px->log);
	(void)rmtree_at(AT_FDCWD, px->dir);
	return text;
}

#endif
