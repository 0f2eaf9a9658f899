/* The question whose findings are kept between two pages; see query_kept.h. */
#include <stdlib.h>
#include <string.h>

#include "store/query_kept.h"

bool
query_kept_take(struct query_kept *k, const struct query *q, char *text, size_t len)
{
	if (q->next == 0) {
		free(text);
		return false;
	}
	*k = (struct query_kept){ .db = q->db, .uid = q->uid,
	    .changes = sqlite3_total_changes64(q->db->sql), .text = text, .len = len };
	return true;
}

bool
query_kept_is(const struct query_kept *k, const struct query *q, const char *text, size_t len)
{
	return q->from != 0 && k->text != NULL && k->db == q->db && k->uid == q->uid &&
	    k->len == len && memcmp(k->text, text, len) == 0 &&
	    k->changes == sqlite3_total_changes64(q->db->sql);
}

void
query_kept_forget(struct query_kept *k)
{
	free(k->text);
	*k = (struct query_kept){ .text = NULL };
}
