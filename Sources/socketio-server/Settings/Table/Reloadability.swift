// Part of socketio-server, MIT licence; see LICENSE.

/// What becomes of a changed setting while the server runs.
enum Reloadability: String, Sendable {
    /// Taken over, for everything that happens from then on.
    case live = "at once"
    /// Taken over for sessions that are opened from then on; those that are open keep what they have.
    case sessions = "new sessions"
    /// Taken over for connections that are accepted from then on.
    case connections = "new connections"
    /// Stays as it was until the server is started again.
    case restart = "restart"
}

extension SettingDefinition {
    /// What becomes of a change on SIGHUP.
    var reload: Reloadability { SettingTable.reloadable[key] ?? (SettingTable.isLive(key) ? .live : .restart) }
}

extension SettingTable {
    /// Sections in which a reload changes all settings immediately.
    static func isLive(_ key: String) -> Bool { key.hasPrefix("auth.jwt.") || key.hasPrefix("rates.") }

    /// All other settings need a restart.
    static let reloadable: [String: Reloadability] = [
        "log.level": .live,
        "chat.maxTextBytes": .live, "chat.historyMessages": .live, "chat.historyRoomBytes": .live,
        "chat.historyRooms": .live, "chat.historyBytes": .live, "chat.historyDays": .live,
        "chat.messagesPerMinute": .live, "chat.maxFileBytes": .live, "chat.filesBytes": .live,
        "chat.addressFactor": .live, "chat.uploadBytesPerHour": .live, "chat.maxPeople": .live, "chat.maxPlaces": .live,
        "chat.maxChannels": .live, "chat.nameHoldDays": .live,
        "admission.maxSessions": .live, "admission.maxSessionsPerAddress": .live,
        "admission.maxHandshakesPerSecond": .live, "admission.maxHandshakesPerSecondPerAddress": .live,
        "admission.maxPendingSessions": .live, "admission.maxPendingBytes": .live, "limits.keptHeaders": .sessions,
        "tls.certificateFile": .connections, "tls.keyFile": .connections, "tls.keyPassword": .connections,
        "cors.origin": .live, "cors.methods": .live, "cors.allowedHeaders": .live, "cors.exposedHeaders": .live,
        "cors.credentials": .live, "cors.maxAgeSeconds": .live, "cors.enforce": .live,
        "maxHttpBufferSize": .sessions,
        "limits.maxRequestHeadSize": .connections, "limits.maxHeaders": .connections, "limits.headTimeoutMs": .live,
        "limits.bodyTimeoutMs": .live, "limits.keepAliveTimeoutMs": .live, "limits.sendTimeoutMs": .live,
        "limits.maxPacketsPerPayload": .sessions, "limits.maxFragmentsPerMessage": .sessions,
        "limits.maxControlFramesPerSecond": .sessions, "limits.slowClientBytes": .sessions,
        "limits.slowClientTimeoutMs": .sessions, "limits.maxBufferedBytes": .sessions,
        "limits.maxTotalBufferedBytes": .live, "limits.slowClientPolicy": .sessions, "limits.maxAttachments": .sessions,
        "limits.maxPacketBytes": .sessions, "limits.maxNesting": .sessions, "limits.maxKeyLength": .sessions,
        "limits.maxEventNameLength": .sessions, "limits.maxAuthBytes": .sessions,
        "limits.maxAuthBytesPerClient": .sessions,
        "limits.maxNamespacesPerClient": .sessions, "limits.maxPendingAcks": .sessions,
        "limits.attachmentTimeoutMs": .live, "limits.maxRooms": .live, "limits.maxRoomsPerSocket": .live,
        "limits.maxNameLength": .sessions, "limits.maxWaitingEvents": .live,
        "limits.maxWaitingBytes": .live, "ackTimeoutMs": .live, "limits.maxRunningHandlers": .live,
    ]
}
