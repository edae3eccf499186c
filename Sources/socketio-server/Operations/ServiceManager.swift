// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
internal import NIOCore

/// Tells systemd when the server is ready, reloads, drains and still works: `Type=notify` and `WatchdogSec=` of a unit
/// (sd_notify(3)).
///
/// A process that systemd did not start, or started with another `Type=`, has no `NOTIFY_SOCKET`; then nothing is sent. A
/// message that cannot be sent is dropped: systemd acts on the ones that are missing.
struct ServiceManager: Sendable {
    /// The path of systemd's datagram socket. An `@` at its beginning stands for the zero byte of an abstract address.
    private let socketPath: String?
    /// Half of the time after which systemd restarts a silent service; nil without `WatchdogSec=`.
    let watchdogInterval: Duration?

    /// Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    init(environment: (String) -> String? = { getenv($0).map { String(cString: $0) } }) {
        let path = environment("NOTIFY_SOCKET") ?? ""
        socketPath = path.hasPrefix("/") || path.hasPrefix("@") ? path : nil
        let isForThisProcess = environment("WATCHDOG_PID").map { $0 == "\(getpid())" } ?? true
        if socketPath != nil, isForThisProcess, let time = environment("WATCHDOG_USEC").flatMap({ Int64($0) }), time > 0
        {
            watchdogInterval = .microseconds(max(1, time / 2))
        } else {
            watchdogInterval = nil
        }
    }

    /// The listeners are up.
    func ready(status: String) { send("READY=1\nSTATUS=\(status)") }

    /// The settings are being read again; ``ready(status:)`` follows.
    func reloading() {
        // The clock of NIO's deadlines is CLOCK_MONOTONIC, which systemd asks for.
        send("RELOADING=1\nMONOTONIC_USEC=\(NIODeadline.now().uptimeNanoseconds / 1_000)")
    }

    /// The server drains and then ends.
    func stopping(status: String) { send("STOPPING=1\nSTATUS=\(status)") }

    /// Reports a working process twice in each watchdog time, until the task is cancelled. `isWorking` is asked before each
    /// report; while it is false nothing is sent, and systemd restarts the service after its time.
    func watch(isWorking: @Sendable (_ within: Duration) -> Bool) async {
        guard let watchdogInterval else { return }
        while !Task.isCancelled {
            if isWorking(watchdogInterval) { send("WATCHDOG=1") }
            try? await Task.sleep(for: watchdogInterval)
        }
    }

    private func send(_ text: String) {
        guard let socketPath else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var path = Array(socketPath.utf8)
        if path.first == UInt8(ascii: "@") { path[0] = 0 }
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.count < capacity else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size - capacity + path.count)
        let bytes = Array(text.utf8)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(
                    descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL | MSG_DONTWAIT), $0, length)
            }
        }
    }
}
