// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lab.h"

uint64_t lab_page(void)
{
	return sysconf(_SC_PAGESIZE);
}

uint64_t lab_huge_page(void)
{
	const long size = lab_number(
		"/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "");

	return size > 0 ? size : 0;
}

int lab_device(void)
{
	static int device = -1;

	if (device < 0)
		device = open(GUPX_DEVICE, O_RDWR | O_CLOEXEC);
	return device;
}

int lab_open_mem(pid_t pid, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	return open(path, flags | O_CLOEXEC);
}

static int call_ioctl(int fd, unsigned long verb, void *argument)
{
	return ioctl(fd, verb, argument) ? errno : 0;
}

int lab_info(struct gupx_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return call_ioctl(lab_device(), GUPX_IOC_INFO, info);
}

struct lab_answer lab_pin(int mem_fd, uint64_t addr, uint64_t len,
			  uint32_t flags)
{
	return lab_pin_more(-1, mem_fd, addr, len, flags);
}

struct lab_answer lab_pin_more(int pin_fd, int mem_fd, uint64_t addr,
			       uint64_t len, uint32_t flags)
{
	struct gupx_pin pin = {
		.size = sizeof(pin),
		.flags = flags,
		.mem_fd = mem_fd,
		.pin_fd = pin_fd,
		.addr = addr,
		.len = len,
	};
	const int failed = call_ioctl(lab_device(), GUPX_IOC_PIN, &pin);

	return (struct lab_answer){
		.failed = failed,
		.pin_fd = failed ? -1 : pin.pin_fd,
		.done = pin.done,
		.stop = pin.stop,
	};
}

struct lab_answer lab_populate(int mem_fd, uint64_t addr, uint64_t len,
			       uint32_t flags)
{
	struct gupx_populate populate = {
		.size = sizeof(populate),
		.flags = flags,
		.mem_fd = mem_fd,
		.addr = addr,
		.len = len,
	};
	const int failed =
		call_ioctl(lab_device(), GUPX_IOC_POPULATE, &populate);

	return (struct lab_answer){
		.failed = failed,
		.pin_fd = -1,
		.done = populate.done,
		.stop = populate.stop,
	};
}

struct lab_answer lab_read(int mem_fd, uint64_t addr, uint64_t len, void *buf,
			   uint32_t flags)
{
	struct gupx_read read = {
		.size = sizeof(read),
		.flags = flags,
		.mem_fd = mem_fd,
		.addr = addr,
		.len = len,
		.buf = (uintptr_t)buf,
	};
	const int failed = call_ioctl(lab_device(), GUPX_IOC_READ, &read);

	return (struct lab_answer){
		.failed = failed,
		.pin_fd = -1,
		.done = read.done,
		.stop = read.stop,
	};
}

int lab_readv(int mem_fd, struct gupx_segment *segments, uint32_t nr, void *buf,
	      uint64_t len, uint32_t flags, uint64_t *done)
{
	struct gupx_readv readv = {
		.size = sizeof(readv),
		.flags = flags,
		.mem_fd = mem_fd,
		.segments = (uintptr_t)segments,
		.nr = nr,
		.entry_size = sizeof(*segments),
		.buf = (uintptr_t)buf,
		.buf_len = len,
	};
	const int failed = call_ioctl(lab_device(), GUPX_IOC_READV, &readv);

	if (done)
		*done = readv.done;
	return failed;
}

long lab_gup_return(const struct lab_answer *answer)
{
	if (answer->failed)
		return -answer->failed;
	if (answer->done)
		return answer->done / lab_page();
	return -(long)answer->stop.error;
}

int lab_extents(int pin_fd, struct gupx_extents *head, struct gupx_extent *runs,
		uint32_t capacity)
{
	memset(head, 0, sizeof(*head));
	head->size = sizeof(*head);
	head->buf = (uintptr_t)runs;
	head->capacity = capacity;
	head->entry_size = sizeof(*runs);
	return call_ioctl(pin_fd, GUPX_IOC_EXTENTS, head);
}

int lab_unpin(int pin_fd, uint64_t offset, uint64_t len, uint64_t *released)
{
	struct gupx_unpin unpin = {
		.size = sizeof(unpin),
		.offset = offset,
		.len = len,
	};
	const int failed = call_ioctl(pin_fd, GUPX_IOC_UNPIN, &unpin);

	if (released)
		*released = unpin.released;
	return failed;
}

int lab_seal(int pin_fd, uint32_t seals, uint32_t *sealed)
{
	struct gupx_seal seal = {
		.size = sizeof(seal),
		.seals = seals,
	};
	const int failed = call_ioctl(pin_fd, GUPX_IOC_SEAL, &seal);

	if (sealed)
		*sealed = seal.sealed;
	return failed;
}

static size_t note_frames(const struct gupx_extent *run, uint64_t addr,
			  size_t nr, uint64_t *frames)
{
	size_t found = 0;

	for (uint64_t at = 0; at < run->len; at += lab_page()) {
		const uint64_t index = (run->addr + at - addr) / lab_page();

		if (run->addr + at < addr || index >= nr)
			continue;
		/*
		 * There is only one zero page, so all pages of a zero-page extent have
		 * the same frame number.
		 */
		frames[index] = run->flags & GUPX_EXTENT_ZERO
					? run->pfn
					: run->pfn + at / lab_page();
		found++;
	}
	return found;
}

size_t lab_pinned_frames(int pin_fd, uint64_t addr, size_t nr, uint64_t *frames)
{
	struct gupx_extent runs[64];
	struct gupx_extents head;
	size_t found = 0;

	memset(frames, 0, nr * sizeof(*frames));
	memset(&head, 0, sizeof(head));
	do {
		const uint64_t first = head.first + head.count;

		memset(&head, 0, sizeof(head));
		head.size = sizeof(head);
		head.first = first;
		head.buf = (uintptr_t)runs;
		head.capacity = sizeof(runs) / sizeof(runs[0]);
		head.entry_size = sizeof(runs[0]);
		if (call_ioctl(pin_fd, GUPX_IOC_EXTENTS, &head))
			return found;
		for (uint32_t i = 0; i < head.count; i++)
			found += note_frames(&runs[i], addr, nr, frames);
	} while (head.count);
	return found;
}

size_t lab_pagemap(pid_t pid, uint64_t addr, size_t nr, uint64_t *words)
{
	const ssize_t size = nr * sizeof(*words);
	size_t present = 0;
	char path[64];
	int fd;

	memset(words, 0, size);
	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (pread(fd, words, size, addr / lab_page() * sizeof(*words)) != size)
		memset(words, 0, size);
	close(fd);
	for (size_t i = 0; i < nr; i++)
		present += !!(words[i] & LAB_PM_PRESENT);
	return present;
}

uint64_t lab_pagemap_word(pid_t pid, uint64_t addr)
{
	uint64_t word;

	lab_pagemap(pid, addr, 1, &word);
	return word;
}

size_t lab_resident(pid_t pid, uint64_t addr, size_t nr)
{
	uint64_t words[512];
	size_t present = 0;

	for (size_t i = 0; i < nr; i += 512)
		present += lab_pagemap(pid, addr + i * lab_page(),
				       nr - i < 512 ? nr - i : 512, words);
	return present;
}

int lab_write_text(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const ssize_t length = strlen(text);
	int error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, length) != length)
		error = errno;
	if (close(fd) && !error)
		error = errno;
	return error;
}

