/* The retry strategies that have a name: the original's, with its numbers. */
#ifndef CTL_RETRY_PRESET_H
#define CTL_RETRY_PRESET_H

#include <stdint.h>

#include "ctl/plan.h"

/* aggressive, conservative, network; ends with NULL. */
extern const char *const retry_presets[];

/* Takes from the preset (an index of retry_presets) what *r does not state. */
void	retry_preset(struct plan_retry *r, uint64_t which);

/* Takes from what the original does without being told: 3 retries, 1 s, times 2. */
void	retry_preset_original(struct plan_retry *r);

#endif
