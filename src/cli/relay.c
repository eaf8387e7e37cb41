/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "cli/cli.h"

static const struct wlt_command commands[] = {
	{"setup", wlt_cli_relay_setup, "make your keys and your relay"},
	{"invite", wlt_cli_relay_invite, "let a peer send to you"},
	{"accept", wlt_cli_relay_accept, "send to a peer who has invited you"},
	{"status", wlt_cli_relay_status, "show your relay, your key and your peers"},
};

int wlt_cli_relay(int argc, char **argv)
{
	return wlt_cli_dispatch("walnut relay", commands, sizeof commands / sizeof commands[0],
				argc, argv);
}
