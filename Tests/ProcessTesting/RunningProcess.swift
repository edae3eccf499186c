// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Glibc
internal import NIOConcurrencyHelpers

/// A program of this machine that a test started, with everything it writes.
///
/// Not Foundation's `Process`: with many tests at work, children of one another inherit the writing ends of its pipes, and
/// its news of the output and of the end come late or never. Here the output goes to a file, and the kernel is asked for
/// the end. Every wait has a deadline; what is still running when the value goes away is killed.
package final class RunningProcess: Sendable {
    package struct TimedOut: Error, CustomStringConvertible {
        package let description: String
    }

    package struct CouldNotStart: Error, CustomStringConvertible {
        package let description: String
    }

    /// The kernel's name for it.
    package let identifier: Int32
    private let file: URL
    /// What `waitpid` told once, since it tells only once.
    private let end = NIOLockedValueBox<Int32?>(nil)

    /// - Parameters:
    ///   - executable: path of the program.
    ///   - environment: all variables it gets.
    ///   - directory: where it works, without a quotation mark; by default where the tests do.
    ///   - descriptors: the soft limit of open descriptors that the process starts with.
    ///   - mayRaise: whether the process may raise that limit again.
    ///   - errors: whether standard error is part of the output, or thrown away.
    package init(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = ["PATH": "/usr/bin:/bin"],
        directory: String? = nil, descriptors: Int? = nil, mayRaise: Bool = true, errors: Bool = true
    ) throws {
        file = FileManager.default.temporaryDirectory.appendingPathComponent("output-\(UUID().uuidString)")
        var words = [executable] + arguments
        var preparation = ""
        if let directory { preparation += "cd '\(directory)' && " }
        if let descriptors { preparation += "ulimit \(mayRaise ? "-S " : "")-n \(descriptors) && " }
        if !preparation.isEmpty { words = ["/bin/sh", "-c", preparation + "exec \"$0\" \"$@\""] + words }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, file.path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        if errors {
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        } else {
            posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        }
        // A listening socket of this process must not live on in another one.
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? [] {
            if let descriptor = Int32(name), descriptor > 2 {
                posix_spawn_file_actions_addclose(&actions, descriptor)
            }
        }
        // The tests' own mask and ignored signals are not the program's.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        // A fault that `make mutants` has switched on is one of every process of the test.
        var environment = environment
        environment["MUTANT"] = ProcessInfo.processInfo.environment["MUTANT"]
        let argv = words.map { strdup($0) } + [nil]
        let envp = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, words[0], &actions, &attributes, argv, envp)
        identifier = pid
        guard code == 0 else {
            end.withLockedValue { $0 = code }
            throw CouldNotStart(description: "\(words[0]): \(String(cString: strerror(code)))")
        }
    }

    /// Runs a program to its end, which must come soon, on the calling thread.
    ///
    /// - Returns: its exit code and all of its output.
    package static func run(_ executable: String, _ arguments: [String], directory: String? = nil) throws -> (
        code: Int32, output: String
    ) {
        let process = try RunningProcess(executable, arguments, directory: directory)
        let deadline = ContinuousClock.now + .seconds(60)
        while process.isRunning, ContinuousClock.now < deadline { usleep(2_000) }
        guard let code = process.status else { throw TimedOut(description: "\(executable) did not end within 60 s") }
        return (code, process.output)
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: file)
    }

    /// Everything written until now.
    package var output: String {
        (try? Data(contentsOf: file)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    package var isRunning: Bool { status == nil }

    /// The exit code, or 128 and the signal that ended it; nil as long as it runs.
    package var status: Int32? {
        end.withLockedValue { end in
            if end == nil {
                var status: Int32 = 0
                if waitpid(identifier, &status, WNOHANG) == identifier { end = Self.code(status) }
            }
            return end
        }
    }

    /// Sends a signal, unless it has ended.
    package func signal(_ number: Int32) {
        // Under the lock: the number of a process that has been waited for may belong to another one.
        end.withLockedValue { end in
            if end == nil { _ = Glibc.kill(identifier, number) }
        }
    }

    /// Ends it at once, also when it is stopped, and waits for that.
    package func kill() {
        end.withLockedValue { end in
            guard end == nil else { return }
            _ = Glibc.kill(identifier, SIGKILL)
            var status: Int32 = 0
            while waitpid(identifier, &status, 0) == -1 && errno == EINTR {}
            end = Self.code(status)
        }
    }

    /// Waits until the output has a line that the closure turns into something.
    package func line<Found>(within seconds: Double = 60, _ find: (String) -> Found?) async throws -> Found {
        try await poll(within: seconds, what: "the line") {
            // Asked before reading: what it wrote last is there when it has ended.
            let isRunning = isRunning
            for line in output.split(separator: "\n") {
                if let found = find(String(line)) { return found }
            }
            guard isRunning else { throw TimedOut(description: "ended without the line; the output is:\n\(output)") }
            return nil
        }
    }

    /// The exit code of a process that ends by itself.
    package func exitCode(within seconds: Double = 60) async throws -> Int32 {
        try await poll(within: seconds, what: "the end") { status }
    }

    private func poll<Found>(within seconds: Double, what: String, _ find: () throws -> Found?) async throws -> Found {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline {
            if let found = try find() { return found }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw TimedOut(description: "waited \(seconds) s for \(what); the output is:\n\(output)")
    }

    private static func code(_ status: Int32) -> Int32 {
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }
}
