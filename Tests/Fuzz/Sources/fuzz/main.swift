// Part of socketio-server, MIT licence; see LICENSE.

internal import CLibFuzzer
internal import FuzzHarness
internal import Glibc

// fuzz                            lists the targets with the longest input of each
// fuzz TARGET [OPTIONS…] CORPUS   runs libFuzzer with these options
//
// A finding ends the process as a trap does, so that libFuzzer stores the input. The time of an input is that of the
// processor, since libFuzzer's own limit is about the clock on the wall and a busy machine passes it with any input; libFuzzer ends
// what does not come back at all.

/// What runs; set once, before anything runs.
nonisolated(unsafe) private var target: FuzzTarget?

/// Tells the processes that libFuzzer starts, with options only.
let variable = "FUZZ_TARGET"
/// How long an input may take, in seconds of processor time.
let longestTime = 10.0

/// The processor time of this thread, in seconds.
func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Runs the target on an input.
func run(_ bytes: [UInt8]) throws {
    let start = processorTime()
    try target?.run(FuzzInput(bytes))
    let time = processorTime() - start
    if time > longestTime { throw FuzzFinding("the input took \(time) s of processor time") }
}

var words = CommandLine.arguments
if words.count > 1, !words[1].hasPrefix("-") { setenv(variable, words.remove(at: 1), 1) }
guard let name = getenv(variable).map({ String(cString: $0) }) else {
    for target in FuzzTarget.all { print(target.name, target.maximumLength) }
    exit(0)
}
target = FuzzTarget.named(name)
guard target != nil else {
    print("fuzz: there is no target '\(name)'")
    exit(64)
}

var count = CInt(words.count)
// They live as long as the process.
var texts = words.map { strdup($0) } + [nil]
exit(
    texts.withUnsafeMutableBufferPointer { texts in
        var arguments = texts.baseAddress
        return LLVMFuzzerRunDriver(&count, &arguments) { bytes, length in
            do {
                try run(Array(UnsafeBufferPointer(start: bytes, count: length)))
            } catch {
                let line = Array("FINDING: \(error)\n".utf8)
                _ = write(STDERR_FILENO, line, line.count)
                abort()
            }
            return 0
        }
    })
