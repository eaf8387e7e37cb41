# SPDX-License-Identifier: MIT
noinst_LIBRARIES += src/keys/libkeys.a
src_keys_libkeys_a_SOURCES = \
	src/keys/crypt.c \
	src/keys/key.c \
	src/keys/key_file.c \
	src/keys/key_private.h \
	src/keys/keyring.c \
	src/keys/keyring_load.c \
	src/keys/keyring_private.h \
	src/keys/keys.h \
	src/keys/secure.c
