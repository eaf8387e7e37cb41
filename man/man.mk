# SPDX-License-Identifier: MIT
dist_man_MANS += \
	man/walnut.1 \
	man/walnutfs.1 \
	man/walnut-package.5 \
	man/walnut-relay.7
