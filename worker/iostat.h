/*
 * The io.stat of a control group: a line a device, "8:0 rbytes=4096 wbytes=0 rios=1 ...".
 */
#ifndef WORKER_IOSTAT_H
#define WORKER_IOSTAT_H

#include <stddef.h>
#include <stdint.h>

#define IOSTAT_TEXT	16384	/* bytes that are read of it: the lines of 100 devices */

/*
 * The sums over all devices, in bytes, of the n bytes of `text`.  A line without an end is
 * one that was cut, and counts for nothing; so does a number that is none.
 */
void	iostat_sum(const char *text, size_t n, uint64_t *ret_read, uint64_t *ret_written);

#endif
