// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore

/// The limits of this layer that a client can exceed: labels of `socketio_limit_refusals_total`.
enum ClientLimit: String, CaseIterable, Sendable {
    /// Attachments of a packet.
    case attachments
    /// The time until the attachments of a packet have arrived.
    case attachmentTime = "attachment_time"
    /// Text and attachments of a packet.
    case packetBytes = "packet_bytes"
    case nesting
    case keyLength = "key_length"
    case eventNameLength = "event_name_length"
    /// An acknowledgement id above 2^53 - 1.
    case ackID = "ack_id"
    /// Name of a namespace or room.
    case nameLength = "name_length"
    /// Namespaces of a client.
    case namespaces
    /// Namespaces created on demand.
    case dynamicNamespaces = "dynamic_namespaces"
    /// `auth` of a CONNECT.
    case authBytes = "auth_bytes"
    /// `auth` of all namespaces of a client together.
    case clientAuthBytes = "client_auth_bytes"
    /// Rooms of a socket.
    case rooms
    /// Rooms of the node.
    case nodeRooms = "node_rooms"
    /// Acknowledgements the server waits for.
    case pendingAcks = "pending_acks"
    /// Events that wait for middlewares.
    case waitingEvents = "waiting_events"
    /// Bytes of those events.
    case waitingBytes = "waiting_bytes"

    /// Asynchronous handlers of a socket that run at once: the client waits.
    case runningHandlers = "running_handlers"
    /// Lost sessions that are kept, by number or bytes: the oldest was dropped.
    case recoverySessions = "recovery_sessions"
    /// Bytes of all events that are kept for lost sessions: the oldest of a namespace were dropped.
    case recoveryBytes = "recovery_bytes"
    /// Rooms with a history in memory: the one that was not written to for the longest time was forgotten.
    case historyRooms = "history_rooms"
    /// Bytes of all histories in memory: the oldest events of such a room were dropped.
    case historyBytes = "history_bytes"
    /// Bytes of one event that was to be kept.
    case historyEventBytes = "history_event_bytes"
    /// Events of a replay.
    case replayEvents = "replay_events"
    /// Replays and reads of histories that wait.
    case replays

    /// The setting of the executable that moves the limit; nil when there is none.
    var setting: String? {
        switch self {
        case .attachments: "limits.maxAttachments"
        case .attachmentTime: "limits.attachmentTimeoutMs"
        case .packetBytes: "limits.maxPacketBytes"
        case .nesting: "limits.maxNesting"
        case .keyLength: "limits.maxKeyLength"
        case .eventNameLength: "limits.maxEventNameLength"
        case .ackID: nil
        case .nameLength: "limits.maxNameLength"
        case .namespaces: "limits.maxNamespacesPerClient"
        case .dynamicNamespaces: "maxDynamicNamespaces"
        case .authBytes: "limits.maxAuthBytes"
        case .clientAuthBytes: "limits.maxAuthBytesPerClient"
        case .rooms: "limits.maxRoomsPerSocket"
        case .nodeRooms: "limits.maxRooms"
        case .pendingAcks: "limits.maxPendingAcks"
        case .waitingEvents: "limits.maxWaitingEvents"
        case .waitingBytes: "limits.maxWaitingBytes"
        case .runningHandlers: "limits.maxRunningHandlers"
        // By number or by bytes (recovery.maxSessionBytes).
        case .recoverySessions: "recovery.maxSessions"
        case .recoveryBytes: "recovery.maxTotalBytes"
        case .historyRooms: "durableRooms.maxRooms"
        case .historyBytes: "durableRooms.maxTotalBytes"
        case .historyEventBytes: "durableRooms.maxBytes"
        case .replayEvents: "durableRooms.maxReplayEvents"
        case .replays: "durableRooms.maxWaitingReplays"
        }
    }

    /// The limit that a packet was over; nil when it was refused for another reason.
    init?(_ error: PacketDecodingError) {
        switch error {
        case .tooManyAttachments: self = .attachments
        case .attachmentsLate: self = .attachmentTime
        case .packetTooLarge: self = .packetBytes
        case .nestedTooDeep: self = .nesting
        case .keyTooLong: self = .keyLength
        case .eventNameTooLong: self = .eventNameLength
        case .ackIDTooLarge: self = .ackID
        case .namespaceTooLong: self = .nameLength
        case .empty, .unknownType, .malformedAttachmentCount, .malformedJSON, .unexpectedPayload, .reservedEventName,
            .textWhileAttachmentsPending, .unexpectedBinary, .invalidPlaceholder, .malformedMessagePack,
            .unexpectedText, .malformedNamespace:
            return nil
        }
    }

    /// The limit that a CONNECT exceeded.
    init(_ refusal: ConnectRefusal) {
        self =
            switch refusal {
            case .namespaceTooLong: .nameLength
            case .tooManyNamespaces: .namespaces
            case .authTooLarge: .authBytes
            case .authTooLargeTogether: .clientAuthBytes
            }
    }
}
