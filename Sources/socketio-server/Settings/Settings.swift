// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging

/// Everything an operator can set, with the values that hold when nothing is said.
///
/// Plain values: names, ranges, units and texts are in `SettingTable`, which is also where a new member must be entered.
struct Settings: Sendable, Equatable {
    // Listener
    var host = "*"
    var port = 3000
    var eventLoops = 0
    var shutdownTimeoutMs = 10_000
    var trustedProxies: [String] = []
    var proxyProtocol = false

    var adapter = Adapter.memory
    var redis = Redis()
    var cluster = Cluster()

    // Engine.IO
    var path = "/socket.io"
    var addTrailingSlash = true
    var transports = [Transport.polling, .websocket]
    var allowUpgrades = true
    var allowEIO3 = false
    var pingIntervalMs = 25_000
    var pingTimeoutMs = 20_000
    var upgradeTimeoutMs = 10_000
    var maxHttpBufferSize = 1_000_000
    var destroyUpgrade = true
    var destroyUpgradeTimeoutMs = 1_000
    var nodeTag: String?
    var nodeTagHeader: String?

    // Socket.IO
    var parser = Parser.default
    var connectTimeoutMs = 45_000
    var ackTimeoutMs: Int? = 60_000
    var handlerGraceMs = 5_000
    var slowHandlerMs: Int? = 200
    var cancelHandlersAtDisconnect = false
    var cleanupEmptyChildNamespaces = true
    var maxDynamicNamespaces = 10_000

    var httpCompression = HTTPCompression()
    var perMessageDeflate = PerMessageDeflate()
    var cookie = Cookie()
    var cors = CORS()
    var limits = Limits()
    var rates = Rates()
    var recovery = Recovery()
    var durableRooms = DurableRooms()
    var client = Client()
    var tls = TLS()
    var chat = Chat()
    var health = Health()
    var auth = Auth()
    var reload = Reload()
    var admission = Admission()
    var drain = Drain()
    var overload = Overload()
    var operations = Operations()
    var api = API()
    var webhooks = Webhooks()
    var rooms = Rooms()
    var callback = Callback()
    var log = Log()

    enum Parser: String, CaseIterable, Sendable {
        case `default`
        case msgpack
        case auto
    }

    enum Transport: String, CaseIterable, Sendable {
        case polling
        case websocket
    }

    struct HTTPCompression: Sendable, Equatable {
        var enabled = true
        var threshold = 1_024
        var level = 6
    }

    struct PerMessageDeflate: Sendable, Equatable {
        var enabled = false
        var threshold = 1_024
        var level = 6
    }

    struct Cookie: Sendable, Equatable {
        var mode = Mode.off
        var name = "io"
        var path = "/"
        var domain: String?
        var maxAgeSeconds: Int?
        var httpOnly = true
        var secure = Secure.auto
        var sameSite = SameSite.lax

        enum Mode: String, CaseIterable, Sendable {
            case off
            case tag
            case sid
        }

        enum Secure: String, CaseIterable, Sendable {
            case auto
            case always = "true"
            case never = "false"
        }

        enum SameSite: String, CaseIterable, Sendable {
            case lax
            case strict
            case none
        }
    }

    struct API: Sendable, Equatable {
        var tokens: [String] = []
        var publicListener = false
        var maxBodyBytes = 1_048_576
        var maxBatch = 100
        var maxAckTimeoutMs = 60_000
    }

    struct Webhooks: Sendable, Equatable {
        var url: String?
        var secret: String?
        var events: [WebhookKind] = [.connect, .disconnect]
        var eventNames: [String] = []
        var maxBatch = 100
        var maxDelayMs = 200
        var maxQueuedBytes = 16_777_216
        var timeoutMs = 10_000
        var giveUpAfterMs = 300_000
    }

    struct CORS: Sendable, Equatable {
        var origin: [String] = []
        var methods = ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"]
        var allowedHeaders: [String] = []
        var exposedHeaders: [String] = []
        var credentials = false
        var maxAgeSeconds: Int?
        var enforce = true
    }

