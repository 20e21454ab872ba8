// SPDX-License-Identifier: GPL-2.0
/* Report the pages that a pin fd holds. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <linux/gupx.h>

#include "dev.h"
#include "extents.h"
#include "out.h"

/* Maximum number of extents per ioctl. */
#define BATCH 4096

/*
 * Number of possible folio orders. An order is a number of bits by which the page size
 * is shifted, so it is less than 64.
 */
#define ORDERS 64

/* Number of bits in GUPX_SEALS. */
#define SEALS 3

struct held_row {
	__u64 bytes;
	__u64 charged;
	const char *charged_text;
	__u64 extents;
	__u64 gupx_bytes;
	__u64 kernel_bytes;
	__u64 write_bytes;
	__u64 zero_bytes;
	__u64 short_bytes;
	const char *const *seals;
};

#define HELD(name, text, how, hide)                           \
	{                                                     \
		.key = #name, .label = (text), .form = (how), \
		.offset = offsetof(struct held_row, name),    \
		.hide_zero = (hide),                          \
	}

static const struct gupx_out_field held_fields[] = {
	HELD(bytes, "held", GUPX_OUT_SIZE, false),
	HELD(charged, NULL, GUPX_OUT_SIZE, false),
	/*
	 * Text output prints charged_text in place of the field "charged". If pages
	 * are held but not charged, charged_text says that CAP_IPC_LOCK is the reason.
	 */
	{ .label = "charged to you",
	  .form = GUPX_OUT_STRING,
	  .offset = offsetof(struct held_row, charged_text) },
	HELD(extents, "extents", GUPX_OUT_COUNT, false),
	HELD(gupx_bytes, "taken by gupx", GUPX_OUT_SIZE, true),
	HELD(kernel_bytes, "taken by the kernel", GUPX_OUT_SIZE, true),
	HELD(write_bytes, "for writing", GUPX_OUT_SIZE, true),
	HELD(zero_bytes, "zero page", GUPX_OUT_SIZE, true),
	HELD(short_bytes, "short-term", GUPX_OUT_SIZE, true),
	HELD(seals, "sealed", GUPX_OUT_LIST, true),
};

static const struct gupx_out_spec held_spec = GUPX_OUT_SPEC(held_fields);

struct folio_row {
	__u64 size;
	__u64 extents;
	__u64 bytes;
};

static const struct gupx_out_field folio_fields[] = {
	GUPX_OUT_FIELD(struct folio_row, size, "folio_size", "FOLIO",
		       GUPX_OUT_SIZE),
	GUPX_OUT_FIELD(struct folio_row, extents, "extents", "EXTENTS",
		       GUPX_OUT_COUNT),
	GUPX_OUT_FIELD(struct folio_row, bytes, "bytes", "HELD", GUPX_OUT_SIZE),
};

static const struct gupx_out_spec folio_spec = GUPX_OUT_SPEC(folio_fields);

struct extent_row {
	__u64 addr;
	__u64 len;
	__u64 offset;
	__u64 pfn;
	__u64 folio;
	const char *engine;
	bool write;
	bool zero;
	bool short_pin;
};

static const struct gupx_out_field extent_fields[] = {
	GUPX_OUT_FIELD(struct extent_row, addr, "addr", "ADDRESS",
		       GUPX_OUT_ADDR),
	GUPX_OUT_FIELD(struct extent_row, len, "len", "LENGTH", GUPX_OUT_SIZE),
	GUPX_OUT_FIELD(struct extent_row, offset, "offset", NULL,
		       GUPX_OUT_COUNT),
	GUPX_OUT_FIELD(struct extent_row, pfn, "pfn", "PFN", GUPX_OUT_FRAME),
	GUPX_OUT_FIELD(struct extent_row, folio, "folio_size", "FOLIO",
		       GUPX_OUT_SIZE),
	GUPX_OUT_FIELD(struct extent_row, engine, "engine", "ENGINE",
		       GUPX_OUT_STRING),
	GUPX_OUT_FIELD(struct extent_row, write, "write", "WRITE",
		       GUPX_OUT_BOOL),
	GUPX_OUT_FIELD(struct extent_row, zero, "zero", "ZERO", GUPX_OUT_BOOL),
	GUPX_OUT_FIELD(struct extent_row, short_pin, "short_pin", NULL,
		       GUPX_OUT_BOOL),
};

static const struct gupx_out_spec extent_spec = GUPX_OUT_SPEC(extent_fields);

struct extents {
	struct gupx_extent *extent;
	size_t count;
	__u64 bytes;
	__u64 charged;
	__u32 seals;
};

/*
 * Append the next batch of extents to @all. No other process shares the pin fd, so its
 * extents cannot change between two calls.
 */
