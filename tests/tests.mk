# SPDX-License-Identifier: MIT
# Unit tests: one list per room, kept beside the tests.
include tests/unit/base.mk
include tests/unit/keys.mk
include tests/unit/walnut.mk
include tests/unit/package.mk
include tests/unit/relay.mk
include tests/unit/post.mk
include tests/unit/receive.mk
include tests/unit/walnutfs.mk
include tests/unit/cli.mk

# The programs as users meet them, through the kernel.
MOUNT_TESTS = \
	tests/mount/cache.test \
	tests/mount/control.test \
	tests/mount/copy.test \
	tests/mount/demo.test \
	tests/mount/enospc.test \
	tests/mount/fsync.test \
	tests/mount/hold.test \
	tests/mount/hostile.test \
	tests/mount/inbox.test \
	tests/mount/interrupted.test \
	tests/mount/life.test \
	tests/mount/many.test \
	tests/mount/offline.test \
	tests/mount/setup.test \
	tests/mount/vectors.test \
	tests/mount/writeonly.test
PROGRAM_TESTS = \
	tests/programs/completion.test tests/programs/create.test \
	tests/programs/extract.test \
	tests/programs/hardening.test \
	tests/programs/info.test \
	tests/programs/keys.test \
	tests/programs/list-bundles.test \
	tests/programs/migrate.test \
	tests/programs/verify.test

TESTS += $(MOUNT_TESTS) $(PROGRAM_TESTS)
EXTRA_DIST += $(MOUNT_TESTS) $(PROGRAM_TESTS) examples/demo tests/lib/mount.sh tests/lib/relays.sh \
	tests/lib/tap.sh tests/lib/wait.sh tests/lib/walnuts.sh tests/lib/packages.sh tests/lib/program.sh tests/lib/asan.supp \
	tests/lib/lsan.supp tests/lib/tsan.supp

# Keys that the mount tests share.
clean-local: clean-test-keys
clean-test-keys:
	rm -rf tests/keys

# Everything that `make check` would compile, and those tests in which threads meet.
.PHONY: programs-for-check check-threads clean-test-keys
programs-for-check: all
	$(MAKE) $(AM_MAKEFLAGS) $(check_LIBRARIES) $(check_PROGRAMS)
check-threads:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(MOUNT_TESTS) $(filter tests/unit/test_courier tests/unit/test_post%, $(check_PROGRAMS))'
