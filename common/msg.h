/*
 * Messages: what msg.def expands to, and the codec over it.
 *
 * A frame is 12 bytes, big-endian: u32 body length, u16 type, u16 zero, u32 id;
 * then the body, one msgpack map {tag: value}.  An answer carries the id of its
 * question; id 0 is for what nobody asked for.
 */
#ifndef COMMON_MSG_H
#define COMMON_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/sv.h"

struct evbuffer;

#define MSG_VERSION	1
#define MSG_HEADER	12		/* bytes */
#define MSG_MAX_LEN	1050000		/* largest MAXLEN in msg.def */
#define MSG_MAX_DEPTH	3		/* nesting of a body */

enum msg_dir {
	MSG_DIR_C2S, MSG_DIR_S2C, MSG_DIR_S2W, MSG_DIR_W2S, MSG_DIR_S2D, MSG_DIR_D2S, MSG_DIR_JRN
};
enum msg_right { MSG_RIGHT_NONE, MSG_RIGHT_ANY, MSG_RIGHT_OWNER, MSG_RIGHT_ADMIN };

/* enum msg_type: MSG_HELLO, MSG_PING, ... with their wire codes */
enum msg_type {
#define MSG(dir, code, NAME, name, max, right)	MSG_##NAME = (code),
#include "common/msg.def"
	MSG_TYPE_MAX = 0x80
};

/* MSG_F_test_add_timeout_ms: the bit number of a field in `has` */
#define MSG(dir, code, NAME, name, max, right)	enum { MSG_F_##name##_none_ = -1,
#define END(NAME, name)				MSG_NFIELDS_##name };
#define U64(name, field, tag, need)		MSG_F_##name##_##field,
#define BOOL(name, field, tag, need)		MSG_F_##name##_##field,
#define STR(name, field, tag, need)		MSG_F_##name##_##field,
#define BIN(name, field, tag, need)		MSG_F_##name##_##field,
#define STRS(name, field, tag, need)		MSG_F_##name##_##field,
#define NUMS(name, field, tag, need)		MSG_F_##name##_##field,
#include "common/msg.def"

/* struct msg_hello { uint64_t has; uint64_t version; struct sv program; } ... */
#define MSG(dir, code, NAME, name, max, right)	struct msg_##name { uint64_t has;
#define END(NAME, name)				};
#define U64(name, field, tag, need)		uint64_t field;
#define BOOL(name, field, tag, need)		bool field;
#define STR(name, field, tag, need)		struct sv field;
#define BIN(name, field, tag, need)		struct sv field;
#define STRS(name, field, tag, need)		struct svs field;
#define NUMS(name, field, tag, need)		struct nums field;
#include "common/msg.def"

union msg_body {
#define MSG(dir, code, NAME, name, max, right)	struct msg_##name name;
#include "common/msg.def"
};

/* The bit of a field, to set in `has` or to look for in it. */
#define MSG_BIT(name, field)	(UINT64_C(1) << MSG_F_##name##_##field)
#define MSG_HAS(m, name, field)	(((m)->has & MSG_BIT(name, field)) != 0)

/* Codes of ERROR; the client turns them into its exit code. */
enum msg_error_code {
	MSG_ERR_INTERNAL = 1,	/* our fault */
	MSG_ERR_VERSION,	/* the peers speak different versions */
	MSG_ERR_BAD,		/* what was asked makes no sense */
	MSG_ERR_NOT_FOUND,	/* no such run, test, setting */
	MSG_ERR_DENIED,		/* not yours to ask */
	MSG_ERR_LIMIT,		/* a bound was reached */
	MSG_ERR_DRAINING,	/* no new runs are taken */
	MSG_ERR_LAGGED,		/* the client read too slowly */
};

struct msg_desc {
	const char	*name;		/* "test_add" */
	uint32_t	 max_len;	/* bytes of a body */
	enum msg_dir	 dir;
	enum msg_right	 right;
	size_t		 size;		/* of its struct */
};

/* The description of a type, or NULL for a code that msg.def does not have. */
const struct msg_desc	*msg_desc(uint32_t type);

/*
 * Appends one frame to `out`.  `body` is the struct of that type; prefer the
 * typed msg_put_NAME() below.  Returns 0, -EMSGSIZE when the body would pass
 * the type's MAXLEN (nothing is appended), -EINVAL for a string with a NUL in
 * it, or -ENOMEM.
 */
int	msg_put(struct evbuffer *out, enum msg_type, uint32_t id, const void *body);

#define MSG(dir, code, NAME, name, max, right)				\
	static inline int msg_put_##name(struct evbuffer *out, uint32_t id,	\
	    const struct msg_##name *body)				\
	{ return msg_put(out, MSG_##NAME, id, body); }
#include "common/msg.def"

/* Writes the header of a frame, MSG_HEADER bytes. */
void	msg_header(void *ret, enum msg_type, uint32_t id, size_t body_len);

/* Appends a frame whose body is encoded already.  0, -EMSGSIZE or -ENOMEM. */
int	msg_put_encoded(struct evbuffer *out, enum msg_type, uint32_t id, struct sv body);

/*
 * Encodes a body alone.  *ret_data is malloc'ed and the caller's to free.
 * Errors as msg_put().
 */
int	msg_encode(enum msg_type, const void *body, char **ret_data, size_t *ret_len);

/* Checks that `len` bytes are one msgpack map that msgpack-c can unpack within
 * memory in proportion to len.  0 or -EBADMSG. */
int	msg_scan(const void *data, size_t len);

/* Memory of one decoder: what its decoded strings and lists live in. */
struct msg_reader;
struct msg_reader	*msg_reader_new(void);		/* NULL: no memory */
void			 msg_reader_free(struct msg_reader *);

/*
 * Decodes a body of `type`; `ret` borrows from `data` and from the reader until
 * its next use.  0, -EBADMSG (with *ret_why a constant text, if not NULL), or
 * -ENOMEM.
 */
int	msg_decode(struct msg_reader *, enum msg_type, const void *data, size_t len,
	    union msg_body *ret, const char **ret_why);

/*
 * Takes every whole frame out of `in` and hands each to `fn`, in order; stops
 * early when fn returns non-zero and returns that.  Frames must go in direction
 * `dir`.  Returns 0 when what is left is less than a frame, or -EBADMSG for
 * bytes that are not a frame (with *ret_why), or -ENOMEM.
 */
typedef int	msg_fn(void *arg, enum msg_type, uint32_t id, const union msg_body *);
int	msg_drain(struct evbuffer *in, enum msg_dir, struct msg_reader *, msg_fn *fn,
	    void *arg, const char **ret_why);

#endif
