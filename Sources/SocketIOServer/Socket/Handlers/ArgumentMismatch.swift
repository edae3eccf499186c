// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import SocketIOCore

/// An argument that does not fit the type asked for. Of the client's own bytes only the names of members are repeated, and
/// these in a bounded length.
struct ArgumentMismatch: Sendable, Hashable, CustomStringConvertible {
    let index: Int
    /// The type, and what was wanted at which place in it.
    let expected: String
    /// What came.
    let got: String

    var description: String { "argument \(index) does not fit: expected \(expected), got \(got)" }

    /// There is no such argument.
    init(missing index: Int, _ type: Any.Type) {
        self.index = index
        self.expected = "\(type)"
        self.got = "nothing"
    }

    /// - Parameter json: the argument, which is not decoded for this: it may be large.
    init(_ index: Int, _ type: Any.Type, _ error: any Error, _ json: RawJSON) {
        self.index = index
        let got = Self.kind(of: json)
        switch error as? DecodingError {
        case .typeMismatch(let wanted, let context), .valueNotFound(let wanted, let context):
            let path = Self.path(context.codingPath)
            self.expected = path.isEmpty ? "\(type)" : "\(type) with \(wanted) at \(path)"
            self.got = got
        case .keyNotFound(let key, let context):
            let path = Self.path(context.codingPath + [key])
            self.expected = "\(type) with a member at \(path)"
            self.got = "\(got) without it"
        case .dataCorrupted(let context):
            self.expected = "\(type)"
            let place = Self.path(context.codingPath)
            let words = context.debugDescription.prefix(maximumBytes: 200)
            self.got = place.isEmpty ? "\(got) (\(words))" : "\(got) (at \(place): \(words))"
        default:
            self.expected = "\(type)"
            self.got = "\(got) (\("\(error)".prefix(maximumBytes: 200)))"
        }
    }

    /// Without the first, which is the place among the arguments.
    private static func path(_ keys: [any CodingKey]) -> String {
        let text = keys.dropFirst().map { key in
            key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue.prefix(maximumBytes: 64))"
        }
        return String(text.joined().prefix(maximumBytes: 200))
    }

    private static func kind(of json: RawJSON) -> String {
        let text = json.text.readableBytesView
        switch text.first {
        case UInt8(ascii: "{"): return text.starts(with: #"{"_placeholder":"#.utf8) ? "binary data" : "an object"
        case UInt8(ascii: "["): return "an array"
        case UInt8(ascii: "\""): return "a string"
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return "a boolean"
        case UInt8(ascii: "n"): return "null"
        default: return "a number"
        }
    }
}
