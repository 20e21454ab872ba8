// SPDX-License-Identifier: GPL-2.0
/* Find the processes that the arguments select. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "escape.h"
#include "out.h"
#include "select.h"

/* Length of the name of a process in /proc/PID/comm, without the NUL */
#define COMM_MAX 15

/* nftw() passes no data to its function, so it is here. */
static struct {
	struct gupx_selection *selection;
	const char *unit;
	char *path;
} walk;

static void add_process(struct gupx_selection *selection, int pid, int dir_fd)
{
	struct gupx_selected *grown;
	size_t i;

	for (i = 0; i < selection->count; i++)
		if (selection->process[i].pid == pid)
			break;
	/* gupctl may be in the cgroup that it selects. It does not act on itself. */
	if (i < selection->count || pid == getpid()) {
		if (dir_fd >= 0)
			close(dir_fd);
		return;
	}
	grown = reallocarray(selection->process, selection->count + 1,
			     sizeof(*grown));
	if (!grown)
		gupx_out_no_memory();
	selection->process = grown;
	grown[selection->count++] = (struct gupx_selected){ pid, dir_fd };
}

static int open_process(int pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Look at a process. Return: true to keep the file descriptor of /proc/PID. */
typedef bool see_process(struct gupx_selection *selection, int pid, int dir_fd,
			 const void *data);

/* Call @see for each process. */
static void scan_processes(see_process *see, struct gupx_selection *selection,
			   const void *data)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		const int pid = atoi(entry->d_name);
		const int dir_fd = pid > 0 ? open_process(pid) : -1;

		if (dir_fd >= 0 && !see(selection, pid, dir_fd, data))
			close(dir_fd);
	}
	if (proc)
		closedir(proc);
}

static ssize_t read_at(int dir_fd, const char *name, char *text, size_t room)
{
	const int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -1;
	got = read(fd, text, room - 1);
	text[got > 0 ? got : 0] = '\0';
	close(fd);
	return got;
}

/* Compare a name with @wanted, which may have been copied from the output of gupctl. */
static bool is_named(const char *name, const char *wanted)
{
	char *shown = gupx_escape(name);
	const bool same = !strcmp(name, wanted) || !strcmp(shown, wanted);

	free(shown);
	return same;
}

/*
 * Add a process whose name or program is @data. A long name is cut off in comm, so the
 * program decides then.
 */
static bool see_name(struct gupx_selection *selection, int pid, int dir_fd,
		     const void *data)
{
	static const char deleted[] = " (deleted)";
	const char *wanted = data;
	char comm[80], exe[PATH_MAX] = "";
	const char *base;
	ssize_t length;
	bool match;

	length = read_at(dir_fd, "comm", comm, sizeof(comm));
	if (length <= 0)
		return false;
	comm[length - 1] = '\0';
	length = readlinkat(dir_fd, "exe", exe, sizeof(exe) - 1);
	exe[length > 0 ? length : 0] = '\0';
	length = (ssize_t)strlen(exe) - (ssize_t)strlen(deleted);
	if (length > 0 && !strcmp(exe + length, deleted))
		exe[length] = '\0';
	base = strrchr(exe, '/');
	match = is_named(comm, wanted) ||
		(base && (is_named(base + 1, wanted) || is_named(exe, wanted)));
	/* Without the right to read the program, only the beginning is known. */
	if (!match && !*exe && strlen(wanted) > COMM_MAX)
		match = !strncmp(comm, wanted, COMM_MAX) &&
			strlen(comm) == COMM_MAX;
	if (match)
		add_process(selection, pid, dir_fd);
	return match;
}

struct pair {
	int pid, parent;
};

struct pairs {
	struct pair *pair;
	size_t count;
};

static bool see_parent(struct gupx_selection *selection, int pid, int dir_fd,
		       const void *data)
{
	struct pairs *pairs = (struct pairs *)data;
	struct pair *grown;
	char text[1024];
	const char *end;
	int parent;

	(void)selection;
	if (read_at(dir_fd, "stat", text, sizeof(text)) <= 0)
		return false;
	end = strrchr(text, ')');
	if (!end || sscanf(end + 1, " %*c %d", &parent) != 1)
		return false;
	grown = reallocarray(pairs->pair, pairs->count + 1, sizeof(*grown));
	if (!grown)
		return false;
	pairs->pair = grown;
	grown[pairs->count++] = (struct pair){ pid, parent };
	return false;
}

