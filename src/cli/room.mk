# SPDX-License-Identifier: MIT
bin_PROGRAMS += walnut
walnut_SOURCES = \
	src/cli/cli.c \
	src/cli/cli.h \
	src/cli/errand.c \
	src/cli/places.c \
	src/cli/relay.c \
	src/cli/relay_accept.c \
	src/cli/relay_invite.c \
	src/cli/relay_setup.c \
	src/cli/relay_status.c \
	src/cli/terminal.c \
	src/cli/terminal.h \
	src/cli/walnut.c
walnut_LDADD = $(POST_LIBS) $(CRYPTO_LIBS)
