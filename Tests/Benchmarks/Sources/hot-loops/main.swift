// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
internal import HotLoops

// hot-loops                 lists the names
// hot-loops names           lists those with letters that have a twin with combining marks
// hot-loops NAME COUNT      does that work so often and ends

let words = CommandLine.arguments.dropFirst()
if words.isEmpty {
    for loop in HotLoop.all { print(loop.name) }
} else if Array(words) == ["names"] {
    for loop in HotLoop.names where loop.name.hasSuffix("-letters") { print(loop.name) }
} else if words.count == 2, let loop = words.first.flatMap(HotLoop.named), let count = words.last.flatMap({ Int($0) }) {
    loop.prepare()(count)
} else {
    print("usage: hot-loops [NAME COUNT]")
    exit(64)
}
