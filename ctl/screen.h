/* What a stream can show: is it a terminal, with colours, and how wide. */
#ifndef CTL_SCREEN_H
#define CTL_SCREEN_H

#include "ctl/report.h"

/* The options of the text reporter for this stream; NO_COLOR and TERM=dumb are
 * honoured. */
void	screen_options(FILE *, struct report_text_options *ret);

/* Columns of the terminal that this stream is; 0: it is none, or does not say. */
size_t	screen_columns(FILE *);

#endif
