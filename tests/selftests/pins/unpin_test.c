// SPDX-License-Identifier: GPL-2.0
/*
 * UNPIN releases some pages of a pin fd; the other pages keep their offsets. SEAL and
 * READ_ONLY restrict a pin fd before its owner passes it to another process.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lab.h"
#include "memory.h"
#include "target.h"

#define NOBODY 65534
#define LIMIT (256ULL << 20)
#define MAX_PAGES 4096
#define HUGE (2ULL << 20)

/* Expected state of one page of the pin fd. */
struct page {
	bool held;
	uint64_t addr;
	uint64_t number;
};

/**
 * struct model - expected state of a pin fd
 * @target: process whose pages are pinned
 * @fd: pin fd, or -1
 * @page: pages of the pin fd, in the order of pinning
 * @nr: number of pages
 * @before: number of pins in the whole system before the test
 * @used: number of bytes charged to the user before the test
 * @extents: number of extents that the user had before the test
 */
struct model {
	struct target target;
	int fd;
	struct page *page;
	size_t nr;
	long before;
	uint64_t used;
	uint64_t extents;
};

static struct gupx_info info_now(void)
{
	struct gupx_info info = { 0 };

	lab_info(&info);
	return info;
}

/*
 * Drop CAP_IPC_LOCK, so that pins are charged. Keep the other privileges of root,
 * which are needed to read the pin counters.
 */
static void model_start(struct __test_metadata *_metadata, struct model *model)
{
	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, lab_set_memlock(LIMIT));
	ASSERT_EQ(0, target_start(&model->target));
	model->page = calloc(MAX_PAGES, sizeof(*model->page));
	ASSERT_NE(NULL, model->page);
	model->fd = -1;
	model->before = lab_pins_held();
	ASSERT_EQ(0, lab_drop_capability(CAP_IPC_LOCK));
	model->used = info_now().memlock_used;
	model->extents = info_now().extents_used;
}

static void model_stop(struct __test_metadata *_metadata, struct model *model)
{
	if (model->fd >= 0)
		close(model->fd);
	target_stop(&model->target);
	EXPECT_EQ(model->used, info_now().memlock_used);
	EXPECT_EQ(model->extents, info_now().extents_used);
	EXPECT_EQ(model->before, lab_pins_held());
	free(model->page);
}

/*
 * Write consecutive numbers, one to the start of each page. This function runs in the
 * target, so the target must be able to write to the pages.
 */
static long number_pages(const long arguments[6])
{
	for (long i = 0; i < arguments[1]; i++)
		*(uint64_t *)(arguments[0] + i * lab_page()) = arguments[2] + i;
	return 0;
}

#define UNNUMBERED (~0ULL)

static bool model_pin(struct model *model, uint64_t addr, size_t nr,
		      uint32_t flags, uint64_t number)
{
	const struct lab_answer answer = lab_pin_more(
		model->fd, model->target.mem_fd, addr, nr * lab_page(), flags);

	if (answer.done != nr * lab_page() || model->nr + nr > MAX_PAGES)
		return false;
	if (model->fd < 0)
		model->fd = answer.pin_fd;
	for (size_t i = 0; i < nr; i++)
		model->page[model->nr++] = (struct page){
			.held = true,
			.addr = addr + i * lab_page(),
			.number = number == UNNUMBERED ? number : number + i,
		};
	return true;
}

static size_t model_held(const struct model *model)
{
	size_t held = 0;

	for (size_t i = 0; i < model->nr; i++)
		held += model->page[i].held;
	return held;
}

/*
 * Release a range. Check that UNPIN counts only the pages of the range that were held
 * before this call.
 */
static void model_unpin(struct __test_metadata *_metadata, struct model *model,
			size_t first, size_t nr)
{
	uint64_t released = ~0ULL, held = 0;

	for (size_t i = first; i < first + nr && i < model->nr; i++) {
		held += model->page[i].held;
		model->page[i].held = false;
	}
	ASSERT_EQ(0, lab_unpin(model->fd, first * lab_page(), nr * lab_page(),
			       &released));
	ASSERT_EQ(held * lab_page(), released)
	TH_LOG("pages %zu to %zu of %zu", first, first + nr, model->nr);
}

/*
 * Check that the extents contain each held page exactly once, at the offset that the
 * page had before UNPIN.
 */
static void check_extents(struct __test_metadata *_metadata,
			  const struct model *model)
{
	struct gupx_extent *const runs = calloc(MAX_PAGES, sizeof(*runs));
	const size_t held = model_held(model);
	struct gupx_extents head;
	uint64_t end = 0;
	size_t told = 0;

	ASSERT_NE(NULL, runs);
	ASSERT_EQ(0, lab_extents(model->fd, &head, runs, MAX_PAGES));
	EXPECT_EQ(held * lab_page(), head.bytes);
	EXPECT_EQ(model->nr * lab_page(), head.length);
	EXPECT_EQ(head.total, head.count);
	for (uint32_t i = 0; i < head.count; i++) {
		ASSERT_LE(end, runs[i].offset);
		ASSERT_LT(0ULL, runs[i].len);
		end = runs[i].offset + runs[i].len;
		ASSERT_GE(head.length, end);
		for (uint64_t at = 0; at < runs[i].len; at += lab_page()) {
			const struct page *page =
				&model->page[(runs[i].offset + at) /
					     lab_page()];

			ASSERT_TRUE(page->held);
			ASSERT_EQ(page->addr, runs[i].addr + at);
			told++;
		}
	}
	EXPECT_EQ(held, told);
	EXPECT_EQ(info_now().memlock_used - model->used, head.charged);
	EXPECT_EQ(info_now().extents_used - model->extents, head.total);
	if (!held) {
		EXPECT_EQ(0ULL, head.charged);
		EXPECT_EQ(model->before, lab_pins_held());
	}
	free(runs);
}

