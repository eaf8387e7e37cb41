/* SPDX-License-Identifier: MIT */
/*
 * Faults on demand: the nth file-system call, or the nth allocation, of the code under test fails or
 * is never reached because the process dies.
 *
 * For programs linked with $(FAULT_WRAPS), which lead the calls of all our archives through here.
 * What libraries do inside is not seen. One thread.
 */
#ifndef WLT_TESTS_FAULTS_H
#define WLT_TESTS_FAULTS_H

#include <stdbool.h>

enum fault_target { FAULT_FILES, FAULT_MEMORY };

/* From now on let the nth call (from 1) fail with `errnum`, or with 0 end the process there. */
void faults_arm(enum fault_target target, unsigned nth, int errnum);

/* No more faults. True when one happened. */
bool faults_disarm(void);

/* Run `attempt` in a child that ends at its nth file-system call. True when it did not get that
 * far. */
bool faults_survives(unsigned nth, void (*attempt)(void));

#endif
