/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A case of the fuzzer is a list of operations. Operations contain selectors instead of
 * descriptor numbers and addresses. So a case does the same in each run, although the
 * kernel assigns different numbers and addresses.
 *
 * Selectors
 *   place    location of the ioctl's struct in memory
 *   handle   kind of file descriptor
 *   where    kind of address in the target
 *   extent   kind of length of the range
 *   guarded  bytes that no case may change: guard.h
 *   buffer   location of the output buffer of READ, EXPLAIN, EXTENTS and pread
 */
#ifndef GUPX_TESTS_FUZZ_OP_H
#define GUPX_TESTS_FUZZ_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPS_MAX 96

/*
 * Verbs of operations; ioctls come first. TOGETHER runs the next @count operations
 * concurrently in threads. CHILD runs the next @count operations in a child process,
 * which is killed after a while.
 */
#define EACH_VERB(X)                        \
	X(INFO, info)                       \
	X(PIN, pin)                         \
	X(POPULATE, populate)               \
	X(READ, read)                       \
	X(READV, readv)                     \
	X(EXPLAIN, explain)                 \
	X(EXTENTS, extents)                 \
	X(UNPIN, unpin)                     \
	X(SEAL, seal)                       \
	X(STRANGE, strange_ioctl)           \
	X(PREAD, pread)                     \
	X(MMAP, mmap)                       \
	X(TOUCH, touch)                     \
	X(FILL, read_into_window)           \
	X(MUNMAP, munmap)                   \
	X(MREMAP, mremap)                   \
	X(MPROTECT, mprotect)               \
	X(MADVISE, madvise)                 \
	X(FDINFO, fdinfo)                   \
	X(CLOSE, close)                     \
	X(DUP, dup)                         \
	X(SEND, send_fd)                    \
	X(FORK, fork)                       \
	X(EXEC, exec)                       \
	X(TARGET_MUNMAP, target_munmap)     \
	X(TARGET_MPROTECT, target_mprotect) \
	X(TARGET_MADVISE, target_madvise)   \
	X(TARGET_MREMAP, target_mremap)     \
	X(TARGET_POKE, target_poke)         \
	X(TARGET_FORK, target_fork)         \
	X(TARGET_EXEC, target_exec)         \
	X(TARGET_EXIT, target_exit)         \
	X(LIMIT, limit_memory)              \
	X(FEW_FILES, limit_files)           \
	X(BECOME, become_nobody)            \
	X(TOGETHER, together)               \
	X(CHILD, child)

/*
 * Locations of the ioctl's struct. AT_END: the struct ends where a guard page begins.
 * CUT: the second half of the struct is in a guard page.
 */
#define EACH_PLACE(X)             \
	X(GOOD, good)             \
	X(ODD, odd)               \
	X(AT_END, at_end)         \
	X(READ_ONLY, read_only)   \
	X(CUT, cut)               \
	X(UNREADABLE, unreadable) \
	X(NULL, null)             \
	X(KERNEL, kernel)         \
	X(NOWHERE, non_canonical)

#define EACH_SIZE(X)                 \
	X(EXACT, exact)              \
	X(ZERO, 0)                   \
	X(LESS, less)                \
	X(ONE_LESS, one_less)        \
	X(MORE, more)                \
	X(MORE_DIRTY, more_not_zero) \
	X(PAGE, page)                \
	X(HUGE, huge)                \
	X(HUGE_DIRTY, huge_not_zero)

#define EACH_HANDLE(X)                 \
	X(TARGET, target)              \
	X(TARGET_RO, target_ro)        \
	X(TARGET_WO, target_wo)        \
	X(SELF, self)                  \
	X(TARGET_CHILD, targets_child) \
	X(DEAD, dead)                  \
	X(KTHREAD, kernel_thread)      \
	X(PATH, o_path)                \
	X(CLOSED, closed)              \
	X(OTHER, dev_null)             \
	X(DEVICE, device)              \
	X(NEW, new)                    \
	X(NEGATIVE, negative)          \
	X(LARGE, large)                \
	X(PIN0, pins_0)                \
	X(PIN1, pins_1)                \
	X(PIN2, pins_2)                \
	X(PIN3, pins_3)

