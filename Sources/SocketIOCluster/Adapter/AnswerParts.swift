// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore

/// The elements of a long answer, divided so that each part stays below a size: between nodes of this kind a long list is
/// several messages, none of which keeps the bus or a node busy for long.
struct AnswerParts<Element> {
    /// A part has about this many bytes, if the limit of a message does not allow less.
    static var usualBytes: Int { 1 << 20 }
    /// What a message has around the elements.
    static var envelopeBytes: Int { 1024 }

    /// One at least.
    private(set) var parts: [[Element]] = [[]]

    /// - Parameters:
    ///   - limit: The most bytes of a message.
    ///   - size: The most bytes of an element in the message, its separator included.
    /// - Throws: ``ClusterError`` with code `oversized` for an element that no message has room for.
    init(_ elements: some Sequence<Element>, limit: Int, size: (Element) -> Int) throws {
        let room = limit - Self.envelopeBytes
        let usual = min(room, Self.usualBytes)
        var used = 0
        for element in elements {
            let bytes = size(element)
            guard bytes <= room else { throw ClusterError.tooLarge(bytes, limit: limit) }
            if used > 0, used + bytes > usual {
                parts.append([])
                used = 0
            }
            used += bytes
            parts[parts.count - 1].append(element)
        }
        guard parts.count <= ClusterAdapterCore.Requests.maximumParts else {
            throw ClusterError(.oversized, "too large: an answer in \(parts.count) parts")
        }
    }

    /// How each part is marked: its number and whether others follow. An answer in one piece is not marked.
    func forEach(_ body: (_ elements: [Element], _ part: Int?, _ more: Bool?) throws -> Void) rethrows {
        guard parts.count > 1 else { return try body(parts[0], nil, nil) }
        for (number, elements) in parts.enumerated() {
            try body(elements, number, number < parts.count - 1 ? true : nil)
        }
    }
}

/// How long things are as JSON.
enum JSONBound {
    /// The most bytes of a string with its quotes and a comma: an escape has six bytes for one.
    static func string(_ text: String) -> Int { 6 * text.utf8.count + 3 }
    /// The most bytes of a member of an object whose value is a number.
    static func count(named name: String) -> Int { string(name) + 22 }
}
