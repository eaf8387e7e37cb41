# SPDX-License-Identifier: MIT
# Unit tests: one list per room, kept beside the tests.
include tests/unit/base.mk
include tests/unit/keys.mk
include tests/unit/walnut.mk
include tests/unit/package.mk
include tests/unit/relay.mk
include tests/unit/post.mk
include tests/unit/walnutfs.mk