static int load_batch(int pin_fd, struct extents *all, __u64 *total)
{
	struct gupx_extents arg = {
		.size = sizeof(arg),
		.first = all->count,
		.capacity = BATCH,
		.entry_size = sizeof(*all->extent),
	};
	struct gupx_extent *grown;
	int error;

	grown = reallocarray(all->extent, all->count + BATCH, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	all->extent = grown;
	arg.buf = (__u64)(uintptr_t)(all->extent + all->count);
	error = gupx_dev_call(pin_fd, GUPX_IOC_EXTENTS, &arg);
	if (error)
		return error;
	all->count += arg.count;
	all->bytes = arg.bytes;
	all->charged = arg.charged;
	all->seals = arg.seals;
	*total = arg.count ? arg.total : all->count;
	return 0;
}

static void list_seals(__u32 seals, const char *list[SEALS + 1])
{
	static const char *const names[SEALS] = { "pin", "write", "unpin" };
	size_t count = 0;
	size_t i;

	for (i = 0; i < SEALS; i++)
		if (seals & (1U << i))
			list[count++] = names[i];
	list[count] = NULL;
}

static void report_held(const struct extents *all)
{
	const struct gupx_out_size charged = gupx_out_size(all->charged);
	const bool exempt = all->bytes && !all->charged;
	const char *seals[SEALS + 1];
	struct held_row row = {
		.bytes = all->bytes,
		.charged = all->charged,
		.charged_text = exempt ? "0 B (not charged: CAP_IPC_LOCK)"
				       : charged.text,
		.extents = all->count,
		.seals = seals,
	};
	size_t i;

	for (i = 0; i < all->count; i++) {
		const struct gupx_extent *extent = &all->extent[i];

		if (extent->flags & GUPX_EXTENT_ENGINE_KERNEL)
			row.kernel_bytes += extent->len;
		else
			row.gupx_bytes += extent->len;
		if (extent->flags & GUPX_EXTENT_WRITE)
			row.write_bytes += extent->len;
		if (extent->flags & GUPX_EXTENT_ZERO)
			row.zero_bytes += extent->len;
		if (extent->flags & GUPX_EXTENT_SHORT)
			row.short_bytes += extent->len;
	}
	list_seals(all->seals, seals);
	gupx_out_record("held", &held_spec, &row);
}

static void report_folios(const struct extents *all, __u64 page_size)
{
	struct folio_row by_order[ORDERS] = { 0 };
	struct gupx_out_rows rows = {
		.row = by_order,
		.stride = sizeof(by_order[0]),
	};
	size_t i;

	for (i = 0; i < all->count; i++) {
		struct folio_row *row =
			&by_order[all->extent[i].order % ORDERS];

		row->size = page_size << (all->extent[i].order % ORDERS);
		row->extents++;
		row->bytes += all->extent[i].len;
	}
	for (i = 0; i < ORDERS; i++)
		if (by_order[i].extents)
			by_order[rows.count++] = by_order[i];
	gupx_out_note("%s", "");
	gupx_out_table("folios", &folio_spec, &rows);
}

static int report_list(const struct extents *all, __u64 page_size)
{
	struct gupx_out_rows rows = {
		.count = all->count,
		.stride = sizeof(struct extent_row),
	};
	struct extent_row *row = calloc(all->count + 1, sizeof(*row));
	size_t i;

	if (!row)
		return -ENOMEM;
	for (i = 0; i < all->count; i++) {
		const struct gupx_extent *extent = &all->extent[i];
		const bool kernel = extent->flags & GUPX_EXTENT_ENGINE_KERNEL;

		row[i] = (struct extent_row){
			.addr = extent->addr,
			.len = extent->len,
			.offset = extent->offset,
			.pfn = extent->pfn,
			.folio = page_size << (extent->order % ORDERS),
			.engine = kernel ? "kernel" : "gupx",
			.write = extent->flags & GUPX_EXTENT_WRITE,
			.zero = extent->flags & GUPX_EXTENT_ZERO,
			.short_pin = extent->flags & GUPX_EXTENT_SHORT,
		};
	}
	rows.row = row;
	gupx_out_note("%s", "");
	gupx_out_table("extents", &extent_spec, &rows);
	free(row);
	return 0;
}

int gupx_extents_report(int pin_fd, __u64 page_size, bool list, __u64 *bytes)
{
	struct extents all = { 0 };
	__u64 total;
	int error;

	do {
		error = load_batch(pin_fd, &all, &total);
	} while (!error && all.count < total);
	if (!error) {
		*bytes = all.bytes;
		report_held(&all);
		report_folios(&all, page_size);
		if (list)
			error = report_list(&all, page_size);
	}
	free(all.extent);
	return error;
}