    struct Limits: Sendable, Equatable {
        var maxRequestHeadSize = 16_384
        var maxHeaders = 100
        var keptHeaders = ["*"]
        var headTimeoutMs = 5_000
        var bodyTimeoutMs = 10_000
        var keepAliveTimeoutMs = 5_000
        var sendTimeoutMs = 30_000
        var maxPacketsPerPayload = 1_024
        var maxFragmentsPerMessage = 1_024
        var maxControlFramesPerSecond = 50
        var maxUnhandledInputBytes = 67_108_864
        var slowClientBytes = 1_048_576
        var slowClientTimeoutMs = 10_000
        var maxBufferedBytes = 16_777_216
        var maxTotalBufferedBytes = 268_435_456
        var slowClientPolicy = SlowClientPolicy.disconnect
        var maxAttachments = 10
        var attachmentTimeoutMs = 45_000
        var maxPacketBytes: Int?
        var maxNesting = 128
        var maxKeyLength = 1_024
        var maxEventNameLength = 256
        var maxAuthBytes = 16_384
        var maxAuthBytesPerClient = 65_536
        var maxNamespacesPerClient = 64
        var maxRoomsPerSocket = 1_024
        var maxRooms = 1_000_000
        var maxNameLength = 256
        var maxPendingAcks = 1_024
        var maxWaitingEvents = 1_024
        var maxWaitingBytes = 4_194_304
        var maxRunningHandlers = 1_024

        enum SlowClientPolicy: String, CaseIterable, Sendable {
            case disconnect
            case dropOldest
            case dropNewest
        }
    }

    struct Client: Sendable, Equatable {
        var enabled = true
        var directory = ".cache/client"
    }

    struct TLS: Sendable, Equatable {
        var certificateFile: String?
        var keyFile: String?
        var keyPassword: String?
    }

    struct Chat: Sendable, Equatable {
        var enabled = true
        var store = Store.auto
        var databaseFile = "data/chat.sqlite"
        var redisPrefix = "chat:"
        var maxTextBytes = 8_000
        var messagesPerMinute = 120
        var addressFactor = 20
        var uploadBytesPerHour = 67_108_864
        var maxPeople = 1_000_000
        var maxPlaces = 500
        var maxChannels = 200
        var nameHoldDays = 7
        var maxFileBytes = 8_388_608
        var filesBytes = 268_435_456
        var historyMessages = 100_000
        var historyRoomBytes = 67_108_864
        var historyRooms = 100_000
        var historyBytes = 268_435_456
        var historyDays = 0

        /// Where the chat keeps what was said.
        enum Store: String, CaseIterable, Sendable {
            case auto, memory, sqlite, redis
        }
    }

    struct Health: Sendable, Equatable {
        var path: String? = "/healthz"
        var readyPath: String? = "/readyz"
    }

    struct Admission: Sendable, Equatable {
        var maxSessions: Int?
        var maxSessionsPerAddress: Int?
        var maxHandshakesPerSecond: Int?
        var maxHandshakesPerSecondPerAddress: Int?
        var maxPendingSessions = 10_000
        var maxPendingBytes = 33_554_432
    }

    struct Drain: Sendable, Equatable {
        var windowMs = 5_000
    }

    struct Overload: Sendable, Equatable {
        var maxLoopLagMs: Int? = 500
        var afterMs = 5_000
        var maxResidentBytes: Int?
        var notReady = false
    }

    struct Operations: Sendable, Equatable {
        var host = "127.0.0.1"
        var port: Int?
        var token: String?
    }

    struct Log: Sendable, Equatable {
        var level = Logger.Level.info
        var format = Format.text
        var access = Access.off

        enum Access: String, CaseIterable, Sendable {
            case off
            case sessions
            case requests
        }

        enum Format: String, CaseIterable, Sendable {
            case text
            case json
        }
    }
}
