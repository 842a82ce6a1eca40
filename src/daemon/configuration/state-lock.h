/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One daemon per state directory. The lock lies on an open file description of STATE/.lock, so the kernel
 * drops it however the daemon ends; the pid in it is for people. */

#include "base/fault.h"

/* Takes the lock; it is held as long as *ret_fd is open. ALREADY_RUNNING when another process has it, naming
 * it by pid and command. `directory_path` is for messages. */
int state_lock_acquire(int directory_fd, const char *directory_path, int *ret_fd, Fault *fault);
