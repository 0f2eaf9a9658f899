/*
 * Subscriptions to runs: each is followed on a connection of its own, and said to have
 * changed at most once a second, and once more when it is over.
 */
#ifndef MCPSRV_FEED_H
#define MCPSRV_FEED_H

#include <stdbool.h>

#define FEEDS_MAX	64	/* runs at a time */

struct srv;

/* As mcp_offer.subscribe(); arg: the struct srv. */
bool	feed_subscribe(void *srv, const char *uri, bool on);
void	feed_free(struct srv *);	/* all of them */

#endif
