// Part of socketio-server, MIT licence; see LICENSE.

/// What the verification of a request needs to know about it. Nobody changes it, so all hold the same one.
package final class HandshakeRequest: Sendable {
    /// The HTTP method in capitals.
    package let method: String
    package let query: QueryParameters
    /// The transport it names, if there is such a one.
    package let transport: TransportName?
    /// Whether it names a session; an empty `sid` names none, as in Node.
    package let namesSession: Bool
    /// The session it names, if the id is of our form.
    package let packedSID: PackedID?
    /// Whether the request asks for a WebSocket upgrade.
    package let isUpgrade: Bool
    /// The raw `Origin` header, if any.
    package let origin: String?

    package init(method: String, query: QueryParameters, isUpgrade: Bool, origin: String? = nil) {
        self.method = method
        self.query = query
        (transport, namesSession, packedSID) = query.withValues(of: "transport", "sid") { transport, sid in
            (transport.flatMap { TransportName($0) }, !(sid?.isEmpty ?? true), sid.flatMap { PackedID($0) })
        }
        self.isUpgrade = isUpgrade
        self.origin = origin
    }

    /// The session it names, as sent.
    package var sid: String? { namesSession ? query["sid"] : nil }

    /// Whether the client speaks revision 4; every other value, and none, means revision 3.
    package var isRevision4: Bool { query["EIO"]?.hasSameBytes(as: "4") ?? false }
}

/// The `name` of the context of a code-3 refusal (protocol 1.5).
package enum HandshakeRefusalReason: String, Sendable {
    case invalidOrigin = "INVALID_ORIGIN"
    case transportMismatch = "TRANSPORT_MISMATCH"
    case transportHandshakeError = "TRANSPORT_HANDSHAKE_ERROR"
    case idGenerationError = "ID_GENERATION_ERROR"
}

/// A refusal, as `connection_error` reports it.
package struct HandshakeRefusal: Error, Equatable, Sendable {
    package var code: EngineErrorCode
    package var reason: HandshakeRefusalReason?

    package init(_ code: EngineErrorCode, reason: HandshakeRefusalReason? = nil) {
        self.code = code
        self.reason = reason
    }
}

/// Whether a session with the requested id lives here, and on which transport.
package enum SessionLookup: Equatable, Sendable {
    case unknown
    case live(TransportName)
}

/// What to do with a request that belongs to the engine.
package enum HandshakeVerdict: Equatable, Sendable {
    /// Start a session. The caller asks `allowRequest` first; only then, if `isSupportedRevision` is false, it refuses
    /// with `unsupportedProtocolVersion`.
    case handshake(TransportName, isSupportedRevision: Bool)
    /// Hand the request to the live session it names; it is for this transport.
    case existing(TransportName)
    /// An upgrade that does not ask for the WebSocket transport: answer 101 and close at once (protocol 1.10, rule 6).
    case acceptThenClose
    /// Refuse it.
    case refuse(HandshakeRefusal)
}

/// The checks of protocol 1.5, in the order which decides what error a client sees.
///
/// A session's transport is known only on its home event loop, so the checks come in two halves: `route` needs nothing
/// but the request, `verifyExisting` runs where the session lives. `verify` is both.
package enum HandshakeCheck {
    /// Steps 1, 2 and 4: everything that can be decided without the session.
    package static func route(_ request: HandshakeRequest, transports: [TransportName]) -> HandshakeVerdict {
        guard let transport = request.transport, transports.contains(transport) else {
            return .refuse(HandshakeRefusal(.unknownTransport))
        }
        if let origin = request.origin, !isValidHeaderValue(origin) {
            return .refuse(HandshakeRefusal(.badRequest, reason: .invalidOrigin))
        }
        if request.namesSession { return .existing(transport) }
        guard request.method == "GET" else { return .refuse(HandshakeRefusal(.badHandshakeMethod)) }
        if request.isUpgrade, transport != .websocket { return .acceptThenClose }
        if transport == .websocket, !request.isUpgrade {
            return .refuse(HandshakeRefusal(.badRequest, reason: .transportHandshakeError))
        }
        return .handshake(transport, isSupportedRevision: request.isRevision4)
    }

    /// Step 3: a request that names a session, checked against it.
    package static func verifyExisting(
        transport: TransportName, isUpgrade: Bool, lookup: SessionLookup
    ) -> HandshakeVerdict {
        guard case .live(let current) = lookup else { return .refuse(HandshakeRefusal(.unknownSID)) }
        if isUpgrade { return transport == .websocket ? .existing(transport) : .acceptThenClose }
        guard transport == current else {
            return .refuse(HandshakeRefusal(.badRequest, reason: .transportMismatch))
        }
        return .existing(transport)
    }

    /// All steps at once; `lookup` is asked only when the request names a session.
    package static func verify(
        _ request: HandshakeRequest, transports: [TransportName], lookup: (String) -> SessionLookup
    ) -> HandshakeVerdict {
        let verdict = route(request, transports: transports)
        guard case .existing(let transport) = verdict else { return verdict }
        return verifyExisting(
            transport: transport, isUpgrade: request.isUpgrade, lookup: lookup(request.sid ?? ""))
    }

    /// A header value may hold no control characters except TAB (RFC 9110, section 5.5).
    private static func isValidHeaderValue(_ value: String) -> Bool {
        value.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }
    }
}
