// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// The id of a session, packed if it is one of our form, as all are that no application has made.
struct StoredSessionID: Sendable {
    private final class Custom: Sendable {
        let text: String

        init(_ text: String) { self.text = text }
    }

    private let id: PackedID
    /// Instead of `id`, if it is of another form.
    private let custom: Custom?

    init(_ text: String) {
        let packed = PackedID(text)
        id = packed ?? .blank
        custom = packed == nil ? Custom(text) : nil
    }

    /// The one a request names.
    init(_ request: HandshakeRequest) {
        id = request.packedSID ?? .blank
        custom = request.packedSID == nil ? Custom(request.sid ?? "") : nil
    }

    /// Nil for an id of another form.
    var packed: PackedID? { custom == nil ? id : nil }

    var text: String { custom?.text ?? id.text }
}

/// Sessions by their ids.
struct SessionTable {
    private var packed: [PackedID: SessionCore] = [:]
    private var custom: [ExactName: SessionCore] = [:]

    var count: Int { packed.count + custom.count }

    var all: [SessionCore] { Array(packed.values) + custom.values }

    subscript(id: StoredSessionID) -> SessionCore? {
        if let id = id.packed { packed[id] } else { custom[ExactName(id.text)] }
    }

    mutating func insert(_ session: SessionCore) {
        if let id = session.handle?.storedID { set(session, for: id) }
    }

    mutating func remove(_ session: SessionCore) {
        if let id = session.handle?.storedID { set(nil, for: id) }
    }

    private mutating func set(_ session: SessionCore?, for id: StoredSessionID) {
        if let id = id.packed { packed[id] = session } else { custom[ExactName(id.text)] = session }
        // A dictionary keeps the room that a crowd has needed.
        if session == nil, packed.isEmpty, packed.capacity > 1_024 { packed = [:] }
    }
}
