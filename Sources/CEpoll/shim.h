// Part of socketio-server, MIT licence; see LICENSE.
// Declarations of the C library which the module of the Swift toolchain leaves out.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
