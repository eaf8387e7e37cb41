# SPDX-License-Identifier: MIT
noinst_LIBRARIES += src/package/libpackage.a
src_package_libpackage_a_SOURCES =
# Reading: manifest, envelope, sources, tar, plaintext store.
src_package_libpackage_a_SOURCES += src/package/package.h \
	src/package/canonical.c src/package/contents.c src/package/contents.h \
	src/package/envelope.c src/package/inflate.c src/package/inflate.h src/package/legacy.c \
	src/package/legacy.h src/package/manifest.c src/package/manifest.h \
	src/package/manifest_text.c src/package/open.c src/package/passphrase.c \
	src/package/plain.c src/package/signature.c src/package/source.c src/package/source.h \
	src/package/source_ahead.c src/package/source_cbc.c src/package/source_gunzip.c \
	src/package/source_plain.c src/package/source_raw.c src/package/tar_header.c \
	src/package/tar_read.c src/package/tar_read.h src/package/unseal.c src/package/unseal.h
# Making: staging, manifest, pipeline.
src_package_libpackage_a_SOURCES += \
	src/package/create.c src/package/deflate_pool.c src/package/deflate_pool.h \
	src/package/deflater.c src/package/deflater.h src/package/digest.c src/package/digest.h \
	src/package/envelope_write.c src/package/envelope_write.h src/package/free_text.c \
	src/package/free_text.h src/package/manifest_make.c src/package/manifest_make.h \
	src/package/member.c src/package/member.h src/package/sink.h src/package/sink_cbc.c \
	src/package/sink_fd.c src/package/sink_gzip.c src/package/stage.c \
	src/package/stage_bundles.c src/package/stage_check.c src/package/stage_kernel.c \
	src/package/stage_link.c src/package/stage_list.c src/package/stage_text.c \
	src/package/stage_tree.c src/package/staging.h src/package/tar_write.c \
	src/package/tar_write.h
