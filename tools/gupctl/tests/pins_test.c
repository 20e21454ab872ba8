// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of gupctl pins and unpin. They test the parser of fdinfo, names, markers and
 * IDs of holders, and the search for pin fds in a directory that looks like /proc. Prints TAP.
 * The module is not needed.
 */
#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/kcmp.h>

#include "holder.h"
#include "out.h"
#include "pinfds.h"
#include "tap.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define HEAD "pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t77\n"
#define TARGET "gupx-target-pid:\t400\ngupx-target-start:\t9000\n"
#define SIZES                                                               \
	"gupx-extents:\t1\ngupx-pinned:\t64 kB\ngupx-pinned-write:\t0 kB\n" \
	"gupx-pinned-by-kernel:\t0 kB\ngupx-pinned-short:\t0 kB\n"          \
	"gupx-released:\t0 kB\ngupx-charged:\t36 kB\ngupx-seals:\t0x0\n"
#define RANGES                                         \
	"gupx-range:\t7f0000000000-7f0000008000 w 5\n" \
	"gupx-range:\t7f0000010000-7f0000018000 - 120\ngupx-ranges-more:\t9\n"

static void test_parse(void)
{
	static const struct {
		const char *name;
		const char *text;
		bool good;
	} cases[] = {
		{ "complete", HEAD TARGET SIZES RANGES, true },
		{ "without ranges", HEAD TARGET SIZES, true },
		{ "with a new line", HEAD TARGET SIZES "gupx-new:\tx\n", true },
		{ "empty", "", false },
		{ "only blank lines", "\n\n\n", false },
		{ "of another file", HEAD "eventfd-count: 1\n", false },
		{ "without a target", HEAD SIZES, false },
		{ "without an inode", TARGET SIZES, false },
		{ "key twice", HEAD TARGET TARGET SIZES, false },
		{ "negative PID",
		  HEAD "gupx-target-pid:\t-1\ngupx-target-start:\t9000\n" SIZES,
		  false },
		{ "PID too large",
		  HEAD
		  "gupx-target-pid:\t2147483648\ngupx-target-start:\t9\n" SIZES,
		  false },
		{ "number too large",
		  HEAD
		  "gupx-target-pid:\t1\ngupx-target-start:\t18446744073709551616\n" SIZES,
		  false },
		{ "size too large",
		  HEAD TARGET
		  "gupx-pinned:\t18014398509481984 kB\ngupx-charged:\t0 kB\n",
		  false },
		{ "no unit",
		  HEAD TARGET "gupx-pinned:\t64\ngupx-charged:\t0 kB\n",
		  false },
		{ "blank before the number",
		  HEAD TARGET "gupx-pinned:\t 64 kB\ngupx-charged:\t0 kB\n",
		  false },
		{ "text after the number",
		  HEAD TARGET "gupx-pinned:\t64 kB x\ngupx-charged:\t0 kB\n",
		  false },
		{ "cut off",
		  HEAD TARGET "gupx-charged:\t0 kB\ngupx-pinned:\t64", false },
		{ "key inside a line",
		  HEAD "x gupx-target-pid:\t1\ngupx-target-start:\t9\n" SIZES,
		  false },
		{ "range without an age",
		  HEAD TARGET SIZES "gupx-range:\t1000-2000\n", false },
		{ "range with an odd age",
		  HEAD TARGET SIZES "gupx-range:\t1000-2000 w \033[31m\n",
		  false },
		{ "range that is cut off",
		  HEAD TARGET SIZES "gupx-range:\t1000-2000 w 5", false },
		{ "odd bytes", "\xff\n\033[31m\n" HEAD TARGET SIZES, true },
	};
	struct gupx_pinfds_facts facts;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		tap_report(gupx_pinfds_parse(cases[i].text, &facts) ==
				   cases[i].good,
			   "fdinfo", cases[i].name);
	gupx_pinfds_parse(HEAD TARGET SIZES RANGES, &facts);
	tap_report(facts.inode == 77 && facts.target_pid == 400 &&
			   facts.target_start == 9000 && facts.bytes == 65536 &&
			   facts.charged == 36864 && facts.age == 120,
		   "fdinfo", "values, and the age of the oldest range");
}

/* Parse each prefix of a text, and texts with one byte replaced. valgrind finds overruns. */
static void test_damaged(void)
{
	static const char text[] = HEAD TARGET SIZES RANGES;
	struct gupx_pinfds_facts facts;
	size_t good = 0;
	size_t i;

	for (i = 0; i < sizeof(text); i++) {
		char *copy = strndup(text, i);

		good += gupx_pinfds_parse(copy, &facts);
		free(copy);
		copy = strdup(text);
		copy[i] = '\xff';
		if (i < sizeof(text) - 1)
			good += gupx_pinfds_parse(copy, &facts) &&
				facts.bytes != 65536;
		free(copy);
	}
	/* The lines with the ranges are optional: 4 prefixes end with a line after SIZES. */
	tap_report(good >= 4 && good < 64, "fdinfo", "damaged texts");
}

