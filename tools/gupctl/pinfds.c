// SPDX-License-Identifier: GPL-2.0
/* Find the pin fds of all processes that the caller may read in /proc. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kcmp.h>

#include "holder.h"
#include "out.h"
#include "pinfds.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* An fdinfo has at most 128 ranges of less than 100 bytes. */
#define FDINFO_MAX 32768

/* Value of PF_KTHREAD, a bit in the task flags that /proc/PID/stat shows. */
#define TASK_KERNEL_THREAD 0x00200000UL

static const char pin_link[] = "anon_inode:[gupx-pins]";

static int call_kcmp(int a, int b, int type, int fd_a, int fd_b)
{
	return (int)syscall(SYS_kcmp, a, b, type, fd_a, fd_b);
}

const struct gupx_pinfds_proc gupx_pinfds_proc = {
	.path = "/proc",
	.compare = call_kcmp,
};

/* Parse decimal digits. Return: the text after them, or NULL if there is no valid number. */
static const char *parse_number(const char *text, __u64 *value)
{
	char *end;

	/* strtoull() would accept blanks and a sign. */
	if (*text < '0' || *text > '9')
		return NULL;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno ? NULL : end;
}

static const struct {
	const char *key;
	const char *unit;
	size_t offset;
} fdinfo_lines[] = {
	{ "ino:\t", "\n", offsetof(struct gupx_pinfds_facts, inode) },
	{ "gupx-target-pid:\t", "\n",
	  offsetof(struct gupx_pinfds_facts, target_pid) },
	{ "gupx-target-start:\t", "\n",
	  offsetof(struct gupx_pinfds_facts, target_start) },
	{ "gupx-pinned:\t", " kB\n",
	  offsetof(struct gupx_pinfds_facts, bytes) },
	{ "gupx-charged:\t", " kB\n",
	  offsetof(struct gupx_pinfds_facts, charged) },
};

/*
 * Parse a line if it is one of fdinfo_lines. @seen has a bit for each of these lines that
 * was found. Return: false if the line is invalid.
 */
static bool parse_line(const char *line, struct gupx_pinfds_facts *facts,
		       unsigned int *seen)
{
	const char *end;
	__u64 value;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fdinfo_lines); i++) {
		const char *key = fdinfo_lines[i].key;
		const char *unit = fdinfo_lines[i].unit;

		if (strncmp(line, key, strlen(key)))
			continue;
		end = parse_number(line + strlen(key), &value);
		if (!end || strncmp(end, unit, strlen(unit)) ||
		    (*seen & (1U << i)))
			return false;
		if (*unit == ' ' && value > ~0ULL >> 10)
			return false;
		*seen |= 1U << i;
		*(__u64 *)((char *)facts + fdinfo_lines[i].offset) =
			*unit == ' ' ? value << 10 : value;
	}
	return true;
}

/* Parse a line "gupx-range: ADDR-END FLAGS AGE". The last number of the line is the age. */
static bool parse_range_line(const char *line, struct gupx_pinfds_facts *facts)
{
	static const char key[] = "gupx-range:\t";
	const size_t length = strcspn(line, "\n");
	const char *blank = memrchr(line, ' ', length);
	const char *end;
	__u64 age;

	if (strncmp(line, key, strlen(key)))
		return true;
	end = blank ? parse_number(blank + 1, &age) : NULL;
	if (!end || *end != '\n')
		return false;
	if (age > facts->age)
		facts->age = age;
	return true;
}

bool gupx_pinfds_parse(const char *text, struct gupx_pinfds_facts *facts)
{
	unsigned int seen = 0;
	const char *line;

	*facts = (struct gupx_pinfds_facts){ 0 };
	for (line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!parse_line(line, facts, &seen) ||
		    !parse_range_line(line, facts))
			return false;
	}
	return seen == (1U << ARRAY_SIZE(fdinfo_lines)) - 1 &&
	       facts->target_pid <= INT_MAX;
}

