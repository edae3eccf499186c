// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import Synchronization

/// Records what a listener's ``DescriptorGuard`` has done, for its service and for readiness. May be used from any
/// thread.
final class DescriptorWatch: Sendable {
    /// How long a shortage counts after it has ended, so that readiness does not flicker.
    static let memory = TimeAmount.seconds(5)

    private let report: @Sendable (_ refused: Int, _ limit: Int, any EventLoop) -> Void
    /// When descriptors last ran short: uptime in nanoseconds, 0 for never.
    private let last = Atomic<UInt64>(0)

    /// - Parameter report: called on the listener's event loop when connections were refused.
    init(report: @escaping @Sendable (_ refused: Int, _ limit: Int, any EventLoop) -> Void) {
        self.report = report
    }

    /// Records a shortage and the number of connections refused because of it. On the event loop.
    func refused(_ count: Int, on eventLoop: any EventLoop, limit: Int, now: NIODeadline = .now()) {
        last.store(max(1, now.uptimeNanoseconds), ordering: .relaxed)
        guard count > 0 else { return }
        report(count, limit, eventLoop)
    }

    /// Whether connections are being refused, or were a moment ago.
    func isShort(now: NIODeadline = .now()) -> Bool {
        let last = last.load(ordering: .relaxed)
        return last > 0 && now.uptimeNanoseconds &- last < UInt64(Self.memory.nanoseconds)
    }
}
