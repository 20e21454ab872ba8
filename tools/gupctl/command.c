// SPDX-License-Identifier: GPL-2.0
/* Run a command while pins are held. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"
#include "command.h"
#include "out.h"
#include "signals.h"

/* Signals that end gupctl otherwise, or that a command may use. */
static const int passed[] = { SIGINT,  SIGTERM, SIGHUP, SIGQUIT,
			      SIGUSR1, SIGUSR2, SIGALRM };

/* Wait for permission to run, run the command, and report to gupctl if that fails. */
static __attribute__((noreturn)) void run_child(int line, char **argv)
{
	char go;
	int error;

	/* gupctl has closed the socket if the pins have failed. */
	if (read(line, &go, 1) != 1)
		_exit(GUPX_EXIT_REFUSED);
	execvp(argv[0], argv);
	error = errno;
	send(line, &error, sizeof(error), MSG_NOSIGNAL);
	_exit(error == ENOENT ? GUPX_COMMAND_NOT_FOUND
			      : GUPX_COMMAND_NOT_EXECUTABLE);
}

void gupx_command_fork(struct gupx_command *command, char **argv)
{
	int ends[2];

	*command = (struct gupx_command){ .argv = argv, .pidfd = -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		gupx_out_die(GUPX_EXIT_REFUSED, "fork", NULL,
			     "cannot start a command: %s", strerror(errno));
	command->child = gupx_child_fork();
	if (!command->child) {
		close(ends[0]);
		run_child(ends[1], argv);
	}
	close(ends[1]);
	command->line = ends[0];
	if (command->child > 0)
		command->pidfd = pidfd_open(command->child, 0);
	if (command->pidfd < 0)
		gupx_out_die(GUPX_EXIT_REFUSED, "fork", NULL,
			     "cannot start a command: %s", strerror(errno));
}

/* Return: the exit status of the child, as a shell would report it. */
static int reap(struct gupx_command *command)
{
	close(command->line);
	close(command->pidfd);
	return gupx_child_reap(command->child);
}

void gupx_command_cancel(struct gupx_command *command)
{
	shutdown(command->line, SHUT_RDWR);
	reap(command);
}

/* Let the child run the command. Return: 0, or an errno if the command does not start. */
static int start(const struct gupx_command *command)
{
	int error = 0;
	ssize_t got;

	/* If the child was killed meanwhile, its exit status says so. */
	if (send(command->line, "", 1, MSG_NOSIGNAL) != 1)
		return 0;
	/* The socket is closed on exec. */
	do {
		got = recv(command->line, &error, sizeof(error), MSG_WAITALL);
	} while (got < 0 && errno == EINTR);
	return got == sizeof(error) ? error : 0;
}

/*
 * Pass on a signal. The terminal sends Ctrl-C to all processes of the job, so the command has
 * that one already. The child is not reaped here, so its PID stays valid.
 */
static void pass_signal(const struct gupx_command *command, int signal_fd)
{
	struct signalfd_siginfo info;

	if (read(signal_fd, &info, sizeof(info)) == sizeof(info) &&
	    info.ssi_code != SI_KERNEL)
		kill(command->child, (int)info.ssi_signo);
}

static void wait_for_end(const struct gupx_command *command, int signal_fd,
			 struct pollfd *files, size_t count,
			 void (*see)(void *priv), void *priv)
{
	struct pollfd *all = calloc(count + 2, sizeof(*all));
	size_t i;

	if (!all)
		gupx_out_no_memory();
	do {
		all[0] = (struct pollfd){ .fd = command->pidfd,
					  .events = POLLIN };
		all[1] = (struct pollfd){ .fd = signal_fd, .events = POLLIN };
		/* @see sets the descriptors of files that it is done with to -1. */
		if (count)
			memcpy(all + 2, files, count * sizeof(*files));
		if (poll(all, count + 2, -1) < 0 && errno != EINTR)
			break;
		if (all[1].revents)
			pass_signal(command, signal_fd);
		for (i = 0; i < count; i++)
			files[i].revents = all[i + 2].revents;
		see(priv);
	} while (!all[0].revents);
	free(all);
}

int gupx_command_run(struct gupx_command *command, struct pollfd *files,
		     size_t count, void (*see)(void *priv), void *priv)
{
	sigset_t set, before;
	int signal_fd, error;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		sigaddset(&set, passed[i]);
	sigprocmask(SIG_BLOCK, &set, &before);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	/* A signal that came before is for gupctl: do not start the command. */
	if (signal_fd < 0 || gupx_signals_received()) {
		gupx_command_cancel(command);
		return gupx_signals_received()
			       ? GUPX_EXIT_SIGNAL + gupx_signals_received()
			       : GUPX_EXIT_REFUSED;
	}
	error = start(command);
	if (error)
		gupx_out_warn("cannot run '%s': %s", command->argv[0],
			      strerror(error));
	wait_for_end(command, signal_fd, files, count, see, priv);
	close(signal_fd);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return reap(command);
}