#define EACH_WHERE(X)                    \
	X(REGION, region)                \
	X(LAST, last_page)               \
	X(BEFORE, before_region)         \
	X(UNALIGNED, odd)                \
	X(ZERO, 0)                       \
	X(TOP, last_user_page)           \
	X(BEYOND, end_of_user_half)      \
	X(KERNEL, kernel)                \
	X(GATE, gate)                    \
	X(LAST_OF_ALL, last_page_of_all) \
	X(MINUS_ONE, minus_one)          \
	X(RANDOM, random)                \
	X(OWN, own_arena)                \
	X(WINDOW, own_window)            \
	X(GUARDED, guarded_bytes)

#define EACH_EXTENT(X)           \
	X(PAGES, pages)          \
	X(REGION, region)        \
	X(BEYOND, beyond_region) \
	X(ZERO, 0)               \
	X(ODD, odd)              \
	X(HUGE, 1TiB)            \
	X(MAX, max)              \
	X(TO_END, to_the_end)    \
	X(TO_LAST, to_last_page)

#define EACH_BUFFER(X)          \
	X(GOOD, good)           \
	X(CUT, cut)             \
	X(READ_ONLY, read_only) \
	X(UNMAPPED, unmapped)   \
	X(NULL, null)           \
	X(KERNEL, kernel)       \
	X(WINDOW, window)

#define AS_VERB(name, text) VERB_##name,
#define AS_PLACE(name, text) PLACE_##name,
#define AS_SIZE(name, text) SIZE_##name,
#define AS_HANDLE(name, text) HANDLE_##name,
#define AS_WHERE(name, text) WHERE_##name,
#define AS_EXTENT(name, text) EXTENT_##name,
#define AS_BUFFER(name, text) BUFFER_##name,

enum verb { EACH_VERB(AS_VERB) VERBS };
enum place { EACH_PLACE(AS_PLACE) PLACES };
enum size { EACH_SIZE(AS_SIZE) SIZES };
enum handle { EACH_HANDLE(AS_HANDLE) HANDLES };
enum where { EACH_WHERE(AS_WHERE) WHERES };
enum extent { EACH_EXTENT(AS_EXTENT) EXTENTS };
enum buffer { EACH_BUFFER(AS_BUFFER) BUFFERS };

#define PIN_SLOTS (HANDLES - HANDLE_PIN0)

/**
 * struct op - one operation
 * @verb: enum verb
 * @place: enum place, location of the struct
 * @size: enum size, value of the struct's size field
 * @mem: enum handle of the descriptor that is passed as mem_fd
 * @file: enum handle of the file on which the call is made; for PIN, of the descriptor
 *	that is passed as pin_fd
 * @region: index of a region of the target, or of a window
 * @where: enum where, address of the range
 * @extent: enum extent, length of the range
 * @buffer: enum buffer, location of the output buffer
 * @count: number of operations that belong to TOGETHER or CHILD
 * @alarm: microseconds until SIGALRM interrupts the call; 0 for no alarm
 * @compat: true if the call is made as a 32-bit program makes it
 * @flags: request flags for an ioctl; PROT_* or advice for other verbs
 * @reserved: value of reserved fields
 * @number: random number for all other choices
 */
struct op {
	uint8_t verb;
	uint8_t place;
	uint8_t size;
	uint8_t mem;
	uint8_t file;
	uint8_t region;
	uint8_t where;
	uint8_t extent;
	uint8_t buffer;
	uint8_t count;
	uint16_t alarm;
	bool compat;
	uint32_t flags;
	uint32_t reserved;
	uint64_t number;
};

const char *op_verb_name(unsigned int verb);
void op_print(const struct op *op);

/**
 * struct sketch - a case
 * @kind: kind of memory of each region: enum memory_kind or REGION_HUGETLB
 * @op: the operations
 * @nr: length of @op
 */
#define REGIONS 4
#define REGION_HUGETLB 255
struct sketch {
	uint8_t kind[REGIONS];
	struct op op[OPS_MAX];
	size_t nr;
};

void draw_case(uint64_t seed, uint64_t number, struct sketch *sketch);

#endif /* GUPX_TESTS_FUZZ_OP_H */
