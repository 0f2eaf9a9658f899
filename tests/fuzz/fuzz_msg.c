/*
 * Fuzz target of the wire: the bytes as a stream in each direction, and as the body
 * of one message.  Whatever is accepted must come out the same when it is encoded
 * and decoded again.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "common/msg.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(int ok)
{
	if (!ok)
		abort();
}

/* Accepted once: encoding is smaller or equal, sound, and stays as it is. */
static void
there_and_back(enum msg_type type, const union msg_body *m, size_t came)
{
	struct msg_reader	*rd = msg_reader_new();
	union msg_body		 again;
	char			*one, *two;
	size_t			 n_one, n_two;

	require(rd != NULL);
	require(msg_encode(type, m, &one, &n_one) == 0);
	require(n_one <= came);
	require(msg_scan(one, n_one) == 0);
	require(msg_decode(rd, type, one, n_one, &again, NULL) == 0);
	require(msg_encode(type, &again, &two, &n_two) == 0);
	require(n_one == n_two && memcmp(one, two, n_one) == 0);
	free(one);
	free(two);
	msg_reader_free(rd);
}

static int
on_frame(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	(void)id;
	require(msg_desc(type) != NULL && msg_desc(type)->dir == *(enum msg_dir *)arg);
	there_and_back(type, m, MSG_MAX_LEN);
	return 0;
}

static void
as_a_stream(struct msg_reader *rd, enum msg_dir dir, const uint8_t *data, size_t size)
{
	struct evbuffer	*in = evbuffer_new();
	const char	*why = NULL;
	int		 r;

	require(in != NULL && evbuffer_add(in, data, size) == 0);
	r = msg_drain(in, dir, rd, on_frame, &dir, &why);
	require(r == 0 || (r == -EBADMSG && why != NULL));
	evbuffer_free(in);
}

static void
as_a_body(struct msg_reader *rd, enum msg_type type, const uint8_t *data, size_t size)
{
	union msg_body	 m;
	const char	*why = NULL;
	int		 r = msg_decode(rd, type, data, size, &m, &why);

	require(r == 0 || (r == -EBADMSG && why != NULL));
	require(r != 0 || msg_scan(data, size) == 0);
	if (r == 0)
		there_and_back(type, &m, size);
}

/* The first byte is the type of the body; each is a stream in all directions too. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct msg_reader	*rd = msg_reader_new();

	require(rd != NULL);
	if (size > 0 && msg_desc(data[0]) != NULL)
		as_a_body(rd, data[0], data + 1, size - 1);
	for (int dir = MSG_DIR_C2S; dir <= MSG_DIR_W2S; dir++)
		as_a_stream(rd, (enum msg_dir)dir, data, size);
	msg_reader_free(rd);
	return 0;
}