/* Read a file as text. Return: true, or false with errno. */
static bool read_at(int dir_fd, const char *name, char *text, size_t room)
{
	const int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got;
	int error;

	text[0] = '\0';
	if (fd < 0)
		return false;
	do {
		got = read(fd, text + used, room - 1 - used);
		used += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	error = errno;
	text[used] = '\0';
	close(fd);
	errno = error;
	return got == 0;
}

/* Read a link. Return: true, or false with errno. */
static bool read_link_at(int dir_fd, const char *name, char *link, size_t room)
{
	const ssize_t length = readlinkat(dir_fd, name, link, room - 1);

	link[length > 0 ? length : 0] = '\0';
	return length >= 0;
}

/**
 * struct task_stat - content of /proc/PID/stat
 * @comm: command name
 * @lives: true unless the process is a zombie
 * @kernel_thread: true for a kernel thread
 * @start: start time in clock ticks since boot
 */
struct task_stat {
	char comm[80];
	bool lives;
	bool kernel_thread;
	__u64 start;
};

/*
 * Parse "PID (COMM) STATE ppid pgrp session tty tpgid FLAGS ... STARTTIME", where STARTTIME
 * is field 22. COMM may contain any byte except NUL, so it ends at the last parenthesis.
 */
static bool read_stat(int dir_fd, struct task_stat *stat)
{
	char text[1024], state;
	unsigned long flags;
	const char *open, *close;

	if (!read_at(dir_fd, "stat", text, sizeof(text)))
		return false;
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close || close < open)
		return false;
	snprintf(stat->comm, sizeof(stat->comm), "%.*s",
		 (int)(close - open - 1), open + 1);
	if (sscanf(close + 1,
		   " %c %*d %*d %*d %*d %*d %lu %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		   &state, &flags, &stat->start) != 3)
		return false;
	stat->lives = state != 'Z' && state != 'X';
	stat->kernel_thread = flags & TASK_KERNEL_THREAD;
	return true;
}

/**
 * struct scan - state of a scan
 * @found: result
 * @proc: source of the processes
 * @dir_fd: directory of the present process
 * @pid: its PID
 * @holder: its index in @found->holder, or SIZE_MAX if it has no pin fd so far
 * @marker: name in its marker
 * @marked: true if it has a marker
 * @denied: true if something of it could not be read
 * @table: threads of it that have a table of descriptors of their own
 * @table_count: number of elements of @table
 */
struct scan {
	struct gupx_pinfds *found;
	const struct gupx_pinfds_proc *proc;
	int dir_fd;
	int pid;
	size_t holder;
	char marker[256];
	bool marked;
	bool denied;
	int *table;
	size_t table_count;
};

/* Note that a part of the process could not be read, unless it has exited. */
static void note_failure(struct scan *scan)
{
	if (errno == EACCES || errno == EPERM)
		scan->denied = true;
}

static void *grow_array(void *array, size_t count, size_t size)
{
	void *grown = reallocarray(array, count, size);

	if (!grown)
		gupx_out_no_memory();
	return grown;
}

static uid_t read_uid(int dir_fd)
{
	char text[4096];
	const char *line;
	unsigned int uid;

	if (!read_at(dir_fd, "status", text, sizeof(text)))
		return (uid_t)-1;
	line = strstr(text, "\nUid:");
	if (!line || sscanf(line, "\nUid: %*u %u", &uid) != 1)
		return (uid_t)-1;
	return uid;
}

/*
 * Check the program of a process. A process cannot pretend this for another one, in contrast
 * to a pin fd and a marker, which it can send to any process that receives descriptors.
 */
static bool runs_gupctl(int dir_fd)
{
	static const char deleted[] = " (deleted)";
	char own[PATH_MAX + sizeof(deleted)], exe[PATH_MAX + sizeof(deleted)];
	struct stat own_file, file;

	if (!stat("/proc/self/exe", &own_file) &&
	    !fstatat(dir_fd, "exe", &file, 0) &&
	    own_file.st_dev == file.st_dev && own_file.st_ino == file.st_ino)
		return true;
	if (!read_link_at(AT_FDCWD, "/proc/self/exe", own, PATH_MAX) ||
	    !read_link_at(dir_fd, "exe", exe, sizeof(exe)))
		return false;
	strcat(own, deleted);
	return !strcmp(own, exe);
}

/* Return: the index of the present process in the array of holders. */
static size_t add_holder(struct scan *scan)
{
	struct gupx_pinfds *found = scan->found;
	struct gupx_pinfds_holder *holder;
	struct task_stat stat = { 0 };

	if (scan->holder != SIZE_MAX)
		return scan->holder;
	found->holder = grow_array(found->holder, found->holder_count + 1,
				   sizeof(*found->holder));
	holder = &found->holder[found->holder_count];
	read_stat(scan->dir_fd, &stat);
	*holder = (struct gupx_pinfds_holder){
		.pid = scan->pid,
		.start = stat.start,
		.uid = read_uid(scan->dir_fd),
		.is_gupctl = runs_gupctl(scan->dir_fd),
	};
	snprintf(holder->comm, sizeof(holder->comm), "%s", stat.comm);
	scan->holder = found->holder_count++;
	return scan->holder;
}

/* Read the name of the target, unless its PID belongs to another process by now. */
static void describe_target(const struct scan *scan,
			    struct gupx_pinfds_file *file)
{
	struct task_stat stat = { 0 };
	char path[PATH_MAX];
	int dir_fd;

	snprintf(path, sizeof(path), "%s/%llu", scan->proc->path,
		 file->facts.target_pid);
	dir_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return;
	if (read_stat(dir_fd, &stat) && stat.lives &&
	    stat.start == file->facts.target_start) {
		file->target_lives = true;
		snprintf(file->target_comm, sizeof(file->target_comm), "%s",
			 stat.comm);
	}
	close(dir_fd);
}

static bool is_same_file(const struct scan *scan,
			 const struct gupx_pinfds_file *file,
			 const struct gupx_pinfds_facts *facts, int tid, int fd)
{
	/* Compare only what never changes during the life of a pin fd. */
	return file->facts.inode == facts->inode &&
	       file->facts.target_start == facts->target_start &&
	       file->facts.target_pid == facts->target_pid &&
	       !scan->proc->compare(file->ref[0].tid, tid, KCMP_FILE,
				    file->ref[0].fd, fd);
}

static struct gupx_pinfds_file *add_file(struct scan *scan,
					 const struct gupx_pinfds_facts *facts,
					 int tid, int fd)
{
	struct gupx_pinfds *found = scan->found;
	struct gupx_pinfds_file *file;
	size_t i;

	for (i = 0; i < found->file_count; i++)
		if (is_same_file(scan, &found->file[i], facts, tid, fd))
			return &found->file[i];
	found->file = grow_array(found->file, found->file_count + 1,
				 sizeof(*found->file));
	file = &found->file[found->file_count++];
	*file = (struct gupx_pinfds_file){ .facts = *facts };
	describe_target(scan, file);
	return file;
}

static void add_pin_fd(struct scan *scan, const char *fdinfo, int tid, int fd)
{
	struct gupx_pinfds_facts facts;
	struct gupx_pinfds_file *file;
	static char text[FDINFO_MAX];

	if (!read_at(scan->dir_fd, fdinfo, text, sizeof(text))) {
		note_failure(scan);
		return;
	}
	if (!gupx_pinfds_parse(text, &facts)) {
		scan->found->unknown++;
		return;
	}
	file = add_file(scan, &facts, tid, fd);
	file->ref =
		grow_array(file->ref, file->ref_count + 1, sizeof(*file->ref));
	file->ref[file->ref_count++] = (struct gupx_pinfds_ref){
		.holder = add_holder(scan),
		.tid = tid,
		.fd = fd,
	};
}

static void see_fd(struct scan *scan, int tid, int fd)
{
	char path[64], link[PATH_MAX];

	snprintf(path, sizeof(path), "task/%d/fd/%d", tid, fd);
	if (!read_link_at(scan->dir_fd, path, link, sizeof(link))) {
		note_failure(scan);
		return;
	}
	if (!scan->marked &&
	    gupx_holder_parse_marker(link, scan->marker, sizeof(scan->marker)))
		scan->marked = true;
	/* A process can write lines of its own to other fdinfo, for example to a dma-buf's. */
	if (strcmp(link, pin_link))
		return;
	snprintf(path, sizeof(path), "task/%d/fdinfo/%d", tid, fd);
	add_pin_fd(scan, path, tid, fd);
}

/* Parse the name of a directory entry. Return: the number, or -1. */
static int parse_entry(const char *name)
{
	const char *end;
	__u64 value;

	end = parse_number(name, &value);
	return end && !*end && value <= INT_MAX ? (int)value : -1;
}

/* Open a directory below the directory of the process. Return: NULL on failure. */
static DIR *open_dir(struct scan *scan, const char *name)
{
	const int fd =
		openat(scan->dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd < 0)
		note_failure(scan);
	else if (!dir)
		close(fd);
	return dir;
}

/* Return: true if the table of descriptors of a thread was not seen yet. */
static bool is_new_table(struct scan *scan, int tid)
{
	size_t i;

	for (i = 0; i < scan->table_count; i++)
		if (!scan->proc->compare(scan->table[i], tid, KCMP_FILES, 0, 0))
			return false;
	scan->table = grow_array(scan->table, scan->table_count + 1,
				 sizeof(*scan->table));
	scan->table[scan->table_count++] = tid;
	return true;
}

static void see_thread(struct scan *scan, int tid)
{
	const struct dirent *entry;
	char path[64];
	DIR *dir;

	if (!is_new_table(scan, tid))
		return;
	snprintf(path, sizeof(path), "task/%d/fd", tid);
	dir = open_dir(scan, path);
	while (dir && (entry = readdir(dir))) {
		const int fd = parse_entry(entry->d_name);

		if (fd >= 0)
			see_fd(scan, tid, fd);
		/* The process is not readable, so the other descriptors are not either. */
		if (scan->denied)
			break;
	}
	if (dir)
		closedir(dir);
}

static void see_threads(struct scan *scan)
{
	DIR *task = open_dir(scan, "task");
	const struct dirent *entry;

	while (task && (entry = readdir(task))) {
		const int tid = parse_entry(entry->d_name);

		if (tid > 0)
			see_thread(scan, tid);
	}
	if (task)
		closedir(task);
}

static void see_process(struct gupx_pinfds *found,
			const struct gupx_pinfds_proc *proc, int pid)
{
	struct scan scan = {
		.found = found,
		.proc = proc,
		.pid = pid,
		.holder = SIZE_MAX,
	};
	struct task_stat stat = { 0 };
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%d", proc->path, pid);
	scan.dir_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (scan.dir_fd < 0)
		return;
	see_threads(&scan);
	if (scan.holder != SIZE_MAX) {
		struct gupx_pinfds_holder *holder = &found->holder[scan.holder];

		holder->marked = scan.marked;
		snprintf(holder->name, sizeof(holder->name), "%s", scan.marker);
	}
	/* Kernel threads have no descriptors. */
	if (scan.denied &&
	    !(read_stat(scan.dir_fd, &stat) && stat.kernel_thread))
		found->unreadable++;
	free(scan.table);
	close(scan.dir_fd);
}

void gupx_pinfds_scan(struct gupx_pinfds *found,
		      const struct gupx_pinfds_proc *proc, int pid)
{
	const struct dirent *entry;
	char first[PATH_MAX];
	DIR *dir;

	*found = (struct gupx_pinfds){ 0 };
	if (pid) {
		see_process(found, proc, pid);
		return;
	}
	/* Process 1 always exists. */
	snprintf(first, sizeof(first), "%s/1", proc->path);
	found->hidden = access(first, F_OK);
	dir = opendir(proc->path);
	while (dir && (entry = readdir(dir))) {
		const int process = parse_entry(entry->d_name);

		if (process > 0)
			see_process(found, proc, process);
	}
	if (dir)
		closedir(dir);
}

const struct gupx_pinfds_holder *
gupx_pinfds_find_name(const struct gupx_pinfds *found,
		      const struct gupx_pinfds_holder *holder, const char *name)
{
	size_t i = holder ? (size_t)(holder - found->holder) + 1 : 0;

	for (; i < found->holder_count; i++)
		if (gupx_pinfds_is_pin(&found->holder[i]) &&
		    found->holder[i].uid == geteuid() &&
		    !strcmp(found->holder[i].name, name))
			return &found->holder[i];
	return NULL;
}

void gupx_pinfds_free(struct gupx_pinfds *found)
{
	size_t i;

	for (i = 0; i < found->file_count; i++)
		free(found->file[i].ref);
	free(found->file);
	free(found->holder);
	*found = (struct gupx_pinfds){ 0 };
}

__u64 gupx_pinfds_start(const struct gupx_pinfds_proc *proc, int pid)
{
	struct task_stat stat = { 0 };
	char path[PATH_MAX];
	int dir_fd;

	snprintf(path, sizeof(path), "%s/%d", proc->path, pid);
	dir_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return 0;
	read_stat(dir_fd, &stat);
	close(dir_fd);
	return stat.start;
}
