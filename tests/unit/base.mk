# SPDX-License-Identifier: MIT
if HAVE_CHECK
BASE_TESTS = \
	tests/unit/test_buf \
	tests/unit/test_clock \
	tests/unit/test_error \
	tests/unit/test_faults \
	tests/unit/test_file \
	tests/unit/test_json \
	tests/unit/test_path \
	tests/unit/test_text \
	tests/unit/test_tree_remove \
	tests/unit/test_yaml
check_PROGRAMS += $(BASE_TESTS)
TESTS += $(BASE_TESTS)

# A scratch folder and other programs, for the tests of any room.
check_LIBRARIES += tests/unit/libscratch.a
tests_unit_libscratch_a_SOURCES = \
	tests/unit/faults.c \
	tests/unit/faults.h \
	tests/unit/scratch.c \
	tests/unit/scratch.h
tests_unit_libscratch_a_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
# What faults.c stands in for.
FAULT_WRAPS = \
	-Wl,--wrap=open,--wrap=openat,--wrap=close,--wrap=read,--wrap=write,--wrap=pwrite \
	-Wl,--wrap=stat,--wrap=fstat,--wrap=fstatat,--wrap=fchmod,--wrap=flock \
	-Wl,--wrap=ftruncate,--wrap=fsync,--wrap=mkdir,--wrap=mkdirat,--wrap=unlinkat \
	-Wl,--wrap=linkat,--wrap=renameat,--wrap=renameat2,--wrap=fdopendir,--wrap=readdir \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=strndup
SCRATCH_LIBS = tests/unit/libscratch.a
BASE_TEST_LIBS = $(SCRATCH_LIBS) $(BASE_LIBS) $(CHECK_LIBS)

tests_unit_test_buf_SOURCES = tests/unit/test_buf.c
tests_unit_test_buf_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_buf_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_clock_SOURCES = tests/unit/test_clock.c
tests_unit_test_clock_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_clock_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_error_SOURCES = tests/unit/test_error.c
tests_unit_test_error_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_error_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_faults_SOURCES = tests/unit/test_faults.c
tests_unit_test_faults_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_faults_LDFLAGS = $(AM_LDFLAGS) $(FAULT_WRAPS)
tests_unit_test_faults_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_file_SOURCES = tests/unit/test_file.c
tests_unit_test_file_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_file_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_json_SOURCES = tests/unit/test_json.c
tests_unit_test_json_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_json_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_path_SOURCES = tests/unit/test_path.c
tests_unit_test_path_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_path_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_text_SOURCES = tests/unit/test_text.c
tests_unit_test_text_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_text_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_tree_remove_SOURCES = tests/unit/test_tree_remove.c
tests_unit_test_tree_remove_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tree_remove_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_yaml_SOURCES = tests/unit/test_yaml.c
tests_unit_test_yaml_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_yaml_LDADD = $(BASE_TEST_LIBS)
endif
