/* Words as a shell takes them, for commands that are shown to be typed. */
#ifndef CTL_SHELL_H
#define CTL_SHELL_H

#include "ctl/text.h"

/*
 * Adds one word: as it is when a shell leaves it alone, else in single quotes.  With a
 * character that must not reach a terminal it is in $'...', which bash, ksh, zsh and
 * POSIX 2024 have, with that character as \ooo.
 */
void	shell_word(struct text *, const char *word);

#endif
