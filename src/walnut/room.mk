# SPDX-License-Identifier: MIT
noinst_LIBRARIES += src/walnut/libwalnut.a
src_walnut_libwalnut_a_SOURCES = \
	src/walnut/bundles.c \
	src/walnut/glob.c \
	src/walnut/layout.c \
	src/walnut/lock.c \
	src/walnut/names.c \
	src/walnut/preferences.c \
	src/walnut/sensitivity.c \
	src/walnut/sessions.c \
	src/walnut/strings.c \
	src/walnut/walnut.h