/*
 * Read a page with pread(). Check that a held page contains its page number, and that
 * pread() fails with ENODATA at a released page.
 */
static void check_page(struct __test_metadata *_metadata,
		       const struct model *model, size_t index)
{
	const struct page *page = &model->page[index];
	uint64_t number = 0;
	const ssize_t got =
		pread(model->fd, &number, sizeof(number), index * lab_page());

	if (!page->held) {
		ASSERT_EQ(-1, got) TH_LOG("page %zu", index);
		ASSERT_EQ(ENODATA, errno);
		return;
	}
	ASSERT_EQ((ssize_t)sizeof(number), got) TH_LOG("page %zu", index);
	if (page->number != UNNUMBERED)
		ASSERT_EQ(page->number, number);
}

static void check_all(struct __test_metadata *_metadata,
		      const struct model *model)
{
	check_extents(_metadata, model);
	for (size_t i = 0; i < model->nr; i++)
		check_page(_metadata, model, i);
}

FIXTURE(unpin)
{
	struct model model;
	const char *missing;
	size_t nr;
	bool shorts;
};

/*
 * @build: maps the memory and pins all of it; returns NULL on success, else the reason as text
 * @window: true if the pin fd can be mapped as a window
 */
FIXTURE_VARIANT(unpin)
{
	const char *(*build)(struct model * model);
	bool window;
};

static const char *pin_kind(struct model *model, enum memory_kind kind,
			    uint32_t flags)
{
	struct memory memory;
	const char *missing = memory_build(&model->target, kind, &memory);
	const size_t nr = memory.len / lab_page();

	if (missing)
		return missing;
	TARGET_RUN(&model->target, number_pages, memory.addr, nr, 1000);
	return model_pin(model, memory.addr, nr, flags, 1000) ? NULL
							      : "no pins";
}

static const char *build_small(struct model *model)
{
	return pin_kind(model, MEMORY_ANON, GUPX_F_WRITE);
}

static const char *build_shmem(struct model *model)
{
	return pin_kind(model, MEMORY_SHMEM, 0);
}

static const char *build_huge(struct model *model)
{
	return pin_kind(model, MEMORY_THP, GUPX_F_WRITE);
}

/* Pin the middle of one huge page, then a range that spans two adjacent huge pages. */
static const char *build_part(struct model *model)
{
	struct memory memory;
	const char *missing = memory_build(&model->target, MEMORY_THP, &memory);

	if (missing)
		return missing;
	TARGET_RUN(&model->target, number_pages, memory.addr, 1024, 0);
	if (!model_pin(model, memory.addr + 100 * lab_page(), 30, GUPX_F_WRITE,
		       100) ||
	    !model_pin(model, memory.addr + 500 * lab_page(), 30, 0, 500))
		return "no pins";
	return NULL;
}

static const char *build_by_kernel(struct model *model)
{
	return pin_kind(model, MEMORY_ANON,
			GUPX_F_WRITE | GUPX_F_ENGINE_KERNEL);
}

static const char *build_huge_by_kernel(struct model *model)
{
	return pin_kind(model, MEMORY_THP, GUPX_F_ENGINE_KERNEL);
}

static const char *build_short(struct model *model)
{
	return pin_kind(model, MEMORY_ANON, GUPX_F_WRITE | GUPX_F_SHORT);
}

