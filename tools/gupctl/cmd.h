/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entry points of the commands. Each function parses its arguments, runs the command
 * and returns the exit status.
 */
#ifndef GUPX_CMD_H
#define GUPX_CMD_H

int gupx_cmd_doctor(int argc, char **argv);
int gupx_cmd_explain(int argc, char **argv);
int gupx_cmd_info(int argc, char **argv);
int gupx_cmd_map(int argc, char **argv);
int gupx_cmd_pin(int argc, char **argv);
int gupx_cmd_pins(int argc, char **argv);
int gupx_cmd_populate(int argc, char **argv);
int gupx_cmd_read(int argc, char **argv);
int gupx_cmd_unpin(int argc, char **argv);

#endif
