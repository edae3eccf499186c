// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Glibc
internal import ProcessTesting
internal import Synchronization
internal import Testing

@testable internal import socketio_server

/// What systemd hears of the server, with a datagram socket in its place.
@Suite("The service manager")
struct ServiceManagerTests {
    /// A socket as systemd passes it on, and what arrived there.
    private final class Listener: Sendable {
        let path: String
        private let descriptor: CInt

        init() throws {
            path =
                FileManager.default.temporaryDirectory.appendingPathComponent("n-\(UInt32.random(in: 0...(.max)))").path
            descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
            try #require(descriptor >= 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            let bytes = Array(path.utf8)
            try #require(bytes.count < MemoryLayout.size(ofValue: address.sun_path))
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
            let result = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            try #require(result == 0)
        }

        deinit {
            close(descriptor)
            unlink(path)
        }

        /// The next message, if there is one.
        func poll() -> String? {
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
        }

        /// Waits for a message that has this line, and skips others.
        func message(with line: String, seconds: Int = 60) async throws -> String {
            let deadline = ContinuousClock.now + .seconds(seconds)
            while ContinuousClock.now < deadline {
                while let message = poll() {
                    if message.split(separator: "\n").contains(line[...]) { return message }
                }
                try await Task.sleep(for: .milliseconds(10))
            }
            Issue.record("\(line) has not been sent")
            return ""
        }
    }

    @Test func theUnitAsksForIt() throws {
        let unit = try shipped("config/systemd/socketio-server.service")
        #expect(unit.contains("\nType=notify\n"))
        #expect(unit.contains("\nWatchdogSec="))
    }

    @Test func aServerReportsItsWholeLife() async throws {
        let listener = try Listener()
        let server = try RunningProcess.server(
            ["--host", "127.0.0.1", "--port", "0", "--drain-window-ms", "0"],
            environment: ["NOTIFY_SOCKET": listener.path, "WATCHDOG_USEC": "200000"])
        let port = try await server.port()
        #expect(try await listener.message(with: "READY=1").contains("STATUS=listening on port \(port)"))
        for _ in 0..<3 { _ = try await listener.message(with: "WATCHDOG=1") }
        server.signal(SIGHUP)
        #expect(try await listener.message(with: "RELOADING=1").contains("MONOTONIC_USEC="))
        _ = try await listener.message(with: "READY=1")
        server.signal(SIGTERM)
        _ = try await listener.message(with: "STOPPING=1")
        #expect(try await server.exitCode() == 0)
    }

    @Test func aServiceThatStandsStillReportsNothing() async throws {
        let listener = try Listener()
        let manager = ServiceManager {
            ["NOTIFY_SOCKET": listener.path, "WATCHDOG_USEC": "2000", "WATCHDOG_PID": "\(getpid())"][$0]
        }
        #expect(manager.watchdogInterval == .milliseconds(1))
        // The first ten looks find it standing still.
        let looks = Looks()
        let watch = Task { await manager.watch { looks.next($0) } }
        _ = try await listener.message(with: "WATCHDOG=1")
        watch.cancel()
        await watch.value
        #expect(looks.count > 10)
        #expect(looks.patience == .milliseconds(1))
    }

    private final class Looks: Sendable {
        private let state = Mutex((count: 0, patience: Duration.zero))
        var count: Int { state.withLock { $0.count } }
        var patience: Duration { state.withLock { $0.patience } }

        func next(_ within: Duration) -> Bool {
            state.withLock {
                $0 = ($0.count + 1, within)
                return $0.count > 10
            }
        }
    }

    @Test func withoutSystemdNothingIsSent() {
        #expect(ServiceManager { _ in nil }.watchdogInterval == nil)
        // Another process of the service is watched.
        let other = ServiceManager { ["NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "2000", "WATCHDOG_PID": "1"][$0] }
        #expect(other.watchdogInterval == nil)
        other.ready(status: "nobody hears it")
        let wrong = ServiceManager {
            ["NOTIFY_SOCKET": "@" + String(repeating: "x", count: 200), "WATCHDOG_USEC": "x"][$0]
        }
        #expect(wrong.watchdogInterval == nil)
        wrong.ready(status: "the address does not fit")
    }
}
