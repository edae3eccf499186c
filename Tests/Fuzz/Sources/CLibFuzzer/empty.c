// Part of socketio-server, MIT licence; see LICENSE.
//
// SwiftPM wants a source in each target; the function is in the library that the linker adds.

#include "CLibFuzzer.h"
