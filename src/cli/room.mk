# SPDX-License-Identifier: MIT
bin_PROGRAMS += walnut
walnut_SOURCES = \
	src/cli/ask.c \
	src/cli/ask.h \
	src/cli/cli.c \
	src/cli/cli.h \
	src/cli/create.c \
	src/cli/errand.c \
	src/cli/extract.c \
	src/cli/info.c \
	src/cli/interrupt.c \
	src/cli/interrupt.h \
	src/cli/keys.c \
	src/cli/keys.h \
	src/cli/keys_add.c \
	src/cli/keys_list.c \
	src/cli/keys_remove.c \
	src/cli/keys_show.c \
	src/cli/keys_trust.c \
	src/cli/list_bundles.c \
	src/cli/migrate.c \
	src/cli/opening.c \
	src/cli/opening.h \
	src/cli/output.c \
	src/cli/output.h \
	src/cli/passphrase.c \
	src/cli/passphrase.h \
	src/cli/places.c \
	src/cli/progress.c \
	src/cli/progress.h \
	src/cli/relay.c \
	src/cli/relay_accept.c \
	src/cli/relay_invite.c \
	src/cli/relay_setup.c \
	src/cli/relay_status.c \
	src/cli/sharing.c \
	src/cli/sharing.h \
	src/cli/terminal.c \
	src/cli/terminal.h \
	src/cli/unpack.c \
	src/cli/unpack.h \
	src/cli/verify.c \
	src/cli/walnut.c
walnut_LDADD = src/receive/libreceive.a $(POST_LIBS) $(CRYPTO_LIBS)

bashcompletion_DATA += src/cli/completion/walnut
src/cli/completion/walnut: src/cli/walnut.bash-completion
	$(AM_V_GEN)$(MKDIR_P) $(@D) && cp $(srcdir)/src/cli/walnut.bash-completion $@
EXTRA_DIST += src/cli/walnut.bash-completion
CLEANFILES += src/cli/completion/walnut