static void test_names(void)
{
	static const struct {
		const char *name;
		bool good;
	} cases[] = {
		{ "cache", true },	 { "a", true },
		{ "db-1.main_x", true }, { "unit@7:a+b", true },
		{ "", false },		 { "7", false },
		{ "7-3f", false },	 { "-x", false },
		{ ".x", false },	 { "a b", false },
		{ "a/b", false },	 { "a\n", false },
		{ "\033[31m", false },	 { "caf\xc3\xa9", false },
	};
	char text[GUPX_HOLDER_NAME_MAX + 2];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		tap_report(gupx_holder_is_name(cases[i].name) == cases[i].good,
			   "name", cases[i].good ? cases[i].name : "bad");
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	tap_report(!gupx_holder_is_name(text), "name", "too long");
	tap_report(gupx_holder_is_name(text + 1), "name", "longest");
}

static void test_markers(void)
{
	static const struct {
		const char *link, *name;
	} cases[] = {
		{ "/memfd:gupctl-pin:cache (deleted)", "cache" },
		{ "/memfd:gupctl-pin: (deleted)", "" },
		{ "/memfd:gupctl-pin:a (deleted) (deleted)", "a (deleted)" },
		{ "/memfd:gupctl-pin:\n\xff (deleted)", "\n\xff" },
		{ "/memfd:gupctl-pin:cache", NULL },
		{ "/memfd:gupctl-pin (deleted)", NULL },
		{ "/memfd:gupctl-pin:(deleted)", NULL },
		{ "memfd:gupctl-pin:cache (deleted)", NULL },
		{ "/memfd:other (deleted)", NULL },
		{ "/memfd:gupctl-pin:far-too-long-for-it (deleted)", NULL },
		{ "", NULL },
	};
	char name[16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const bool found = gupx_holder_parse_marker(cases[i].link, name,
							    sizeof(name));

		tap_report(found == !!cases[i].name &&
				   (!found || !strcmp(name, cases[i].name)),
			   "marker", found ? "found" : "none");
	}
}

/* The marker of this process is found in /proc, and is closed by exec. */
static void test_own_marker(void)
{
	char path[64], link[512], name[64] = "";
	const int fd = gupx_holder_mark("own.name");
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, link, sizeof(link) - 1);
	link[length > 0 ? length : 0] = '\0';
	tap_report(fd >= 0 &&
			   gupx_holder_parse_marker(link, name, sizeof(name)) &&
			   !strcmp(name, "own.name"),
		   "marker", "own");
	close(fd);
}

static void test_ids(void)
{
	static const char *const bad[] = {
		"",	"12",	  "12-",	  "-3f",
		"0-3f", "+1-3f",  " 1-3f",	  "1-3F",
		"1-3g", "1-0x3f", "1-3f ",	  "1--3",
		"1-3-", "name",	  "2147483648-1", "1-10000000000000000"
	};
	struct gupx_holder_id id = gupx_holder_format_id(412, 0x3f9a1c);
	__u64 start = 0;
	int pid = 0;
	size_t i;

	tap_report(gupx_holder_parse_id(id.text, &pid, &start) && pid == 412 &&
			   start == 0x3f9a1c,
		   "id", id.text);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		tap_report(!gupx_holder_parse_id(bad[i], &pid, &start), "id",
			   bad[i]);
}

/* The directory that looks like /proc. */
static char proc_path[64];

/* Write @text to a file below that directory. */
static void write_file(const char *text, const char *format, ...)
{
	char path[256];
	va_list args;
	FILE *file;
	int used = snprintf(path, sizeof(path), "%s/", proc_path);
	char *slash;

	va_start(args, format);
	vsnprintf(path + used, sizeof(path) - (size_t)used, format, args);
	va_end(args);
	for (slash = path + used; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	file = fopen(path, "we");
	if (!file || fputs(text, file) < 0 || fclose(file))
		tap_report(false, "setup", path);
}

static void make_link(const char *leads_to, const char *format, ...)
{
	char path[256];
	va_list args;
	int used = snprintf(path, sizeof(path), "%s/", proc_path);

	va_start(args, format);
	vsnprintf(path + used, sizeof(path) - (size_t)used, format, args);
	va_end(args);
	if (symlink(leads_to, path))
		tap_report(false, "setup", path);
}

static void add_process(int pid, const char *comm, int start)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "%d (%s) S 1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 %d 0\n",
		 pid, comm, start);
	write_file(text, "%d/stat", pid);
	write_file("Name:\tx\nUid:\t1000\t1001\t1002\t1003\n", "%d/status",
		   pid);
	write_file("", "%d/task/%d/fd/none", pid, pid);
}

