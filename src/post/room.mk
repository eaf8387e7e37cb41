# SPDX-License-Identifier: MIT
noinst_LIBRARIES += src/post/libpost.a
src_post_libpost_a_SOURCES = \
	src/post/arrivals.c \
	src/post/arrivals.h \
	src/post/backoff.c \
	src/post/backoff.h \
	src/post/completion.c \
	src/post/completion.h \
	src/post/config.c \
	src/post/desk.c \
	src/post/drop.c \
	src/post/drop_attributes.c \
	src/post/drop_record.c \
	src/post/drop_writers.c \
	src/post/events.c \
	src/post/events.h \
	src/post/known.c \
	src/post/known.h \
	src/post/open.c \
	src/post/packer.c \
	src/post/packing.c \
	src/post/packing.h \
	src/post/packing_origin.c \
	src/post/poller.c \
	src/post/post.c \
	src/post/post.h \
	src/post/post_private.h \
	src/post/sender.c \
	src/post/sent.c \
	src/post/spool.c \
	src/post/status.c \
	src/post/waiters.c \
	src/post/watch.c \
	src/post/writers.c \
	src/post/writers.h

# Where the state lies; relay operations in a child process.
src_post_libpost_a_SOURCES += \
	src/post/courier.c \
	src/post/courier.h \
	src/post/courier_acts.c \
	src/post/courier_child.c \
	src/post/courier_child.h \
	src/post/courier_mail.c \
	src/post/state_dir.c \
	src/post/state_dir.h
