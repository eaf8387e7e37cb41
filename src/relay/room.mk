# SPDX-License-Identifier: MIT
noinst_LIBRARIES += src/relay/librelay.a
src_relay_librelay_a_SOURCES = \
	src/relay/admin.c \
	src/relay/apply.c \
	src/relay/config.c \
	src/relay/config_file.h \
	src/relay/git.c \
	src/relay/git.h \
	src/relay/local.c \
	src/relay/local_copy.c \
	src/relay/local_copy.h \
	src/relay/mailbox.c \
	src/relay/mirror.c \
	src/relay/mirror.h \
	src/relay/names.c \
	src/relay/peek.c \
	src/relay/relay.h \
	src/relay/transport.c \
	src/relay/url.c
