/*
 * Pieces of what a person sees of a run: the block of a failure, the lines at the
 * bottom of a terminal, output as it comes, the summary.  Each adds to a text;
 * report_text decides when what is written.
 */
#ifndef CTL_TEXT_VIEW_H
#define CTL_TEXT_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"
#include "ctl/results.h"
#include "ctl/text.h"

enum text_ink { INK_NONE, INK_RED, INK_GREEN, INK_YELLOW, INK_DIM, INK_BOLD, INK_BOLD_RED,
	INK_BOLD_GREEN, INK_BOLD_YELLOW };

struct text_style {
	bool		colour;
	bool		ascii;		/* our own marks in ASCII */
	unsigned	flags;		/* enum text_flag for what is foreign */
	bool		isolation;	/* the summary has its line */
};

/* By the locale; on a terminal that is not UTF-8 foreign text is ASCII too. */
void	text_style_init(struct text_style *, bool terminal, bool colour);

enum text_mark { MARK_PASS, MARK_FAIL, MARK_FLAKY, MARK_SKIP, MARK_AGAIN, MARK_QUOTE,
	MARK_DOTS, MARK_BAR_DONE, MARK_BAR_REST, MARK_COUNT };
const char	*text_mark(const struct text_style *, enum text_mark);

/* Adds s in a colour. */
void	text_ink(struct text *, const struct text_style *, enum text_ink, const char *s);

/* Adds a name or a line of a program; at most max columns (0: all). */
size_t	text_view_name(struct text *, const struct text_style *, const char *, size_t max);
size_t	text_view_line(struct text *, const struct text_style *, const char *, size_t n,
	    size_t max);

/* Adds why a test or an attempt did not pass: any bytes, several lines. */
void	text_why(struct text *, const struct test_result *);
void	text_why_attempt(struct text *, const struct attempt_result *);

/* The same fit to be shown: its first line, at most max columns (0: all). */
void	text_view_why(struct text *, const struct text_style *, const struct test_result *,
	    size_t max);
void	text_view_attempt_why(struct text *, const struct text_style *,
	    const struct attempt_result *, size_t max);

#define TEXT_FAILURE_LINES		20	/* of output under a failure */
#define TEXT_FAILURE_LINES_ALONE	200	/* in a run of one test */

/* The block of a test that failed; `lines` of its output (0: the header and the
 * reason only). */
void	text_failure(struct text *, const struct text_style *, const struct test_result *,
	    size_t lines);

/* One line: attempt `number` starts because the one before did not pass. */
void	text_retry(struct text *, const struct text_style *, const struct test_result *,
	    uint64_t number);

/* "58 passed, 2 failed, 1 skipped". */
void	text_counts(struct text *, const struct text_style *, const struct results *);

/* What is said when the run is over, or the stream ended before it. */
void	text_summary(struct text *, const struct text_style *, const struct results *);

/* ---- the bottom of a terminal ---- */

#define TEXT_BAR_ROWS	16

struct text_running {
	uint64_t	index;		/* of the test */
	uint64_t	start_ms;	/* since the epoch */
	uint64_t	timeout_ms;	/* 0: none */
};

/* Tests that run now, the longest first. */
struct text_running_list {
	struct text_running	*v;
	size_t			 n, cap;
};
void	text_running_add(struct text_running_list *, const struct text_running *);
void	text_running_remove(struct text_running_list *, uint64_t index);

struct text_bar {
	unsigned	widths[TEXT_BAR_ROWS];	/* columns of each row drawn */
	size_t		rows;			/* 0: nothing is drawn */
};

/* Takes the rows off the screen; `columns` of the terminal now. */
void	text_bar_erase(struct text *, struct text_bar *, unsigned columns);

/* Draws the rows anew over those drawn before. */
void	text_bar_draw(struct text *, struct text_bar *, const struct text_style *,
	    const struct results *, const struct text_running_list *, uint64_t wall,
	    unsigned columns, unsigned rows);

/* "12s" "2m05s" "1h02m": an age, which needs no fraction. */
void	text_age(struct text *, uint64_t ms);

/* ---- output as it comes ---- */

struct text_live;
struct text_live	*text_live_new(void);
void			 text_live_free(struct text_live *);
/* Adds the lines that are complete, each behind the name of its test. */
void	text_live_add(struct text *, const struct text_style *, struct text_live *,
	    const struct msg_live *);
/* What a test, or with NULL every test, left without a newline. */
void	text_live_end(struct text *, const struct text_style *, struct text_live *,
	    const struct sv *test);

#endif
