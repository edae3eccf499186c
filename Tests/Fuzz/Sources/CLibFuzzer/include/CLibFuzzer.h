// Part of socketio-server, MIT licence; see LICENSE.

#ifndef CLIBFUZZER_H
#define CLIBFUZZER_H

#include <stddef.h>
#include <stdint.h>

/// libFuzzer as a library: runs `test` until it is told to stop, and reads its options from the arguments.
int LLVMFuzzerRunDriver(int *count, char ***arguments, int (*test)(const uint8_t *bytes, size_t length));

#endif
