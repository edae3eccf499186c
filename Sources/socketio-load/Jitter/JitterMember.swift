// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation

/// A client that keeps its secret id and its offset as official clients do, and continues its session with them.
struct JitterMember {
    enum State: Equatable {
        case away
        /// Until the CONNECT is answered.
        case connecting
        /// Until the room is acknowledged.
        case joining
        case ready
    }

    /// What the owner does after a packet.
    enum Action: Equatable {
        case none
        case send(String)
        /// It is in its namespace; the session was continued or not. Then it joins its room, unless it was.
        case connected(recovered: Bool)
        case joined
        case ended(String)
    }

    private let namespacePrefix: String
    private let auth: String
    private let event: String
    private(set) var pid: String?
    private(set) var offset: String?
    private(set) var checker = NumberChecker()
    var state = State.away
    var target = 0
    /// When the member does something next: is cut off, returns, or has taken too long.
    var due: UInt64 = .max
    /// When it began to return; nil at the first connection.
    var began: UInt64?

    init(_ plan: JitterPlan) {
        namespacePrefix = plan.namespacePrefix
        auth = plan.auth
        event = plan.events.delivery
    }

    /// The packet that asks for the namespace.
    var connectPacket: String {
        var members: [String] = []
        if let pid {
            members.append("\"pid\":\(JSONText.quoted(pid))")
            if let offset { members.append("\"offset\":\(JSONText.quoted(offset))") }
        }
        let own = auth.dropFirst().dropLast().trimmingCharacters(in: .whitespaces)
        if !own.isEmpty { members.append(own) }
        return "40\(namespacePrefix)" + (members.isEmpty ? "" : "{\(members.joined(separator: ","))}")
    }

    mutating func received(_ packet: String) -> Action {
        switch packet.utf8.first {
        case UInt8(ascii: "0"): return .send(connectPacket)
        case UInt8(ascii: "2"): return .send("3" + packet.dropFirst())
        case UInt8(ascii: "1"): return .ended("the server closed the session")
        case UInt8(ascii: "4"): return message(packet)
        default: return .none
        }
    }

    private mutating func message(_ packet: String) -> Action {
        let content = packet.dropFirst(2)
        switch packet.utf8.dropFirst().first {
        case UInt8(ascii: "0"): return connected(content)
        case UInt8(ascii: "1"): return .ended("the server disconnected the socket")
        case UInt8(ascii: "2"):
            receivedEvent(content)
            return .none
        case UInt8(ascii: "3"): return state == .joining ? .joined : .none
        case UInt8(ascii: "4"): return .ended("the namespace refused: \(content.prefix(200))")
        default: return .none
        }
    }

    private mutating func connected(_ content: Substring) -> Action {
        guard state == .connecting, let start = content.firstIndex(of: "{"),
            let reply = try? JSONSerialization.jsonObject(with: Data(content[start...].utf8)) as? [String: Any]
        else { return .ended("the answer to CONNECT was not understood") }
        let given = reply["pid"] as? String
        let isRecovered = given != nil && given == pid
        pid = given
        return .connected(recovered: isRecovered)
    }

    /// Events without acknowledgement; their last element is the offset if it is a text.
    private mutating func receivedEvent(_ content: Substring) {
        guard let start = content.firstIndex(of: "["),
            let list = try? JSONSerialization.jsonObject(with: Data(content[start...].utf8)) as? [Any]
        else { return }
        if pid != nil, let last = list.last as? String { offset = last }
        guard list.first as? String == event, list.count >= 2, let text = list[1] as? String,
            let number = Int(text.drop { $0 == "0" })
        else { return }
        checker.receive(number)
    }
}
