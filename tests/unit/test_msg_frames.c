/* Unit tests of common/msg.c: frames taken out of a stream of bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include <event2/buffer.h>

#include "common/msg.h"

#define RAW(s)	s, sizeof(s) - 1

static int
open_reader(void **state)
{
	*state = msg_reader_new();
	return *state == NULL;
}

static int
close_reader(void **state)
{
	msg_reader_free(*state);
	return 0;
}

struct seen {
	unsigned	n;
	uint32_t	ids[8];
	int		r;	/* what the handler returns */
};

static int
see(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct seen	*s = arg;

	(void)type;
	(void)m;
	s->ids[s->n++] = id;
	return s->r;
}

static void
three_frames_one_byte_at_a_time(void **state)
{
	struct evbuffer		*whole = evbuffer_new(), *in = evbuffer_new();
	struct msg_hello	 hello = { .version = 1, .program = SV_LIT("x") };
	struct msg_ping		 ping = { 0 };
	struct seen		 seen = { 0 };
	size_t			 ends[3], n;
	const unsigned char	*p;
	unsigned		 due = 0;

	assert_int_equal(msg_put_hello(whole, 10, &hello), 0);
	ends[0] = evbuffer_get_length(whole);
	assert_int_equal(msg_put_ping(whole, UINT32_MAX, &ping), 0);
	ends[1] = evbuffer_get_length(whole);
	assert_int_equal(msg_put_hello(whole, 12, &hello), 0);
	ends[2] = n = evbuffer_get_length(whole);
	p = evbuffer_pullup(whole, -1);
	for (size_t i = 0; i < n; i++) {
		evbuffer_add(in, p + i, 1);
		assert_int_equal(msg_drain(in, MSG_DIR_C2S, *state, see, &seen, NULL), 0);
		due += due < 3 && i + 1 == ends[due];
		assert_int_equal(seen.n, due);
	}
	assert_int_equal(seen.ids[0], 10);
	assert_int_equal(seen.ids[1], UINT32_MAX);
	assert_int_equal(seen.ids[2], 12);
	assert_int_equal(evbuffer_get_length(in), 0);
	/* All at once is the same. */
	evbuffer_add_buffer(in, whole);
	assert_int_equal(msg_drain(in, MSG_DIR_C2S, *state, see, &seen, NULL), 0);
	assert_int_equal(seen.n, 6);
	evbuffer_free(whole);
	evbuffer_free(in);
}

static void
a_handler_stops_the_draining(void **state)
{
	struct evbuffer	*in = evbuffer_new();
	struct msg_ping	 ping = { 0 };
	struct seen	 seen = { .r = -EPERM };
	const char	*why = NULL;

	assert_int_equal(msg_put_ping(in, 1, &ping), 0);
	assert_int_equal(msg_put_ping(in, 2, &ping), 0);
	assert_int_equal(msg_drain(in, MSG_DIR_C2S, *state, see, &seen, &why), -EPERM);
	assert_int_equal(seen.n, 1);
	assert_null(why);
	seen.r = 0;
	assert_int_equal(msg_drain(in, MSG_DIR_C2S, *state, see, &seen, &why), 0);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.ids[1], 2);
	evbuffer_free(in);
}

static void
bytes_that_are_no_frame_are_refused(void **state)
{
	static const struct {
		const char	*name, *data;
		size_t		 len;
		int		 r;
		const char	*why;
	} cases[] = {
		{ "a header that is not whole", RAW("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
		    0, NULL },
		{ "a body that is not whole", RAW("\0\0\0\2\0\1\0\0\0\0\0\1\x81"), 0, NULL },
		{ "an unknown type", RAW("\0\0\0\1\0\x7f\0\0\0\0\0\1"), -EBADMSG,
		    "an unknown type" },
		{ "type 0", RAW("\0\0\0\1\0\0\0\0\0\0\0\1"), -EBADMSG, "an unknown type" },
		{ "the wrong direction", RAW("\0\0\0\1\0\x22\0\0\0\0\0\1"), -EBADMSG,
		    "a message in the wrong direction" },
		{ "a worker's message", RAW("\0\0\0\1\0\x52\0\0\0\0\0\1"), -EBADMSG,
		    "a message in the wrong direction" },
		{ "too long for its type, body awaited", RAW("\0\0\0\x41\0\2\0\0\0\0\0\1"),
		    -EBADMSG, "a body is too long for its type" },
		{ "4 GiB", RAW("\xff\xff\xff\xff\0\x11\0\0\0\0\0\1"), -EBADMSG,
		    "a body is too long for its type" },
		{ "reserved bytes", RAW("\0\0\0\1\0\2\0\1\0\0\0\1\x80"), -EBADMSG,
		    "a header that is not one" },
		{ "an empty body", RAW("\0\0\0\0\0\2\0\0\0\0\0\1"), -EBADMSG,
		    "a body is not one sound msgpack map" },
		{ "a bad body", RAW("\0\0\0\1\0\2\0\0\0\0\0\1\xc1"), -EBADMSG,
		    "a body is not one sound msgpack map" },
		{ "text", RAW("GET / HTTP/1.1\r\n\r\n"), -EBADMSG, "an unknown type" },
	};
	struct evbuffer	*in = evbuffer_new();
	struct seen	 seen = { 0 };
	const char	*why;
	int		 r;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		why = NULL;
		evbuffer_drain(in, evbuffer_get_length(in));
		evbuffer_add(in, cases[i].data, cases[i].len);
		r = msg_drain(in, MSG_DIR_C2S, *state, see, &seen, &why);
		if (r != cases[i].r)
			fail_msg("%s: %d", cases[i].name, r);
		if (cases[i].why != NULL)
			assert_string_equal(why, cases[i].why);
		else	/* waits, with all that came */
			assert_int_equal(evbuffer_get_length(in), cases[i].len);
		assert_int_equal(seen.n, 0);
	}
	evbuffer_free(in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_frames_one_byte_at_a_time),
		cmocka_unit_test(a_handler_stops_the_draining),
		cmocka_unit_test(bytes_that_are_no_frame_are_refused),
	};

	return cmocka_run_group_tests(tests, open_reader, close_reader);
}
