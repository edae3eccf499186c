// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import NIOCore
internal import SocketIOServer

/// Checks once a second whether the process is overloaded, and informs readiness and the log; it also decides whether
/// the memory of disconnected clients should be returned. It waits for no event loop, since the loops themselves may be
/// late.
struct OverloadWatch: Sendable {
    let settings: Settings.Overload
    let server: Server
    let readiness: Readiness
    let logger: Logger

    /// Until the task is cancelled.
    func run() async {
        var judge = OverloadJudge(settings)
        var known: Set<String> = []
        var trim = MemoryTrim()
        while !Task.isCancelled {
            var sample = OverloadJudge.Sample()
            sample.lagMs = Int(server.currentLoopLag.nanoseconds / 1_000_000)
            sample.limit = server.reachedAdmissionLimit
            sample.isShortOfDescriptors = server.isShortOfDescriptors
            if settings.maxResidentBytes != nil { sample.residentBytes = ProcessMetrics.residentBytes.map { Int($0) } }
            let now = Int(NIODeadline.now().uptimeNanoseconds / 1_000_000)
            let parts = judge.judge(sample, now: now)
            readiness.overload(parts)
            for (part, reason) in parts.sorted(by: { $0.key < $1.key }) where !known.contains(part) {
                logger.warning("overloaded", metadata: ["part": "\(part)", "reason": "\(reason)"])
            }
            for part in known.subtracting(parts.keys).sorted() {
                logger.notice("no longer overloaded", metadata: ["part": "\(part)"])
            }
            known = Set(parts.keys)
            if trim.isDue(sessions: server.engine.clientsCount, now: now) { MemoryTrim.giveBack() }
            try? await Task.sleep(for: .seconds(1))
        }
    }
}
