/* Controllers by their limits; see cgroup_part.h. */
#include "common/cgroup_part.h"

const struct cgroup_part_row	cgroup_parts[CGROUP_PARTS] = {
#define X(NAME, controller, limit)	{ controller, LIMIT_##limit },
	CGROUP_PART_LIST(X)
#undef X
};

enum cgroup_part
cgroup_part_of(enum limit which)
{
	int	i = 0;

	while (i < CGROUP_PARTS && cgroup_parts[i].limit != which)
		i++;
	return (enum cgroup_part)i;
}
