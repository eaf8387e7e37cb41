# SPDX-License-Identifier: MIT
bin_PROGRAMS += walnutfs
walnutfs_SOURCES = \
	src/walnutfs/packed.c src/walnutfs/packed.h \
	src/walnutfs/control.c \
	src/walnutfs/inbox.c \
	src/walnutfs/inbox_attributes.c src/walnutfs/inbox_attributes.h \
	src/walnutfs/listing.c src/walnutfs/listing.h \
	src/walnutfs/ll.c \
	src/walnutfs/look.c src/walnutfs/look.h \
	src/walnutfs/main.c \
	src/walnutfs/mount.h \
	src/walnutfs/node.c src/walnutfs/node.h \
	src/walnutfs/notify.c src/walnutfs/notify.h \
	src/walnutfs/options.c src/walnutfs/options.h \
	src/walnutfs/outbox.c src/walnutfs/outbox.h \
	src/walnutfs/outbox_attributes.c \
	src/walnutfs/outbox_files.c \
	src/walnutfs/outbox_names.c \
	src/walnutfs/pending.c src/walnutfs/pending.h \
	src/walnutfs/root.c \
	src/walnutfs/vault.c src/walnutfs/vault.h
walnutfs_LDADD = $(POST_LIBS) $(FUSE3_LIBS) -lm

# bash looks for completions in files that are called as the command.
bashcompletiondir = $(datadir)/bash-completion/completions
bashcompletion_DATA = src/walnutfs/completion/walnutfs
src/walnutfs/completion/walnutfs: src/walnutfs/walnutfs.bash-completion
	$(AM_V_GEN)$(MKDIR_P) $(@D) && cp $(srcdir)/src/walnutfs/walnutfs.bash-completion $@
EXTRA_DIST += src/walnutfs/walnutfs.bash-completion
CLEANFILES += src/walnutfs/completion/walnutfs
