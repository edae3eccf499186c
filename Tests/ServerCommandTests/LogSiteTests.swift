// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import Testing

/// What a peer can cause is logged through `RateLimitedLogger`. So every other line from `info` on stands here, with what
/// bounds how often it is written; a new one has to be added, or to become a kind of a limited logger.
@Suite struct LogSiteTests {
    private struct Site {
        var lines: Int
        var bound: String
    }

    private static let folders = [
        "PeerLogging", "HTTPServerCore", "RequestForwarding", "EngineIOServer", "HiredisNIO", "SocketIOServer",
        "SocketIOCluster", "SocketIORedis", "SocketIOHummingbird", "SocketIOJWT", "Chat", "socketio-server",
    ]

    private static let sites: [String: Site] = [
        "PeerLogging/RateLimitedLogger.swift": Site(lines: 1, bound: "itself"),
        "RequestForwarding/Forwarder.swift": Site(lines: 1, bound: "a timer of a minute"),
        "RequestForwarding/ForwardingListener.swift": Site(
            lines: 3, bound: "once for the listener; a failure for each new connection to Redis, which back off"),
        "EngineIOServer/Routing/HTTPRouter.swift": Site(lines: 2, bound: "the start"),
        "HiredisNIO/RedisLink.swift": Site(lines: 6, bound: "the back-off between connections"),
        "HiredisNIO/RedisSubscriberCore.swift": Site(lines: 2, bound: "the back-off between connections"),
        "HiredisNIO/Cluster/RedisClusterNodes.swift": Site(lines: 1, bound: "the time between attempts"),
        "HiredisNIO/Topology/Sentinel.swift": Site(lines: 1, bound: "one for each Sentinel"),
        "SocketIORedis/Bus/StatusBoard.swift": Site(lines: 2, bound: "the back-off between connections"),
        "SocketIORedis/Streams/StreamsBackend.swift": Site(lines: 1, bound: "the start"),
        "SocketIORedis/Slots/SlotSubscriptions.swift": Site(lines: 1, bound: "the back-off between connections"),
        "SocketIOCluster/Cluster.swift": Site(lines: 1, bound: "the start"),
        "SocketIOCluster/Transport/TransportBackend.swift": Site(
            lines: 2, bound: "how often the transport changes its status"),
        "SocketIOServer/Server+Handlers.swift": Site(lines: 1, bound: "the end"),
        "SocketIOServer/Server+Binding.swift": Site(lines: 1, bound: "the start"),
        "SocketIOServer/Server+Listening.swift": Site(lines: 1, bound: "the start"),
        "SocketIOServer/Shard/HandlerWatch.swift": Site(
            lines: 1, bound: "once for each event of a namespace that has a handler, and a thousand in all"),
        "socketio-server/ChatStore.swift": Site(lines: 2, bound: "the start"),
        "socketio-server/Assembly.swift": Site(lines: 2, bound: "the start"),
        "socketio-server/Cluster/ClusterOperation.swift": Site(lines: 1, bound: "the start"),
        "socketio-server/Logging/AccessLog.swift": Site(
            lines: 3,
            bound: "nothing: one for each session or request is what `log.access` is for, and it is off by default"),
        "socketio-server/Operations.swift": Site(lines: 3, bound: "the start"),
        "socketio-server/Operations/Assembly+Operations.swift": Site(lines: 1, bound: "the start"),
        "socketio-server/Operations/Assembly+Shutdown.swift": Site(lines: 4, bound: "the end"),
        "socketio-server/Operations/Authentication/JWTOperation.swift": Site(
            lines: 2, bound: "the time between attempts"),
        "socketio-server/Operations/LogLevelEndpoint.swift": Site(lines: 1, bound: "the operator, who has the token"),
        "socketio-server/Operations/Readiness/OverloadWatch.swift": Site(
            lines: 2, bound: "a timer, and `overload.afterMs`"),
        "socketio-server/Operations/Reload.swift": Site(lines: 4, bound: "the operator, who reloads"),
        "socketio-server/Operations/SecondSignal.swift": Site(lines: 1, bound: "the operator, who sends signals"),
        "socketio-server/Webhooks/WebhookDelivery.swift": Site(
            lines: 6, bound: "one request at a time, with many events, and pauses after those that fail"),
    ]

    /// Errors of the system, NIO and TLS get into the log and into messages through `failureText`. Where an error stands in a line as it
    /// is, it is one of our own, which describes itself.
    @Test func errorsAreToldInPlainEnglish() throws {
        let own: Set<String> = [
            "HTTPServerCore/Connection/HTTPConnectionHandler+Ending.swift", "HiredisNIO/RedisLink.swift",
            "HiredisNIO/Topology/Sentinel.swift",
        ]
        let sources = packageRoot.appendingPathComponent("Sources")
        for folder in Self.folders {
            let paths = FileManager.default.enumerator(
                at: sources.appendingPathComponent(folder), includingPropertiesForKeys: nil)
            for case let file as URL in paths?.allObjects ?? [] where file.pathExtension == "swift" {
                let text = try String(contentsOf: file, encoding: .utf8)
                let name = String(file.path.dropFirst(sources.path.count + 1))
                let isRaw = text.contains(/"(?:error|reason)": "[^"]*\\\(error\)/)
                #expect(!isRaw || own.contains(name) || folder == "SocketIORedis", "\(name) logs an error as it is")
            }
        }
    }

    @Test func everyLineIsLimitedOrBounded() throws {
        let sources = packageRoot.appendingPathComponent("Sources")
        // The call, on whatever the logger is called.
        let call = /[lL]ogger\.(?:info|notice|warning|error|critical|log)\(/
        var found: [String: Int] = [:]
        for folder in Self.folders {
            let root = sources.appendingPathComponent(folder)
            let paths = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)
            for case let file as URL in paths?.allObjects ?? [] where file.pathExtension == "swift" {
                let count = try String(contentsOf: file, encoding: .utf8).matches(of: call).count
                let name = String(file.path.dropFirst(sources.path.count + 1))
                if count > 0 { found[name] = count }
            }
        }
        for (name, count) in found.sorted(by: { $0.key < $1.key }) {
            #expect(
                Self.sites[name]?.lines == count,
                "\(name): log what a peer can cause through RateLimitedLogger, or say here what bounds it")
        }
        for name in Self.sites.keys.sorted() { #expect(found[name] != nil, "\(name) logs nothing any more") }
    }
}