static void add_fd(int pid, int tid, int fd, const char *link,
		   const char *fdinfo)
{
	write_file(fdinfo, "%d/task/%d/fdinfo/%d", pid, tid, fd);
	write_file("", "%d/task/%d/fd/none", pid, tid);
	make_link(link, "%d/task/%d/fd/%d", pid, tid, fd);
}

/*
 * Compare like kcmp(). Descriptors 5 and 6 are of the same file in all processes. Thread 11
 * shares the table of its process 10, thread 12 does not.
 */
static int compare(int a, int b, int type, int fd_a, int fd_b)
{
	if (type == KCMP_FILES)
		return !(a == b || a + b == 10 + 11);
	if (a == 30 || b == 30) {
		errno = EPERM;
		return -1;
	}
	return !(fd_a == fd_b || (fd_a == 5 && fd_b == 6) ||
		 (fd_a == 6 && fd_b == 5));
}

static const struct gupx_pinfds_proc proc = {
	.path = proc_path,
	.compare = compare,
};

#define PINS "anon_inode:[gupx-pins]"
#define FDINFO HEAD TARGET SIZES RANGES

static void build_proc(void)
{
	add_process(400, "tar) get\n", 9000);
	add_process(10, "gupctl", 500);
	make_link("/proc/self/exe", "10/exe");
	add_fd(10, 10, 3, "/memfd:gupctl-pin:\033[31mx (deleted)", "");
	add_fd(10, 10, 5, PINS, FDINFO);
	/* Thread 11 shares the table, so it must not be counted again. */
	add_fd(10, 11, 3, "/memfd:gupctl-pin:\033[31mx (deleted)", "");
	add_fd(10, 11, 5, PINS, FDINFO);
	add_fd(10, 12, 7, PINS, FDINFO);
	/* Process 20 got a copy of descriptor 5. */
	add_process(20, "other", 600);
	add_fd(20, 20, 6, PINS, FDINFO);
	/* The kernel does not compare the files of process 30. */
	add_process(30, "sandbox", 700);
	add_fd(30, 30, 5, PINS, FDINFO);
	/* Process 40 has a dma-buf with these lines, and a pin fd of another version. */
	add_process(40, "liar", 800);
	add_fd(40, 40, 5, "/dmabuf:", FDINFO);
	add_fd(40, 40, 6, PINS, "gupx-target-pid:\t1\n");
	/* These are no processes. */
	write_file("", "4x/stat");
	write_file("", "self/stat");
}

static int remove_one(const char *path, const struct stat *unused, int type,
		      struct FTW *at)
{
	(void)unused;
	(void)type;
	(void)at;
	return remove(path);
}

static void test_scan(void)
{
	const struct gupx_pinfds_file *passed = NULL, *gone = NULL;
	const struct gupx_pinfds_holder *holder;
	struct gupx_pinfds found;
	size_t i, refs = 0;

	snprintf(proc_path, sizeof(proc_path), "/tmp/gupctl-pins-XXXXXX");
	if (!mkdtemp(proc_path)) {
		tap_report(false, "scan", "no directory");
		return;
	}
	build_proc();
	gupx_pinfds_scan(&found, &proc, 0);
	for (i = 0; i < found.file_count; i++) {
		refs += found.file[i].ref_count;
		if (found.file[i].ref_count == 2)
			passed = &found.file[i];
	}
	tap_report(found.file_count == 3 && refs == 4 && passed, "scan",
		   "a pin fd in two processes is listed once");
	tap_report(found.holder_count == 3, "scan", "holders");
	tap_report(found.unknown == 1, "scan", "other fdinfo");
	tap_report(found.hidden, "scan", "no process 1: hidden");
	tap_report(passed && passed->target_lives &&
			   !strcmp(passed->target_comm, "tar) get\n"),
		   "scan", "name of the target");
	for (i = 0; i < found.holder_count; i++) {
		holder = &found.holder[i];
		if (holder->pid == 10)
			tap_report(holder->marked && holder->is_gupctl &&
					   holder->uid == 1001 &&
					   holder->start == 500 &&
					   !strcmp(holder->name, "\033[31mx"),
				   "scan", "a holder");
		else
			tap_report(!holder->marked && !holder->is_gupctl,
				   "scan", "another program");
	}
	gupx_pinfds_free(&found);
	/* The PID of the target belongs to another process now. */
	add_process(400, "new", 9001);
	gupx_pinfds_scan(&found, &proc, 20);
	gone = found.file_count == 1 ? &found.file[0] : NULL;
	tap_report(gone && !gone->target_lives && !*gone->target_comm, "scan",
		   "PID of the target was used again");
	gupx_pinfds_free(&found);
	tap_report(gupx_pinfds_start(&proc, 10) == 500 &&
			   !gupx_pinfds_start(&proc, 11),
		   "scan", "start times");
	nftw(proc_path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	gupx_out_init(false, false);
	test_parse();
	test_damaged();
	test_names();
	test_markers();
	test_own_marker();
	test_ids();
	test_scan();
	return tap_end();
}
