/* Unit tests of supervisor/strmap.c and arena.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/arena.h"
#include "supervisor/strmap.h"

#define KEYS	100000

/* Keys live in an arena, as the names of a plan do. */
static void
a_hundred_thousand_keys_are_found(void **state)
{
	static const uint64_t	secrets[] = { 0, 1, UINT64_C(0x9e3779b97f4a7c15) };
	char			text[32];

	(void)state;
	for (size_t s = 0; s < sizeof secrets / sizeof secrets[0]; s++) {
		struct strmap	m = { .key = secrets[s] };
		struct arena	a = { NULL, 0, 0, 0 };

		for (uint32_t i = 0; i < KEYS; i++) {
			struct sv	key;

			key.n = (size_t)snprintf(text, sizeof text, "test/%u", i);
			key.p = arena_dup(&a, text, key.n);
			assert_non_null(key.p);
			assert_int_equal(strmap_get(&m, key), STRMAP_NONE);
			assert_int_equal(strmap_put(&m, key, i), 0);
		}
		assert_int_equal(m.n, KEYS);
		for (uint32_t i = 0; i < KEYS + 10; i++) {
			(void)snprintf(text, sizeof text, "test/%u", i);
			assert_int_equal(strmap_get(&m, sv_from(text)),
			    i < KEYS ? i : STRMAP_NONE);
		}
		strmap_free(&m);
		arena_free(&a);
	}
}

static void
keys_are_counted_bytes(void **state)
{
	struct strmap	m = { .key = 7 };

	(void)state;
	assert_int_equal(strmap_get(&m, SV_LIT("a")), STRMAP_NONE);
	assert_int_equal(strmap_put(&m, SV_LIT("a"), 1), 0);
	assert_int_equal(strmap_put(&m, SV_LIT("a\0b"), 2), 0);
	assert_int_equal(strmap_put(&m, SV_LIT(""), 3), 0);
	assert_int_equal(strmap_get(&m, SV_LIT("a")), 1);
	assert_int_equal(strmap_get(&m, SV_LIT("a\0b")), 2);
	assert_int_equal(strmap_get(&m, SV_LIT("a\0c")), STRMAP_NONE);
	assert_int_equal(strmap_get(&m, (struct sv){ NULL, 0 }), 3);
	strmap_free(&m);
	assert_int_equal(strmap_get(&m, SV_LIT("a")), STRMAP_NONE);
}

static void
an_arena_gives_zeroed_aligned_memory(void **state)
{
	struct arena	a = { NULL, 0, 0, 0 };
	static const size_t	sizes[] = { 1, 0, 15, 16, 17, 1000, 262144, 262145, 5000000, 3 };

	(void)state;
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
			unsigned char	*p = arena_alloc(&a, sizes[i]);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
			for (size_t k = 0; k < sizes[i]; k += 997)
				assert_int_equal(p[k], 0);
			memset(p, 0xff, sizes[i]);
		}
	}
	assert_true(a.total >= 20 * 5000000);
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX / 2 + 1));
	arena_free(&a);
	assert_null(a.blocks);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hundred_thousand_keys_are_found),
		cmocka_unit_test(keys_are_counted_bytes),
		cmocka_unit_test(an_arena_gives_zeroed_aligned_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
