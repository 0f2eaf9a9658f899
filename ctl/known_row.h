/* What flaky --known says of one test: for a program, and for a person. */
#ifndef CTL_KNOWN_ROW_H
#define CTL_KNOWN_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/history.h"
#include "common/msg.h"
#include "ctl/text_view.h"

/* "flaky", "was flaky", "suspect"; "?" for one that is out of range. */
const char	*known_state_name(uint64_t);

/* Is it known when it began? */
bool	known_row_began(const struct msg_flaky_row *);

/* An element of a list. */
void	known_row_json(struct text *, const struct msg_flaky_row *);

/* The line above the table, and a test in it; `columns` of the terminal, 0: nothing is
 * cut. */
void	known_row_head(struct text *);
void	known_row_text(struct text *, const struct text_style *, const struct msg_flaky_row *,
	    uint64_t now_ms, unsigned columns);

#endif