static const char *build_zero(struct model *model)
{
	const long addr =
		TARGET_CALL(&model->target, SYS_mmap, 0, 32 * lab_page(),
			    PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct gupx_extents head;
	struct gupx_extent run;

	if (addr < 0)
		return "no room for a mapping";
	TARGET_CALL(&model->target, SYS_madvise, addr, 32 * lab_page(),
		    MADV_NOHUGEPAGE);
	target_peek(&model->target, addr, 32 * lab_page());
	if (!model_pin(model, addr, 32, GUPX_F_SHORT, UNNUMBERED) ||
	    lab_extents(model->fd, &head, &run, 1))
		return "no pins";
	return run.flags & GUPX_EXTENT_ZERO ? NULL : "no zero page to be had";
}

#define UNPIN(name, can_map)                                \
	FIXTURE_VARIANT_ADD(unpin, of_##name)               \
	{                                                   \
		.build = build_##name, .window = (can_map), \
	}

UNPIN(small, true);
UNPIN(shmem, true);
UNPIN(huge, true);
UNPIN(part, true);
UNPIN(by_kernel, true);
UNPIN(huge_by_kernel, true);
UNPIN(short, false);
UNPIN(zero, false);

FIXTURE_SETUP(unpin)
{
	self->shorts = lab_param("allow_short_pins");
	lab_set_param("allow_short_pins", true);
	model_start(_metadata, &self->model);
	self->missing = variant->build(&self->model);
	self->nr = self->model.nr;
}

FIXTURE_TEARDOWN(unpin)
{
	lab_set_param("allow_short_pins", self->shorts);
	model_stop(_metadata, &self->model);
}

TEST_F(unpin, releases_what_was_asked_and_moves_nothing)
{
	struct model *const model = &self->model;
	const uint64_t page = lab_page();
	char bytes[4 * 4096];

	SKIP_IF_MISSING();
	check_all(_metadata, model);
	model_unpin(_metadata, model, 3, 2);
	check_all(_metadata, model);
	/* pread() stops before a released page. */
	EXPECT_EQ((ssize_t)(2 * page),
		  pread(model->fd, bytes, sizeof(bytes), page));
	EXPECT_EQ((ssize_t)page - 100,
		  pread(model->fd, bytes, sizeof(bytes), 2 * page + 100));
	EXPECT_EQ(-1, pread(model->fd, bytes, sizeof(bytes), 4 * page + 5));
	EXPECT_EQ(ENODATA, errno);
	/* If a page is released already, a second UNPIN does not count it. */
	model_unpin(_metadata, model, 3, 2);
	model_unpin(_metadata, model, 2, 4);
	check_all(_metadata, model);
	/*
	 * Release the first page and the last page. Then release a range that continues
	 * after the last page, and a range that starts after the last page.
	 */
	model_unpin(_metadata, model, 0, 1);
	model_unpin(_metadata, model, self->nr - 1, 1);
	model_unpin(_metadata, model, self->nr - 2, 100);
	model_unpin(_metadata, model, self->nr, 100);
	check_all(_metadata, model);
}

TEST_F(unpin, of_all_in_turn_leaves_an_empty_pin_fd)
{
	struct model *const model = &self->model;
	const struct page first = model->page[0];

	SKIP_IF_MISSING();
	for (size_t at = 0; at < self->nr; at += 7) {
		model_unpin(_metadata, model, at, 5);
		check_extents(_metadata, model);
	}
	for (size_t at = 0; at < self->nr; at += 9)
		model_unpin(_metadata, model, at, 9);
	EXPECT_EQ(0UL, model_held(model));
	check_all(_metadata, model);
	/* The next PIN adds its pages at the end of the pin fd. */
	ASSERT_TRUE(
		model_pin(model, first.addr, 1, GUPX_F_SHORT, first.number));
	EXPECT_EQ(self->nr + 1, model->nr);
	check_all(_metadata, model);
	model_unpin(_metadata, model, 0, model->nr);
	check_extents(_metadata, model);
}

TEST_F(unpin, at_once_of_all_releases_it)
{
	struct model *const model = &self->model;

	SKIP_IF_MISSING();
	model_unpin(_metadata, model, 0, self->nr);
	check_all(_metadata, model);
}

TEST_F(unpin, ends_in_time_with_the_pin_fd)
{
	struct model *const model = &self->model;

	SKIP_IF_MISSING();
	for (size_t at = 1; at < self->nr; at += 3)
		model_unpin(_metadata, model, at, 1);
	close(model->fd);
	model->fd = -1;
	EXPECT_EQ(model->used, info_now().memlock_used);
	EXPECT_EQ(model->before, lab_pins_held());
}

/*
 * Check that each held page stays charged after UNPIN of other pages, and that
 * nothing is charged in the end.
 */
TEST_F(unpin, takes_the_charge_along)
{
	struct model *const model = &self->model;
	const size_t whole = info_now().memlock_used - model->used;
	struct gupx_extents head;
	uint64_t before;

	SKIP_IF_MISSING();
	EXPECT_LT(0ULL, whole);
	for (size_t at = 0; at < self->nr; at += 2) {
		ASSERT_EQ(0, lab_extents(model->fd, &head, NULL, 0));
		before = head.charged;
		model_unpin(_metadata, model, at, 1);
		ASSERT_EQ(0, lab_extents(model->fd, &head, NULL, 0));
		/* If a run of the zero page is split, the charge grows by one page. */
		EXPECT_GE(before + lab_page(), head.charged);
		if (model->page[0].number != UNNUMBERED)
			EXPECT_LE(head.bytes, head.charged);
	}
	model_unpin(_metadata, model, 0, self->nr);
	EXPECT_EQ(model->used, info_now().memlock_used);
}

static uint64_t get_charge(int pin_fd)
{
	struct gupx_extents head = { 0 };

	lab_extents(pin_fd, &head, NULL, 0);
	return head.charged;
}

/*
 * The kernel cannot free a folio as long as one of its pages is pinned. Check that
 * UNPIN of all pages but one leaves the charge for the whole folio.
 */
static void check_folio_charge(struct __test_metadata *_metadata,
			       const struct target *target, uint64_t addr,
			       uint64_t len)
{
	const uint64_t page = lab_page();
	const struct lab_answer answer =
		lab_pin(target->mem_fd, addr, len, GUPX_F_WRITE);

	ASSERT_EQ(len, answer.done);
	EXPECT_EQ(HUGE, get_charge(answer.pin_fd));
	EXPECT_EQ(0, lab_unpin(answer.pin_fd, 0, page, NULL));
	EXPECT_EQ(HUGE, get_charge(answer.pin_fd));
	EXPECT_EQ(0, lab_unpin(answer.pin_fd, page, len - 2 * page, NULL));
	EXPECT_EQ(HUGE, get_charge(answer.pin_fd));
	EXPECT_EQ(0, lab_unpin(answer.pin_fd, len - page, page, NULL));
	EXPECT_EQ(0ULL, get_charge(answer.pin_fd));
	close(answer.pin_fd);
}

TEST(a_part_that_stays_is_charged_for_the_whole_folio)
{
	const uint64_t used = info_now().memlock_used;
	struct gupx_extents head;
	struct gupx_extent extent;
	struct lab_answer answer;
	struct memory memory;
	struct target target;
	const char *missing;

	ASSERT_EQ(0, target_start(&target));
	missing = memory_build(&target, MEMORY_THP, &memory);
	if (!missing && target_poke(&target, memory.addr, HUGE, 'f'))
		missing = "the huge page cannot be written";
	if (missing) {
		target_stop(&target);
		SKIP(return, "%s", missing);
	}
	answer = lab_pin(target.mem_fd, memory.addr, HUGE, GUPX_F_WRITE);
	ASSERT_EQ(0, lab_extents(answer.pin_fd, &head, &extent, 1));
	close(answer.pin_fd);
	if (extent.order == 9) {
		ASSERT_EQ(0, lab_set_memlock(LIMIT));
		ASSERT_EQ(0, lab_drop_capability(CAP_IPC_LOCK));
		check_folio_charge(_metadata, &target, memory.addr, HUGE);
		check_folio_charge(_metadata, &target, memory.addr,
				   HUGE - lab_page());
		EXPECT_EQ(used, info_now().memlock_used);
	}
	target_stop(&target);
	if (extent.order != 9)
		SKIP(return, "the memory has no huge page");
}

static char *map_window(int fd, size_t len, int prot)
{
	return mmap(NULL, len, prot, MAP_SHARED, fd, 0);
}

static void check_window(struct __test_metadata *_metadata,
			 const struct model *model, const char *window)
{
	for (size_t i = 0; i < model->nr; i++) {
		ASSERT_EQ(model->page[i].held,
			  lab_can_read(window + i * lab_page()))
		TH_LOG("page %zu", i);
	}
}

TEST_F(unpin, closes_the_windows_of_those_pages)
{
	struct model *const model = &self->model;
	const size_t len = self->nr * lab_page();
	char *touched, *untouched, *part;

	SKIP_IF_MISSING();
	if (!variant->window)
		SKIP(return, "such pins have no window");
	touched = map_window(model->fd, len, PROT_READ);
	untouched = map_window(model->fd, len, PROT_READ);
	part = mmap(NULL, 3 * lab_page(), PROT_READ, MAP_SHARED, model->fd,
		    4 * lab_page());
	ASSERT_NE(MAP_FAILED, touched);
	ASSERT_NE(MAP_FAILED, untouched);
	ASSERT_NE(MAP_FAILED, part);
	check_window(_metadata, model, touched);
	EXPECT_TRUE(lab_can_read(part));
	EXPECT_TRUE(lab_can_read(part + lab_page()));
	model_unpin(_metadata, model, 3, 2);
	check_window(_metadata, model, touched);
	check_window(_metadata, model, untouched);
	EXPECT_FALSE(lab_can_read(part));
	EXPECT_TRUE(lab_can_read(part + lab_page()));
	model_unpin(_metadata, model, 0, self->nr);
	check_window(_metadata, model, touched);
	check_window(_metadata, model, untouched);
	munmap(touched, len);
	munmap(untouched, len);
	munmap(part, 3 * lab_page());
}

/* Check that UNPIN also zaps the window of a child that inherited the pin fd. */
TEST_F(unpin, closes_the_windows_of_other_processes)
{
	struct model *const model = &self->model;
	const size_t len = self->nr * lab_page();
	int status;
	pid_t pid;

	SKIP_IF_MISSING();
	if (!variant->window)
		SKIP(return, "such pins have no window");
	pid = fork();
	if (!pid) {
		const char *window = map_window(model->fd, len, PROT_READ);
		int wrong;

		if (window == MAP_FAILED || !lab_can_read(window) ||
		    !lab_can_read(window + lab_page()))
			_exit(1);
		kill(getpid(), SIGSTOP);
		wrong = lab_can_read(window) ||
			!lab_can_read(window + lab_page());
		_exit(wrong ? 2 : 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	model_unpin(_metadata, model, 0, 1);
	kill(pid, SIGCONT);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

/* Returns a pseudo-random number below @end. The sequence is the same in each run. */
static uint32_t draw_below(uint64_t *state, uint32_t end)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*state >> 33) % end;
}

FIXTURE(many)
{
	struct model model;
	uint64_t small, huge;
	const char *missing;
};

#define SMALL_PAGES 2048U

/*
 * Map small pages and huge pages. The pins of these pages form runs of all lengths,
 * which fill several blocks of the extent list.
 */
FIXTURE_SETUP(many)
{
	struct model *const model = &self->model;
	struct memory memory;

	model_start(_metadata, model);
	self->small =
		memory_map_small(&model->target, SMALL_PAGES * lab_page());
	ASSERT_NE(0ULL, self->small);
	ASSERT_EQ(0, target_scatter(&model->target, self->small,
				    SMALL_PAGES * lab_page(), 1));
	TARGET_RUN(&model->target, number_pages, self->small, SMALL_PAGES, 0);
	self->missing = memory_build(&model->target, MEMORY_THP, &memory);
	if (self->missing)
		return;
	self->huge = memory.addr;
	TARGET_RUN(&model->target, number_pages, self->huge, 1024, 5000);
}

FIXTURE_TEARDOWN(many)
{
	model_stop(_metadata, &self->model);
}

static bool pin_at_random(struct model *model, uint64_t addr, uint64_t number,
			  size_t pages, uint64_t *state)
{
	static const uint32_t flags[] = { 0, GUPX_F_WRITE, 0, GUPX_F_WRITE,
					  GUPX_F_ENGINE_KERNEL };
	const size_t first = draw_below(state, pages);
	size_t nr = 1 + draw_below(state, pages - first);

	if (draw_below(state, 3))
		nr = 1 + nr % 40;
	if (nr > pages - first)
		nr = pages - first;
	if (model->nr + nr > MAX_PAGES)
		return true;
	return model_pin(model, addr + first * lab_page(), nr,
			 flags[draw_below(state, ARRAY_SIZE(flags))],
			 number + first);
}

static void unpin_at_random(struct __test_metadata *_metadata,
			    struct model *model, uint64_t *state)
{
	const size_t first = draw_below(state, model->nr + 10);
	size_t nr = draw_below(state, model->nr);

	if (draw_below(state, 4))
		nr %= 30;
	model_unpin(_metadata, model, first, nr);
}

static void play(struct __test_metadata *_metadata, FIXTURE_DATA(many) * self,
		 uint64_t seed)
{
	struct model *const model = &self->model;
	uint64_t state = seed;

	for (int step = 0; step < 400; step++) {
		if (draw_below(&state, 5) == 0 || !model->nr)
			ASSERT_TRUE(pin_at_random(model, self->huge, 5000, 1024,
						  &state));
		if (draw_below(&state, 4) == 0)
			ASSERT_TRUE(pin_at_random(model, self->small, 0,
						  SMALL_PAGES, &state));
		unpin_at_random(_metadata, model, &state);
		if (step % 8)
			continue;
		check_extents(_metadata, model);
		for (int i = 0; i < 20; i++)
			check_page(_metadata, model,
				   draw_below(&state, model->nr));
	}
	check_all(_metadata, model);
	model_unpin(_metadata, model, 0, model->nr);
	check_all(_metadata, model);
	close(model->fd);
	model->fd = -1;
	model->nr = 0;
	EXPECT_EQ(model->used, info_now().memlock_used);
}

TEST_F_TIMEOUT(many, parts_in_any_order, 100)
{
	SKIP_IF_MISSING();
	for (uint64_t seed = 1; seed < 6; seed++)
		play(_metadata, self, seed);
}

/* Check that all pages can be released one by one, from the end and from the start. */
TEST_F_TIMEOUT(many, pages_one_by_one, 100)
{
	struct model *const model = &self->model;

	ASSERT_TRUE(
		model_pin(model, self->small, SMALL_PAGES, GUPX_F_WRITE, 0));
	for (size_t i = 0; i < SMALL_PAGES / 2; i++)
		model_unpin(_metadata, model, SMALL_PAGES - 1 - i, 1);
	check_all(_metadata, model);
	for (size_t i = 0; i < SMALL_PAGES / 2; i++)
		model_unpin(_metadata, model, i, 1);
	check_all(_metadata, model);
}

/*
 * Check that released pages return to the kernel, even while threads access the
 * windows.
 */
#define RACED_PAGES 64
#define TOUCHERS 3

/**
 * struct race - pages that are released while threads access them
 * @fd: pin fd
 * @window: window of the whole pin fd
 * @over: true if the threads must stop
 * @wrong: number of accesses that saw the content of another page
 * @seen: number of accesses that saw the right content
 */
struct race {
	int fd;
	const char *window;
	volatile bool over;
	unsigned int wrong;
	unsigned int seen;
};

#define RACE_MARK 0x67757078ULL

static __thread sigjmp_buf way_out;

static void leave_by_signal(int signal)
{
	(void)signal;
	siglongjmp(way_out, 1);
}

static void *touch_window(void *argument)
{
	struct race *const race = argument;
	volatile size_t i = 0;

	/* A released page raises SIGBUS. Continue with the next page. */
	if (sigsetjmp(way_out, 1))
		i++;
	for (; !race->over; i++) {
		const uint64_t number =
			*(const volatile uint64_t *)(race->window +
						     i % RACED_PAGES *
							     lab_page());

		__atomic_add_fetch(number >> 32 == RACE_MARK &&
						   (uint32_t)number ==
							   i % RACED_PAGES
					   ? &race->seen
					   : &race->wrong,
				   1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *read_pin_fd(void *argument)
{
	struct race *const race = argument;

	for (size_t i = 0; !race->over; i = (i + 7) % RACED_PAGES) {
		uint64_t number;

		if (pread(race->fd, &number, sizeof(number), i * lab_page()) !=
		    sizeof(number))
			continue;
		__atomic_add_fetch(number == (RACE_MARK << 32 | i)
					   ? &race->seen
					   : &race->wrong,
				   1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/*
 * Remove the pages from the target's page tables, so that only the pins hold
 * references.
 */
static long drop_pages(const long arguments[6])
{
	return madvise((void *)arguments[0], arguments[1], MADV_DONTNEED);
}

/* Allocate the memory that was freed, and fill it with other contents. */
static void use_memory(void)
{
	const size_t len = 2 * RACED_PAGES * lab_page();
	char *pages = mmap(NULL, len, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (pages == MAP_FAILED)
		return;
	memset(pages, 0xee, len);
	munmap(pages, len);
}

static void run_race(struct __test_metadata *_metadata, struct model *model,
		     struct race *race, uint64_t addr, uint64_t *state)
{
	const size_t len = RACED_PAGES * lab_page();
	pthread_t thread[TOUCHERS + 1];

	TARGET_RUN(&model->target, number_pages, addr, RACED_PAGES,
		   RACE_MARK << 32);
	ASSERT_TRUE(model_pin(model, addr, RACED_PAGES, GUPX_F_WRITE,
			      RACE_MARK << 32));
	ASSERT_EQ(0, TARGET_RUN(&model->target, drop_pages, addr, len));
	race->fd = model->fd;
	race->over = false;
	race->window = map_window(model->fd, len, PROT_READ);
	ASSERT_NE(MAP_FAILED, race->window);
	for (int i = 0; i < TOUCHERS; i++)
		ASSERT_EQ(0,
			  pthread_create(&thread[i], NULL, touch_window, race));
	ASSERT_EQ(0,
		  pthread_create(&thread[TOUCHERS], NULL, read_pin_fd, race));
	usleep(1000);
	for (int i = 0; i < 40; i++) {
		model_unpin(_metadata, model, draw_below(state, RACED_PAGES),
			    1 + draw_below(state, 3));
		use_memory();
	}
	race->over = true;
	for (int i = 0; i <= TOUCHERS; i++)
		pthread_join(thread[i], NULL);
	check_all(_metadata, model);
	munmap((void *)race->window, len);
	close(model->fd);
	model->fd = -1;
	model->nr = 0;
}

TEST_F_TIMEOUT(many, touches_that_race_see_the_page_or_SIGBUS, 100)
{
	const struct sigaction action = { .sa_handler = leave_by_signal,
					  .sa_flags = SA_NODEFER };
	struct race race = { 0 };
	uint64_t state = 7;

	sigaction(SIGBUS, &action, NULL);
	for (int round = 0; round < 15; round++)
		run_race(_metadata, &self->model, &race, self->small, &state);
	TH_LOG("%u pages seen", race.seen);
	EXPECT_LT(0U, race.seen);
	EXPECT_EQ(0U, race.wrong);
}

/* State of several threads that PIN into one pin fd and UNPIN from it. */
struct crowd {
	int fd, mem_fd;
	uint64_t addr;
	uint64_t pinned, released;
	unsigned int failed;
};

static void *pin_and_unpin(void *argument)
{
	struct crowd *const crowd = argument;
	uint64_t state = (uintptr_t)&state;

	for (int i = 0; i < 200; i++) {
		const uint64_t len = (1 + draw_below(&state, 64)) * lab_page();
		uint64_t released = 0;
		const struct lab_answer answer = lab_pin_more(
			crowd->fd, crowd->mem_fd, crowd->addr, len, 0);

		__atomic_add_fetch(&crowd->pinned, answer.done,
				   __ATOMIC_RELAXED);
		__atomic_add_fetch(&crowd->failed, answer.done != len,
				   __ATOMIC_RELAXED);
		if (lab_unpin(crowd->fd,
			      draw_below(&state, 64 * i + 64) * lab_page(),
			      64 * lab_page(), &released))
			__atomic_add_fetch(&crowd->failed, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&crowd->released, released,
				   __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST_F_TIMEOUT(many, threads_that_pin_and_unpin_lose_nothing, 100)
{
	struct model *const model = &self->model;
	struct crowd crowd = { .mem_fd = model->target.mem_fd,
			       .addr = self->small };
	struct gupx_extents head;
	pthread_t thread[4];
	uint64_t rest = 0;

	crowd.fd = lab_pin(crowd.mem_fd, crowd.addr, lab_page(), 0).pin_fd;
	ASSERT_LE(0, crowd.fd);
	crowd.pinned = lab_page();
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, pin_and_unpin,
					    &crowd));
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(0U, crowd.failed);
	ASSERT_EQ(0, lab_extents(crowd.fd, &head, NULL, 0));
	EXPECT_EQ(crowd.pinned, head.length);
	EXPECT_EQ(crowd.pinned - crowd.released, head.bytes);
	EXPECT_EQ(head.bytes, head.charged);
	EXPECT_EQ(head.charged, info_now().memlock_used - model->used);
	EXPECT_EQ(0, lab_unpin(crowd.fd, 0, head.length, &rest));
	EXPECT_EQ(head.bytes, rest);
	EXPECT_EQ(model->before, lab_pins_held());
	EXPECT_EQ(model->used, info_now().memlock_used);
	close(crowd.fd);
}

/* Check that UNPIN marks a page dirty if the page was written through its window. */
TEST_F(many, released_pages_keep_what_was_written)
{
	struct model *const model = &self->model;
	const uint64_t page = lab_page();
	char *window;

	ASSERT_TRUE(model_pin(model, self->small, 4, GUPX_F_WRITE, 0));
	window = map_window(model->fd, 4 * page, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, window);
	for (int i = 0; i < 4; i++)
		window[i * page] = 'A' + i;
	model_unpin(_metadata, model, 1, 2);
	for (int i = 0; i < 4; i++)
		EXPECT_EQ('A' + i, target_peek(&model->target,
					       self->small + i * page, 1));
	munmap(window, 4 * page);
}

/* Pin memory of a target, for tests that seal the pin fd. */
FIXTURE(seal)
{
	struct target target;
	struct memory memory;
	int fd;
};

FIXTURE_SETUP(seal)
{
	struct lab_answer answer;

	ASSERT_LE(0, lab_device());
	ASSERT_EQ(0, target_start(&self->target));
	ASSERT_EQ(NULL,
		  memory_build(&self->target, MEMORY_ANON, &self->memory));
	answer = lab_pin(self->target.mem_fd, self->memory.addr,
			 self->memory.len, GUPX_F_WRITE);
	ASSERT_EQ(self->memory.len, answer.done);
	self->fd = answer.pin_fd;
}

FIXTURE_TEARDOWN(seal)
{
	close(self->fd);
	target_stop(&self->target);
}

static uint32_t seals_of(int fd)
{
	struct gupx_extents head = { 0 };
	uint32_t sealed = ~0U;

	if (lab_seal(fd, 0, &sealed) || lab_extents(fd, &head, NULL, 0) ||
	    head.seals != sealed)
		return ~0U;
	return sealed;
}

TEST_F(seal, is_added_and_never_taken_off)
{
	static const uint32_t seals[] = { GUPX_SEAL_PIN, GUPX_SEAL_WRITE,
					  GUPX_SEAL_UNPIN };
	uint32_t all = 0, sealed;

	EXPECT_EQ(0U, seals_of(self->fd));
	for (size_t i = 0; i < ARRAY_SIZE(seals); i++) {
		all |= seals[i];
		EXPECT_EQ(0, lab_seal(self->fd, seals[i], &sealed));
		EXPECT_EQ(all, sealed);
		/* Adding the same seal again succeeds. */
		EXPECT_EQ(0, lab_seal(self->fd, seals[i], &sealed));
		EXPECT_EQ(all, sealed);
		EXPECT_EQ(all, seals_of(self->fd));
	}
	EXPECT_EQ((uint32_t)GUPX_SEALS, all);
}

TEST_F(seal, unknown_to_the_module_is_EOPNOTSUPP)
{
	for (int bit = 0; bit < 32; bit++) {
		if (GUPX_SEALS & 1U << bit)
			continue;
		EXPECT_EQ(EOPNOTSUPP, lab_seal(self->fd, 1U << bit, NULL));
		EXPECT_EQ(EOPNOTSUPP,
			  lab_seal(self->fd, 1U << bit | GUPX_SEAL_PIN, NULL));
	}
	EXPECT_EQ(0U, seals_of(self->fd));
}

TEST_F(seal, PIN_denies_more_pins)
{
	const uint64_t addr = self->memory.addr, page = lab_page();
	struct gupx_extents head;
	struct lab_answer other;

	ASSERT_EQ(0, lab_seal(self->fd, GUPX_SEAL_PIN, NULL));
	EXPECT_EQ(EPERM,
		  lab_pin_more(self->fd, self->target.mem_fd, addr, page, 0)
			  .failed);
	ASSERT_EQ(0, lab_extents(self->fd, &head, NULL, 0));
	EXPECT_EQ(self->memory.len, head.bytes);
	/* The seal does not affect other pin fds, and does not affect UNPIN. */
	other = lab_pin(self->target.mem_fd, addr, page, 0);
	EXPECT_EQ(page, other.done);
	close(other.pin_fd);
	EXPECT_EQ(0, lab_unpin(self->fd, 0, page, NULL));
}

TEST_F(seal, UNPIN_denies_release)
{
	struct gupx_extents head;
	uint64_t released = 0;

	ASSERT_EQ(0, lab_seal(self->fd, GUPX_SEAL_UNPIN, NULL));
	EXPECT_EQ(EPERM, lab_unpin(self->fd, 0, lab_page(), &released));
	EXPECT_EQ(0ULL, released);
	ASSERT_EQ(0, lab_extents(self->fd, &head, NULL, 0));
	EXPECT_EQ(self->memory.len, head.bytes);
	EXPECT_EQ(lab_page(), lab_pin_more(self->fd, self->target.mem_fd,
					   self->memory.addr, lab_page(), 0)
				      .done);
}

TEST_F(seal, WRITE_denies_writable_windows)
{
	const size_t len = self->memory.len;
	char *window;

	ASSERT_EQ(0, lab_seal(self->fd, GUPX_SEAL_WRITE, NULL));
	EXPECT_EQ(MAP_FAILED,
		  map_window(self->fd, len, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EPERM, errno);
	window = map_window(self->fd, len, PROT_READ);
	ASSERT_NE(MAP_FAILED, window);
	EXPECT_TRUE(lab_can_read(window));
	EXPECT_EQ(-1, mprotect(window, len, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	munmap(window, len);
}

/* Check that SEAL returns EBUSY as long as any part of a writable window exists. */
TEST_F(seal, WRITE_waits_for_the_last_writable_window)
{
	const size_t len = self->memory.len, page = lab_page();
	char *reader = map_window(self->fd, len, PROT_READ);
	char *writer = map_window(self->fd, len, PROT_READ | PROT_WRITE);
	char *moved =
		mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

#define IS_BUSY() EXPECT_EQ(EBUSY, lab_seal(self->fd, GUPX_SEAL_WRITE, NULL))
	ASSERT_NE(MAP_FAILED, reader);
	ASSERT_NE(MAP_FAILED, writer);
	IS_BUSY();
	ASSERT_EQ(0, mprotect(writer, len, PROT_READ));
	IS_BUSY();
	/* Split the window in three parts and unmap the middle part. */
	ASSERT_EQ(0, munmap(writer + page, len - 2 * page));
	IS_BUSY();
	ASSERT_EQ(moved, mremap(writer, page, page,
				MREMAP_MAYMOVE | MREMAP_FIXED, moved));
	IS_BUSY();
	ASSERT_EQ(0, munmap(moved, page));
	IS_BUSY();
	EXPECT_EQ(0U, seals_of(self->fd));
	ASSERT_EQ(0, munmap(writer + len - page, page));
	EXPECT_EQ(0, lab_seal(self->fd, GUPX_SEAL_WRITE, NULL));
	munmap(reader, len);
#undef IS_BUSY
}

/* Check that the exit of a process closes its windows, so that SEAL succeeds. */
TEST_F(seal, WRITE_waits_for_the_windows_of_other_processes)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (map_window(self->fd, self->memory.len,
			       PROT_READ | PROT_WRITE) == MAP_FAILED)
			_exit(1);
		kill(getpid(), SIGSTOP);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(EBUSY, lab_seal(self->fd, GUPX_SEAL_WRITE, NULL));
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, lab_seal(self->fd, GUPX_SEAL_WRITE, NULL));
}

/* Check that a failed mmap() does not count as a window. */
TEST_F(seal, WRITE_is_not_kept_by_mappings_that_failed)
{
	const size_t len = self->memory.len;

	EXPECT_EQ(MAP_FAILED, mmap(NULL, len, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE, self->fd, 0));
	EXPECT_EQ(MAP_FAILED, map_window(self->fd, len,
					 PROT_READ | PROT_WRITE | PROT_EXEC));
	EXPECT_EQ(MAP_FAILED,
		  mmap((void *)-lab_page(), len, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, self->fd, 0));
	EXPECT_EQ(0, lab_seal(self->fd, GUPX_SEAL_WRITE, NULL));
}

/*
 * Check that only the user who created the pin fd may change it, while other users
 * may read it.
 */
TEST_F(seal, and_UNPIN_are_for_the_user_who_made_the_pin_fd)
{
	uint64_t released = 0;
	char byte;

	ASSERT_EQ(0, lab_seal(self->fd, GUPX_SEAL_PIN, NULL));
	ASSERT_EQ(0, lab_become(NOBODY));
	EXPECT_EQ(EXDEV, lab_unpin(self->fd, 0, lab_page(), &released));
	EXPECT_EQ(0ULL, released);
	EXPECT_EQ(EXDEV, lab_seal(self->fd, GUPX_SEAL_UNPIN, NULL));
	EXPECT_EQ((uint32_t)GUPX_SEAL_PIN, seals_of(self->fd));
	EXPECT_EQ(1, pread(self->fd, &byte, 1, 0));
	/* Malformed requests are refused before the user is checked. */
	EXPECT_EQ(EINVAL, lab_unpin(self->fd, 1, lab_page(), NULL));
	EXPECT_EQ(EOPNOTSUPP, lab_seal(self->fd, 1U << 31, NULL));
}

TEST_F(seal, order_of_checks_of_UNPIN)
{
	struct gupx_unpin unpin = {
		.size = 8,
		.flags = 1,
		.offset = 1,
		.len = 1,
	};

#define SAYS(error)                                                          \
	do {                                                                 \
		const int failed_ =                                          \
			ioctl(self->fd, GUPX_IOC_UNPIN, &unpin) ? errno : 0; \
		EXPECT_EQ(error, failed_);                                   \
	} while (0)
	ASSERT_EQ(0, lab_seal(self->fd, GUPX_SEAL_UNPIN, NULL));
	SAYS(EINVAL);
	unpin.size = sizeof(unpin);
	SAYS(EOPNOTSUPP);
	unpin.flags = 0;
	SAYS(EINVAL);
	unpin.offset = 0;
	SAYS(EINVAL);
	unpin.offset = -lab_page();
	unpin.len = 2 * lab_page();
	SAYS(EINVAL);
	unpin.offset = 0;
	unpin.len = lab_page();
	SAYS(EPERM);
#undef SAYS
}

/* Check that a READ_ONLY pin fd cannot be mapped writable by any process. */
TEST_F(seal, READ_ONLY_pin_fd_has_no_writable_window)
{
	const size_t len = self->memory.len;
	const struct lab_answer answer =
		lab_pin(self->target.mem_fd, self->memory.addr, len,
			GUPX_F_WRITE | GUPX_F_READ_ONLY);
	char *window, byte;

	ASSERT_EQ(len, answer.done);
	EXPECT_EQ(O_RDONLY, fcntl(answer.pin_fd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(O_RDWR, fcntl(self->fd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ((uint32_t)GUPX_SEAL_WRITE, seals_of(answer.pin_fd));
	EXPECT_EQ(MAP_FAILED,
		  map_window(answer.pin_fd, len, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	window = map_window(answer.pin_fd, len, PROT_READ);
	ASSERT_NE(MAP_FAILED, window);
	EXPECT_TRUE(lab_can_read(window));
	EXPECT_EQ(-1, mprotect(window, len, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(1, pread(answer.pin_fd, &byte, 1, 0));
	/* PIN and UNPIN still work on the READ_ONLY pin fd. */
	EXPECT_EQ(lab_page(),
		  lab_pin_more(answer.pin_fd, self->target.mem_fd,
			       self->memory.addr, lab_page(), GUPX_F_WRITE)
			  .done);
	EXPECT_EQ(0, lab_unpin(answer.pin_fd, 0, lab_page(), NULL));
	munmap(window, len);
	close(answer.pin_fd);
}

TEST_F(seal, READ_ONLY_is_for_new_pin_fds_only)
{
	EXPECT_EQ(EINVAL,
		  lab_pin_more(self->fd, self->target.mem_fd, self->memory.addr,
			       lab_page(), GUPX_F_READ_ONLY)
			  .failed);
	EXPECT_EQ(EINVAL,
		  lab_pin_more(-2, self->target.mem_fd, self->memory.addr,
			       lab_page(), GUPX_F_READ_ONLY)
			  .failed);
}

TEST_HARNESS_MAIN