/* Add the children of all selected processes, their children and so on. */
static void add_descendants(struct gupx_selection *selection)
{
	struct pairs pairs = { 0 };
	size_t i, j;

	scan_processes(see_parent, selection, &pairs);
	for (i = 0; i < selection->count; i++)
		for (j = 0; j < pairs.count; j++)
			if (pairs.pair[j].parent == selection->process[i].pid)
				add_process(selection, pairs.pair[j].pid, -1);
	free(pairs.pair);
}

static __attribute__((noreturn)) void
die_no_target(const char *what, const char *name, const char *why)
{
	gupx_out_die(GUPX_EXIT_REFUSED, "no_such_process",
		     "find processes with pgrep, ps or systemctl status",
		     "%s '%s'%s%s", what, name, why ? ": " : "",
		     why ? why : "");
}

static void add_name(struct gupx_selection *selection, const char *name)
{
	const size_t before = selection->count;

	scan_processes(see_name, selection, name);
	if (selection->count == before)
		die_no_target("no process with the name", name, NULL);
}

static void add_pidfile(struct gupx_selection *selection, const char *path)
{
	FILE *file = fopen(path, "re");
	int pid = 0;

	if (!file)
		die_no_target("cannot read the PID file", path,
			      strerror(errno));
	if (fscanf(file, "%d", &pid) != 1 || pid < 1)
		pid = 0;
	fclose(file);
	if (!pid)
		die_no_target("no PID in the file", path, NULL);
	add_process(selection, pid, -1);
}

/* Add the processes of one cgroup.procs. */
static int see_file(const char *path, const struct stat *unused, int type,
		    struct FTW *at)
{
	FILE *file;
	int pid;

	(void)unused;
	if (type != FTW_F || strcmp(path + at->base, "cgroup.procs"))
		return 0;
	file = fopen(path, "re");
	if (!file)
		return 0;
	/* Processes of another PID namespace are listed as 0. */
	while (fscanf(file, "%d", &pid) == 1)
		if (pid > 0)
			add_process(walk.selection, pid, -1);
	fclose(file);
	return 0;
}

static void add_cgroup(struct gupx_selection *selection, const char *name)
{
	char path[PATH_MAX];
	struct stat dir;

	snprintf(path, sizeof(path), "%s/cgroup.procs", name);
	if (!stat(path, &dir))
		snprintf(path, sizeof(path), "%s", name);
	else
		snprintf(path, sizeof(path), CGROUPS "/%s",
			 name + strspn(name, "/"));
	if (stat(path, &dir) || !S_ISDIR(dir.st_mode))
		die_no_target("no cgroup", name, NULL);
	walk.selection = selection;
	nftw(path, see_file, 16, FTW_PHYS);
	if (!selection->count)
		die_no_target("no process in the cgroup", name, NULL);
}

/* Stop at the cgroup of the unit. systemd names the directory like the unit. */
static int see_cgroup(const char *path, const struct stat *unused, int type,
		      struct FTW *at)
{
	(void)unused;
	if (type != FTW_D || strcmp(path + at->base, walk.unit))
		return 0;
	walk.path = strdup(path);
	return 1;
}

static void add_unit(struct gupx_selection *selection, const char *unit)
{
	char name[NAME_MAX + 1];

	snprintf(name, sizeof(name), "%s%s", unit,
		 strchr(unit, '.') ? "" : ".service");
	walk.unit = name;
	walk.path = NULL;
	nftw(CGROUPS, see_cgroup, 16, FTW_PHYS);
	if (!walk.path)
		die_no_target("no running unit", name, NULL);
	add_cgroup(selection, walk.path);
	free(walk.path);
}

void gupx_select(struct gupx_selection *selection, const struct gupx_args *args)
{
	const bool by_number = args->pid_count && !args->name &&
			       !args->pidfile && !args->cgroup && !args->unit &&
			       !args->tree;
	size_t i;

	*selection = (struct gupx_selection){
		.single = by_number && args->pid_count == 1,
	};
	if (args->name)
		add_name(selection, args->name);
	if (args->pidfile)
		add_pidfile(selection, args->pidfile);
	if (args->cgroup)
		add_cgroup(selection, args->cgroup);
	if (args->unit)
		add_unit(selection, args->unit);
	for (i = 0; i < args->pid_count; i++)
		add_process(selection, args->pid[i], -1);
	if (args->tree)
		add_descendants(selection);
	if (!selection->count)
		gupx_out_die(GUPX_EXIT_REFUSED, "no_such_process", NULL,
			     "gupctl does not act on itself");
}

void gupx_select_free(struct gupx_selection *selection)
{
	free(selection->process);
	*selection = (struct gupx_selection){ 0 };
}
