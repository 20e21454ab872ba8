/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Find the pin fds of all processes that the caller may read in /proc.
 *
 * Glossary
 *   holder  process that has a pin fd open
 *   file    one pin fd; several descriptors, also of several processes, may refer to it
 *   marker  memfd by which "gupctl pin" gives itself a name; see holder.h
 *
 * Trust: the kernel writes fdinfo, and the links in /proc/PID/fd except for the name of a
 * memfd. All other text (comm, names) is chosen by the processes.
 */
#ifndef GUPX_PINFDS_H
#define GUPX_PINFDS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <linux/types.h>

/**
 * struct gupx_pinfds_facts - content of the fdinfo of a pin fd
 * @inode: inode number; before Linux 6.7, all pin fds have the same
 * @target_pid: PID of the target in the PID namespace of /proc, or 0
 * @target_start: start time of the target in clock ticks since boot
 * @bytes: number of bytes that are held
 * @charged: number of bytes that were charged
 * @age: age of the oldest range in seconds
 */
struct gupx_pinfds_facts {
	__u64 inode;
	__u64 target_pid;
	__u64 target_start;
	__u64 bytes;
	__u64 charged;
	__u64 age;
};

/**
 * struct gupx_pinfds_holder - a process that has a pin fd open
 * @pid: PID
 * @start: start time in clock ticks since boot
 * @uid: effective user ID
 * @comm: command name; may contain any byte
 * @marked: true if the process has a marker
 * @is_gupctl: true if the process runs the program of the caller, or ran the file that an
 *	update has replaced by it
 * @name: name in the marker, or ""; may contain any byte
 */
struct gupx_pinfds_holder {
	int pid;
	__u64 start;
	uid_t uid;
	char comm[80];
	bool marked;
	bool is_gupctl;
	char name[256];
};

/* Return: true if the process is one of "gupctl pin", which gupctl unpin may end. */
static inline bool gupx_pinfds_is_pin(const struct gupx_pinfds_holder *holder)
{
	return holder->marked && holder->is_gupctl;
}

/**
 * struct gupx_pinfds_ref - a descriptor that refers to a pin fd
 * @holder: index of the process in gupx_pinfds.holder
 * @tid: thread that owns the table of descriptors; the PID, unless the thread has left the
 *	table of its process by unshare(CLONE_FILES)
 * @fd: number of the descriptor
 */
struct gupx_pinfds_ref {
	size_t holder;
	int tid;
	int fd;
};

/**
 * struct gupx_pinfds_file - a pin fd
 * @facts: content of its fdinfo
 * @target_comm: name of the target; "" if it has exited, or is not visible
 * @target_lives: true if the target still runs
 * @ref: descriptors, in the order of the PIDs
 * @ref_count: number of elements of @ref
 */
struct gupx_pinfds_file {
	struct gupx_pinfds_facts facts;
	char target_comm[80];
	bool target_lives;
	struct gupx_pinfds_ref *ref;
	size_t ref_count;
};

/**
 * struct gupx_pinfds - all pin fds that the caller may see
 * @file: pin fds, each once
 * @holder: processes that have them open
 * @unreadable: number of processes that the caller may not read
 * @unknown: number of pin fds whose fdinfo gupctl does not understand
 * @hidden: true if /proc does not list the processes of other users
 */
struct gupx_pinfds {
	struct gupx_pinfds_file *file;
	size_t file_count;
	struct gupx_pinfds_holder *holder;
	size_t holder_count;
	size_t unreadable;
	size_t unknown;
	bool hidden;
};

/**
 * struct gupx_pinfds_proc - source of the processes
 * @path: directory, usually "/proc"
 * @compare: kcmp(); returns 0 if both are the same, else another number
 */
struct gupx_pinfds_proc {
	const char *path;
	int (*compare)(int a, int b, int type, int fd_a, int fd_b);
};

/* The processes of this machine. */
extern const struct gupx_pinfds_proc gupx_pinfds_proc;

/*
 * Parse the text of an fdinfo. Return: true, or false if it is not that of a pin fd: a
 * line is missing, occurs twice, or has another form.
 */
bool gupx_pinfds_parse(const char *text, struct gupx_pinfds_facts *facts);

/* Find all pin fds. If @pid is not 0, read only that process. */
void gupx_pinfds_scan(struct gupx_pinfds *found,
		      const struct gupx_pinfds_proc *proc, int pid);

/*
 * Find the next process of "gupctl pin" with a name, in the array of holders from @holder on;
 * from the start if @holder is NULL. Only holders of the same user count, because every user
 * can give any name to his own processes. Return: NULL if there is none.
 */
const struct gupx_pinfds_holder *
gupx_pinfds_find_name(const struct gupx_pinfds *found,
		      const struct gupx_pinfds_holder *holder,
		      const char *name);

void gupx_pinfds_free(struct gupx_pinfds *found);

/* Return: the start time of process @pid in clock ticks since boot, or 0. */
__u64 gupx_pinfds_start(const struct gupx_pinfds_proc *proc, int pid);

#endif
