// Part of socketio-server, MIT licence; see LICENSE.

extension Settings {
    /// How nodes share rooms and broadcasts.
    enum Adapter: String, CaseIterable, Sendable {
        case memory
        case redis
        case redisSharded = "redis-sharded"
        case redisStreams = "redis-streams"

        /// Whether nodes share them over Redis.
        var isShared: Bool { self != .memory }
    }

    /// The cluster over Redis; without effect while the adapter is another one, except for the command `emit`.
    struct Redis: Sendable, Equatable {
        var url = "redis://127.0.0.1:6379"
        var user: String?
        var password: String?
        var passwordFile: String?
        var caFile: String?
        var certificateFile: String?
        var keyFile: String?
        var keyPrefix = "socket.io"
        var subscriptionMode = SubscriptionMode.dynamic
        var streamName = "socket.io"
        var streamCount = 1
        var streamMaxLength = 10_000
        var streamPageSize = 200
        var streamPlaintext = false
        var requestsTimeoutMs = 5_000
        var maxPendingRequests = 512
        var onRequestTimeout = RequestTimeout.fail
        var publishOnSpecificResponseChannel = false
        var fetchIncludesHeaders = true
        var required = false
        var startTimeoutMs = 10_000
        var outagePolicy = OutagePolicy.buffer
        var outageQueueBytes = 16_777_216
        var outageQueueMaxAgeMs = 30_000
        var maxMessageBytes = 16_777_216
        var maxNesting = 128
        var maxAttachments = 1_024
        var maxRooms = 65_536
        var maxPeers = 1_024
        var maxPeerBytes = 67_108_864
        var maxWaitingCommands = 1_024
        var maxWaitingEntries = 100_000
        var maxWaitingBytes = 67_108_864
        var maxSessionBytes = 4_194_304
        var heartbeatIntervalMs = 2_000
        var peerTimeoutMs = 6_000

        enum SubscriptionMode: String, CaseIterable, Sendable {
            case `static`
            case dynamic
            case dynamicPrivate = "dynamic-private"
        }

        enum RequestTimeout: String, CaseIterable, Sendable {
            case fail
            case partial
        }

        enum OutagePolicy: String, CaseIterable, Sendable {
            case buffer
            case localOnly
            case fail
        }
    }
}
