/* What the files of query.h share: the state of one page of an answer. */
#ifndef STORE_QUERY_INT_H
#define STORE_QUERY_INT_H

#include <sqlite3.h>
#include <stdbool.h>

#include "common/sv.h"
#include "store/db.h"
#include "store/query.h"

#define QUERY_RUN_ID	32	/* hexadecimal digits */
#define QUERY_RUN_BITS	51	/* of `from`, below the mark of query_run() */

struct query {
	struct db	*db;
	uint64_t	 uid;		/* who asks; 0: root */
	uint64_t	 from;		/* where this page starts */
	uint64_t	 next;		/* where the next one does, 0: this is the last */
	size_t		 page, bytes;	/* bound and sum of what was sent */
	bool		 cut;		/* something was left out, also on earlier pages */
	uint64_t	 mark;		/* of the run that is asked about, 0: none */
	query_send_fn	*send;
	void		*arg;
	struct ZSTD_DCtx_s *zstd;	/* made by the first query_unpack() */
};

/* One kind of question; 0 or -errno as query_answer(). */
int	query_history(struct query *, const struct msg_history *);
int	query_metrics(struct query *, const struct msg_metrics *);
int	query_flaky(struct query *, const struct msg_flaky *);
int	query_run_list(struct query *, const struct msg_run_list *);
int	query_run_watch(struct query *, const struct msg_run_watch *);
int	query_output_read(struct query *, const struct msg_output_read *);
int	query_plan_read(struct query *, const struct msg_plan_read *);

/* What is kept for the next page, gone; query_forget() is all. */
void	query_output_forget(void);
void	query_metrics_forget(void);
void	query_flaky_forget(void);

/* ---- sending ---- */

/* Sends a message of about so many bytes. */
int	query_send(struct query *, enum msg_type, const void *msg, size_t about);
int	query_fail(struct query *, enum msg_error_code, const char *text, const char *hint);
/* The last message of a whole answer. */
int	query_end(struct query *, uint64_t count, bool truncated);

/* Is this page full?  Then *next is set and the handler returns. */
bool	query_full(struct query *, uint64_t next);

/*
 * A place in a list by time, newest first: how many rows were sent, of those that are
 * not newer than the first of them.
 */
struct query_place {
	uint64_t	newest_ms;	/* INT64_MAX: any */
	uint64_t	sent;
};

struct query_place query_place(uint64_t from);
uint64_t query_place_pack(struct query_place);

/* ---- the database ---- */

/* A prepared statement, with the uid of who asks as ?1.  0, -EUCLEAN, -EIO, -ENOMEM. */
int	query_prepare(struct query *, const char *sql, sqlite3_stmt **ret);
/* 1 a row, 0 no more, or -EUCLEAN, -EIO, -ENOMEM. */
int	query_step(sqlite3_stmt *);

void	query_bind_sv(sqlite3_stmt *, int at, struct sv);
struct sv query_sv(sqlite3_stmt *, int column);		/* borrowed until the next step */
uint64_t query_u64(sqlite3_stmt *, int column);

/*
 * The run whose id starts so; "latest", or nothing: the newest.  1 and its row and
 * id; 0 when there is none or several, and the ERROR was sent; or -errno.
 *
 * A newer run must not take its place between two pages: some bits of its number travel
 * in `from` as a mark, which is taken off it here, and leave QUERY_RUN_BITS for the rest.
 */
int	query_run(struct query *, struct sv name, int64_t *ret, char ret_run[QUERY_RUN_ID + 1]);

/* Raw bytes of a zstd column; *ret is malloc'ed.  0, -ENOMEM, or -EBADMSG when it is
 * damaged, or not `size` bytes, or more than `max`. */
int	query_unpack(struct query *, sqlite3_stmt *, int column, uint64_t size, size_t max, char **ret);

#endif