long lab_number(const char *file, const char *key)
{
	FILE *stream = fopen(file, "re");
	long number = -1;
	char line[256];

	if (!stream)
		return -1;
	while (number < 0 && fgets(line, sizeof(line), stream)) {
		if (!strncmp(line, key, strlen(key)))
			number = strtol(line + strlen(key), NULL, 10);
	}
	fclose(stream);
	return number;
}

/*
 * Refresh /proc/vmstat before reading the pin counters, because each CPU holds counter
 * changes that /proc/vmstat does not include yet.
 */
long lab_pins_held(void)
{
	if (lab_write_text("/proc/sys/vm/stat_refresh", "1"))
		return -1;
	return lab_number("/proc/vmstat", "nr_foll_pin_acquired ") -
	       lab_number("/proc/vmstat", "nr_foll_pin_released ");
}

static void param_path(const char *name, char path[128])
{
	snprintf(path, 128, "/sys/module/gupx/parameters/%s", name);
}

bool lab_param(const char *name)
{
	char path[128], value = 'N';
	int fd;

	param_path(name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, &value, 1) != 1)
		value = 'N';
	close(fd);
	return value == 'Y';
}

void lab_set_param(const char *name, bool on)
{
	char path[128];

	param_path(name, path);
	if (lab_write_text(path, on ? "Y" : "N") || lab_param(name) != on) {
		fprintf(stderr, "# cannot set module parameter %s\n", name);
		abort();
	}
}

/*
 * Parse one line of a zone in /proc/zoneinfo. The file lists the length of the zone
 * ("spanned") before start_pfn. So store the length in @zone->end first, and add start_pfn
 * to it when start_pfn is found. Returns true if the line contains start_pfn.
 */
static bool parse_zone(const char *line, struct lab_zone *zone)
{
	uint64_t number;

	if (sscanf(line, " spanned %lu", &number) == 1)
		zone->end = number;
	if (sscanf(line, " start_pfn: %lu", &number) != 1)
		return false;
	zone->first = number;
	zone->end += number;
	return true;
}

bool lab_find_movable(struct lab_zone *zone)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	bool inside = false, found = false;
	char line[256];

	while (file && !found && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "Node", 4))
			inside = strstr(line, "Movable");
		else if (inside)
			found = parse_zone(line, zone) &&
				zone->end > zone->first;
	}
	if (file)
		fclose(file);
	return found;
}

bool lab_swap_is_on(void)
{
	return lab_number("/proc/meminfo", "SwapTotal:") > 0;
}

bool lab_can_read(const void *at)
{
	int line[2];
	bool done;

	if (pipe(line))
		return false;
	done = write(line[1], at, 1) == 1;
	close(line[0]);
	close(line[1]);
	return done;
}

/* setresuid() clears the dumpable flag, so set the flag again. */
int lab_become(uid_t uid)
{
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid) || prctl(PR_SET_DUMPABLE, 1))
		return errno;
	return 0;
}

int lab_drop_capability(int capability)
{
	const cap_value_t list[] = { capability };
	cap_t mine = cap_get_proc();
	int error = 0;

	if (!mine || cap_set_flag(mine, CAP_EFFECTIVE, 1, list, CAP_CLEAR) ||
	    cap_set_flag(mine, CAP_PERMITTED, 1, list, CAP_CLEAR) ||
	    cap_set_proc(mine))
		error = errno;
	cap_free(mine);
	return error;
}

int lab_set_memlock(uint64_t bytes)
{
	const struct rlimit limit = { .rlim_cur = bytes, .rlim_max = bytes };

	return setrlimit(RLIMIT_MEMLOCK, &limit) ? errno : 0;
}
