/* SPDX-License-Identifier: MIT */
/*
 * Compressing block by block. Each block becomes a run of deflate blocks that refers to nothing
 * before it and ends at a byte boundary without being the last: such runs can be made on several
 * threads and joined into one stream.
 */
#ifndef WLT_PACKAGE_DEFLATER_H
#define WLT_PACKAGE_DEFLATER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WLT_DEFLATE_BLOCK (512u << 10)
/* What a block can become at most: stored, with the frame of each 64 KiB and of the flush. */
#define WLT_DEFLATE_BOUND (WLT_DEFLATE_BLOCK + WLT_DEFLATE_BLOCK / 64 + 4096)

/* The state of one thread. */
struct wlt_deflater {
	/* Compress `len` bytes (1 to WLT_DEFLATE_BLOCK) into `out` (WLT_DEFLATE_BOUND bytes); `*crc`
	 * is the CRC-32 of the input. False only on a fault of the library. */
	bool (*run)(struct wlt_deflater *deflater, const uint8_t *in, size_t len, uint8_t *out,
		    size_t *made, uint32_t *crc);
	void (*free)(struct wlt_deflater *deflater);
};

/* NULL when out of memory. */
struct wlt_deflater *wlt_deflater_zlib(void);
struct wlt_deflater *wlt_deflater_isal(void); /* NULL also when it is not built in */

/* What large packages are made with: ISA-L where it is built in, else zlib. */
struct wlt_deflater *wlt_deflater_fast(void);
void wlt_deflater_free(struct wlt_deflater *deflater); /* NULL is allowed */

#endif
