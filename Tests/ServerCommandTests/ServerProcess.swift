// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import NIOConcurrencyHelpers

/// The built executable, running, with everything it writes.
///
/// Every wait has a deadline; what is still running when the value goes away is killed.
final class ServerProcess: Sendable {
    struct TimedOut: Error, CustomStringConvertible {
        let description: String
    }

    /// The executable that was built together with these tests.
    static let executable: URL = {
        // The running test bundle, or the tool that loaded it from the same folder.
        let candidates =
            ["/proc/self/exe"].compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: $0) }
            + CommandLine.arguments + Bundle.allBundles.map(\.bundlePath)
        let folders = candidates.map { URL(fileURLWithPath: $0).deletingLastPathComponent() }
        let found = folders.map { $0.appendingPathComponent("socketio-server") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
        return found ?? packageRoot.appendingPathComponent(".build/debug/socketio-server")
    }()

    private let process: Process
    private let isOutputComplete = NIOLockedValueBox(false)
    private let text = NIOLockedValueBox("")

    /// Everything written to standard output and standard error until now.
    var output: String { text.withLockedValue { $0 } }

    /// The kernel's name for it.
    var identifier: Int32 { process.processIdentifier }

    /// - Parameter descriptors: the soft limit of open descriptors that the process starts with.
    init(_ arguments: [String], environment: [String: String] = [:], descriptors: Int? = nil) throws {
        process = Process()
        if let descriptors {
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments =
                ["-c", "ulimit -S -n \(descriptors) && exec \"$0\" \"$@\"", Self.executable.path] + arguments
        } else {
            process.executableURL = Self.executable
            process.arguments = arguments
        }
        process.environment = ["PATH": "/usr/bin:/bin"].merging(environment) { $1 }
        process.currentDirectoryURL = FileManager.default.temporaryDirectory
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        pipe.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty {
                handle.readabilityHandler = nil
                self?.isOutputComplete.withLockedValue { $0 = true }
            } else {
                self?.text.withLockedValue { $0 += String(decoding: data, as: UTF8.self) }
            }
        }
        try process.run()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    /// Waits until the output has a line that the closure turns into something.
    func line<Found: Sendable>(within seconds: Double = 20, _ find: (String) -> Found?) async throws -> Found {
        try await poll(within: seconds, what: "the line") {
            for line in output.split(separator: "\n") {
                if let found = find(String(line)) { return found }
            }
            return nil
        }
    }

    /// The port from the start line of a server that was told to take any.
    func port() async throws -> Int {
        try await line { line in
            line.contains("listening") ? line.firstMatch(of: /port=(\d+)/).flatMap { Int($0.1) } : nil
        }
    }

    func signal(_ number: Int32) {
        kill(process.processIdentifier, number)
    }

    /// The exit code of a process that ends by itself, once all of its output has been read.
    func exitCode(within seconds: Double = 20) async throws -> Int32 {
        try await poll(within: seconds, what: "the end") {
            guard !process.isRunning, isOutputComplete.withLockedValue({ $0 }) else { return nil }
            return process.terminationStatus
        }
    }

    private func poll<Found>(within seconds: Double, what: String, _ find: () -> Found?) async throws -> Found {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline {
            if let found = find() { return found }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw TimedOut(description: "waited \(seconds) s for \(what); the output is:\n\(output)")
    }
}
