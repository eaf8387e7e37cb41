/* SPDX-License-Identifier: MIT */
/* fuzz_tar's inputs: archives in shape, most of the time. */
#include "config.h"

#include "fuzz.h"
#include "mutate_tar.h"

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t max, unsigned seed)
{
	unsigned how = seed % 32;

	len = mutate_tar(bytes, len, max, seed / 32);
	if (how != 0)
		mutate_checksums(bytes, len);
	return len;
}
