// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

extension FuzzTarget {
    /// A request target: its query, what it asks for, and the verdict of the handshake.
    static let query = FuzzTarget(name: "query", maximumLength: 2048) { input in
        let target = String(decoding: input.bytes, as: UTF8.self)
        let query = QueryParameters(target: target)
        let pairs = query.all
        try require(pairs.count <= 1024, "\(pairs.count) parameters")
        for name in ["EIO", "transport", "sid", "t"] as [StaticString] {
            let last = pairs.last { $0.0.utf8.elementsEqual(name.description.utf8) }?.1
            try require(same(query[name], last), "\(name) is \(query[name] ?? "nil"), in the list \(last ?? "nil")")
        }
        let written = "/?" + pairs.map { "\(encoded($0.0))=\(encoded($0.1))" }.joined(separator: "&")
        let again = QueryParameters(target: written).all
        try require(
            again.count == pairs.count && zip(again, pairs).allSatisfy { same($0.0, $1.0) && same($0.1, $1.1) },
            "written and read again: \(again) instead of \(pairs)")
        for isUpgrade in [false, true] {
            let request = HandshakeRequest(method: "GET", query: query, isUpgrade: isUpgrade, origin: target)
            let sid = query["sid"]
            try require(request.namesSession == !(sid ?? "").isEmpty, "whether it names a session is doubtful")
            try require(request.packedSID == sid.flatMap { PackedID($0) }, "the id of its session is another one")
            _ = HandshakeCheck.verify(request, transports: [.polling, .websocket]) { _ in .live(.polling) }
        }
    }

    private static func same(_ one: String?, _ other: String?) -> Bool {
        guard let one, let other else { return one == nil && other == nil }
        return one.utf8.elementsEqual(other.utf8)
    }

    private static func encoded(_ text: String) -> String {
        text.utf8.map { "%" + String(0x100 + Int($0), radix: 16).dropFirst() }.joined()
    }
}
