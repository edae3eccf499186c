// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
package import NIOCore

/// One message in a Redis stream, as @socket.io/redis-streams-adapter and its emitter write it (protocol 5.8): the fields
/// `uid`, `nsp`, `type` and, unless the message has no data, `data`.
package struct StreamEntry: Sendable, Equatable {
    /// The data of a message (protocol 5.6).
    package enum Content: Sendable, Equatable {
        /// A JSON object.
        case json(ByteBuffer)
        /// MessagePack, which the stream holds as base64.
        case messagePack(ByteBuffer)
    }

    /// Who wrote it: the id of an adapter, or `emitter`.
    package var uid: String
    package var namespace: String
    /// The number of the kind of message.
    package var type: Int
    package var content: Content?

    package init(uid: String, namespace: String, type: Int, content: Content?) {
        self.uid = uid
        self.namespace = namespace
        self.type = type
        self.content = content
    }

    /// Limits of what is read.
    private static let maximumUIDBytes = 256
    private static let maximumTypeBytes = 4

    /// The fields, in the order in which Node writes them.
    package var fields: [(name: String, value: ByteBuffer)] {
        var fields = [
            ("uid", ByteBuffer(string: uid)), ("nsp", ByteBuffer(string: namespace)),
            ("type", ByteBuffer(string: String(type))),
        ]
        switch content {
        case nil: break
        case .json(let text): fields.append(("data", text))
        case .messagePack(let bytes):
            var text = ByteBufferAllocator().buffer(capacity: Base64.encodedLength(bytes.readableBytes))
            Base64.append(bytes.readableBytesView, to: &text)
            fields.append(("data", text))
        }
        return fields
    }

    /// Reads the fields of an entry. Nil when it is no message for a namespace whose name has at most `maximumNameLength`
    /// bytes.
    package init?(fields: some Sequence<(name: ByteBuffer, value: ByteBuffer)>, maximumNameLength: Int) {
        var reader = Reader(maximumNameLength: maximumNameLength)
        for (name, value) in fields {
            guard reader.read(name, value) else { return nil }
        }
        guard let entry = reader.entry else { return nil }
        self = entry
    }

    /// Reads the fields of an entry one by one, in any order; unknown ones are passed over. Every node reads every entry,
    /// and a sequence of fields would be read through witness tables of another module.
    package struct Reader {
        private let maximumNameLength: Int
        private var uid: String?
        private var namespace: String?
        private var type: Int?
        private var content: Content?

        package init(maximumNameLength: Int) { self.maximumNameLength = maximumNameLength }

        /// Returns false when the entry is no message, whatever else is in it.
        package mutating func read(_ name: ByteBuffer, _ value: ByteBuffer) -> Bool {
            if name.holds("uid") {
                guard value.readableBytes <= StreamEntry.maximumUIDBytes else { return false }
                uid = String(buffer: value)
            } else if name.holds("nsp") {
                guard value.readableBytes <= maximumNameLength else { return false }
                namespace = String(buffer: value)
            } else if name.holds("type") {
                guard value.readableBytes <= StreamEntry.maximumTypeBytes else { return false }
                type = Int(String(buffer: value))
            } else if name.holds("data") {
                content = StreamEntry.content(value)
            }
            return true
        }

        /// The message, when all of it has been read.
        package var entry: StreamEntry? {
            guard let uid, let namespace, let type, type > 0 else { return nil }
            return StreamEntry(uid: uid, namespace: namespace, type: type, content: content)
        }
    }

    /// Text that begins with a brace is JSON, everything else base64.
    private static func content(_ value: ByteBuffer) -> Content? {
        guard let first = value.readableBytesView.first else { return nil }
        return first == UInt8(ascii: "{") ? .json(value) : .messagePack(Base64.decode(value))
    }
}

extension ByteBuffer {
    /// Whether these are the bytes of a text.
    func holds(_ text: StaticString) -> Bool {
        withUnsafeReadableBytes {
            $0.hasSameBytes(as: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        }
    }
}
