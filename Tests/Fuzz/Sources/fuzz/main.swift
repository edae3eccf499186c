// Part of socketio-server, MIT licence; see LICENSE.

internal import CLibFuzzer
internal import FuzzHarness
internal import Glibc

// fuzz                            lists the targets with the longest input of each
// fuzz TARGET [OPTIONS…] CORPUS   runs libFuzzer with these options
//
// A finding ends the process as a trap does, so that libFuzzer stores the input.

/// What runs; set once, before anything runs.
nonisolated(unsafe) private var target: FuzzTarget?

/// Tells the processes that libFuzzer starts, with options only.
let variable = "FUZZ_TARGET"

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
                try target?.run(FuzzInput(Array(UnsafeBufferPointer(start: bytes, count: length))))
            } catch {
                fputs("FINDING: \(error)\n", stderr)
                abort()
            }
            return 0
        }
    })
