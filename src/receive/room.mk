# SPDX-License-Identifier: MIT
noinst_LIBRARIES += src/receive/libreceive.a
src_receive_libreceive_a_SOURCES = \
	src/receive/companion.c \
	src/receive/companion.h \
	src/receive/migrate.c \
	src/receive/plan.c \
	src/receive/plan.h \
	src/receive/plan_take.c \
	src/receive/plan_v1.c \
	src/receive/plan_v2.c \
	src/receive/receive.h \
	src/receive/staged.c \
	src/receive/staged.h \
	src/receive/tasks.c \
	src/receive/tasks.h
