# SPDX-License-Identifier: MIT
noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
	src/base/buf.c \
	src/base/buf.h \
	src/base/cleanup.h \
	src/base/clock.c \
	src/base/clock.h \
	src/base/error.c \
	src/base/error.h \
	src/base/file.c \
	src/base/file.h \
	src/base/front_matter.c \
	src/base/json.c \
	src/base/json.h \
	src/base/json_format.c \
	src/base/json_parse.c \
	src/base/lock.c \
	src/base/number.c \
	src/base/number.h \
	src/base/path.c \
	src/base/path.h \
	src/base/path_open.c \
	src/base/path_private.h \
	src/base/text.c \
	src/base/text.h \
	src/base/tree_remove.c \
	src/base/yaml.c \
	src/base/yaml.h \
	src/base/yaml_scalar.c \
	src/base/yaml_scalar.h
