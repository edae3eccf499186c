// Part of socketio-server, MIT licence; see LICENSE.

/// One Socket.IO v5 packet as a client sees it, without its attachments.
public struct SocketTestPacket: Sendable, Equatable {
    /// Packet types of the protocol, with their numbers.
    public enum Kind: Int, Sendable, Codable {
        /// CONNECT.
        case connect = 0
        /// DISCONNECT.
        case disconnect = 1
        /// EVENT.
        case event = 2
        /// ACK.
        case ack = 3
        /// CONNECT_ERROR.
        case connectError = 4
        /// EVENT with attachments.
        case binaryEvent = 5
        /// ACK with attachments.
        case binaryAck = 6
    }

    /// What the packet is.
    public var kind: Kind
    /// How many binary messages follow.
    public var attachments: Int
    /// Namespace.
    public var namespace: String
    /// Acknowledgement id.
    public var id: Int?
    /// JSON text, empty when there is none.
    public var json: String

    /// A packet; written by ``text``.
    public init(_ kind: Kind, namespace: String = "/", id: Int? = nil, json: String = "", attachments: Int = 0) {
        self.kind = kind
        self.namespace = namespace
        self.id = id
        self.json = json
        self.attachments = attachments
    }

    /// Reads the text of a packet.
    public init(parsing text: String) throws {
        var rest = Substring(text)
        guard let digit = rest.popFirst(), let kind = digit.wholeNumberValue.flatMap(Kind.init(rawValue:)) else {
            throw TestClientError.protocolViolation("Socket.IO packet \(text.prefix(100))")
        }
        self.init(kind)
        if kind == .binaryEvent || kind == .binaryAck {
            guard let dash = rest.firstIndex(of: "-"), let count = Int(rest[..<dash]), count >= 0 else {
                throw TestClientError.protocolViolation("attachment count \(text.prefix(100))")
            }
            attachments = count
            rest = rest[rest.index(after: dash)...]
        }
        if rest.first == "/" {
            guard let comma = rest.firstIndex(of: ",") else {
                throw TestClientError.protocolViolation("no comma after the namespace: \(text.prefix(100))")
            }
            namespace = String(rest[..<comma])
            rest = rest[rest.index(after: comma)...]
        }
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        if !digits.isEmpty {
            id = Int(digits)
            rest = rest[digits.endIndex...]
        }
        json = String(rest)
    }

    /// The text of the packet, without the `4` of Engine.IO.
    public var text: String {
        var text = "\(kind.rawValue)"
        if kind == .binaryEvent || kind == .binaryAck { text += "\(attachments)-" }
        if namespace != "/" { text += namespace + "," }
        if let id { text += "\(id)" }
        return text + json
    }
}
