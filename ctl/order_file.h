/*
 * Files that name tests in the order in which they are to run: one a line, blanks at
 * its ends do not count; empty lines and those that begin with # are left out.  A line
 * that begins with " is a JSON string, for a name that could not be written otherwise.
 */
#ifndef CTL_ORDER_FILE_H
#define CTL_ORDER_FILE_H

#include <stddef.h>

#include "ctl/plan.h"
#include "ctl/text.h"

/*
 * Leaves the tests of the plan that the file names, in its order.  0, or -EINVAL with
 * one line in `why`: it cannot be read, or FILE:LINE and a name that is no test of the
 * plan or stands twice.  The plan is then as it was.
 */
int	order_file_apply(struct plan *, const char *file, char *why, size_t size);

/* Adds the line that stands for a name, with its newline. */
void	order_file_put(struct text *, const char *name);

#endif
