/*
 * A read of a resource, a prompt or a completion: a call whose answer is not a tool's.
 */
#ifndef MCPSRV_READING_H
#define MCPSRV_READING_H

#include <stdio.h>

#include "ctl/metrics.h"
#include "ctl/report.h"
#include "ctl/results.h"
#include "ctl/runlist.h"
#include "mcpsrv/answer.h"
#include "mcpsrv/call.h"
#include "mcpsrv/outpart.h"
#include "mcpsrv/uri.h"

struct reading {
	struct call		 call;
	struct uri		 uri;
	struct answer_view	 view;
	struct runlist		 runs;
	struct metrics		 metrics;
	struct results		 results;
	struct reporter		 reporter;	/* of a report; all NULL: none */
	FILE			*file;		/* what it writes to */
	char			*text;
	size_t			 text_len;
	json_t			*rows;		/* gathered */
	struct output		 output;
	const char		*run;		/* that is read, NULL: the newest */
	void			(*known)(struct reading *);	/* the run is */
	char			*name;		/* of the test that is read */
	bool			 missing;	/* there is no such run */
	size_t			 kept;		/* bytes of outputs */
};

struct reading	*reading_new(struct srv *, struct mcp_request *, const char *what);

/* Reads what is known of a run (NULL: the newest) and calls `known`; all that its tests
 * said is cleaned.  When there is no such run, `known` is called with `missing`. */
void	reading_run(struct reading *, const char *run, void (*known)(struct reading *));

/* Answers and ends: with one piece of text; without the resource; with what the
 * supervisor said. */
void	reading_text(struct reading *, const char *mime, json_t *text, uint64_t ttl_ms);
void	reading_json(struct reading *, json_t *, uint64_t ttl_ms);
void	reading_none(struct reading *);
void	reading_lost(struct reading *, int r, const struct client_error *);

/* Resources of one run. */
void	reading_report(struct reading *);
void	reading_output(struct reading *);

#endif
