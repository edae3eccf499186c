// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOCore
import Testing

/// Transcripts of what clients do to their namespaces.
@Suite struct ClientStateMachineTests {
    private var parser = DefaultParser()
    private var machine = ClientStateMachine()

    private mutating func receive(_ text: String) throws -> ClientAction {
        machine.received(try #require(try parser.receive(text)))
    }

    @Test mutating func connectEventAckDisconnect() throws {
        #expect(try receive("0{\"token\":1}") == .connect(slot: 0, nsp: "/", auth: ByteBuffer(string: "{\"token\":1}")))
        #expect(!machine.hasEverJoined)
        #expect(machine.connected(slot: 0) == true)
        #expect(machine.hasEverJoined)
        #expect(machine.joinedCount == 1)
        #expect(try receive("25[\"a\"]") == .event(slot: 0))
        #expect(try receive("2[\"a\"]") == .event(slot: 0))
        #expect(try receive("37[1]") == .ack(slot: 0, id: 7))
        #expect(try receive("3[1]") == .ignore(.ackWithoutID))
        #expect(try receive("3") == .ignore(.ackWithoutID))
        #expect(try receive("1") == .disconnect(slot: 0))
        #expect(machine.left(slot: 0) == true)
        #expect(machine.joinedCount == 0)
        #expect(machine.hasEverJoined)
        machine.batchEnded()
        // The client may come back.
        #expect(try receive("0") == .connect(slot: 0, nsp: "/", auth: nil))
    }

    @Test mutating func severalNamespacesInConnectionOrder() throws {
        #expect(try receive("0/a,") == .connect(slot: 0, nsp: "/a", auth: nil))
        #expect(try receive("0/b,") == .connect(slot: 1, nsp: "/b", auth: nil))
        #expect(try receive("0/c,") == .connect(slot: 2, nsp: "/c", auth: nil))
        // The middlewares end in another order.
        #expect(machine.connected(slot: 2) == true)
        #expect(machine.connected(slot: 0) == true)
        #expect(machine.connected(slot: 1) == true)
        #expect(machine.joinedSlots == [2, 0, 1])
        #expect(machine.left(slot: 0) == true)
        #expect(try receive("0/d") == .connect(slot: 0, nsp: "/d", auth: nil))
        #expect(machine.joinedSlots == [2, 1])
        #expect(machine.connected(slot: 0) == true)
        #expect(machine.joinedSlot("/d") == 0)
        #expect(machine.close() == [2, 1, 0])
        #expect(machine.close() == [])
    }

    @Test mutating func aRefusedConnectionMayTryAgain() throws {
        #expect(try receive("0") == .connect(slot: 0, nsp: "/", auth: nil))
        #expect(machine.connectFailed(slot: 0) == true)
        #expect(machine.connectFailed(slot: 0) == false)
        #expect(machine.connected(slot: 0) == false)
        #expect(try receive("0") == .connect(slot: 0, nsp: "/", auth: nil))
    }

    // MARK: Violations (protocol 3.9)

    @Test(arguments: ["2[\"a\"]", "31[]", "3", "1", "2/n,[\"a\"]", "31/n", "1/n"])
    mutating func packetsBeforeConnect(text: String) throws {
        let text = text == "31/n" ? "3/n,1" : text
        let nsp = text.contains("/n") ? "/n" : "/"
        #expect(try receive(text) == .violation(.namespaceNotJoined(nsp: nsp)))
        // The session is closing: nothing else happens.
        #expect(try receive("0") == .ignore(.clientClosed))
    }

    @Test(arguments: ["2[\"a\"]", "31[]", "1"])
    mutating func packetsWhilePending(text: String) throws {
        _ = try receive("0")
        #expect(try receive(text) == .violation(.namespaceNotJoined(nsp: "/")))
        #expect(machine.connected(slot: 0) == false)
        #expect(machine.close() == [])
    }

    @Test mutating func secondConnectWhilePending() throws {
        _ = try receive("0/n,")
        #expect(try receive("0/n,{}") == .violation(.alreadyConnected(nsp: "/n")))
        #expect(machine.connectFailed(slot: 0) == false)
    }

    @Test mutating func secondConnectWhileJoined() throws {
        _ = try receive("0")
        #expect(machine.connected(slot: 0) == true)
        _ = try receive("0/n,")
        #expect(machine.connected(slot: 1) == true)
        #expect(try receive("0") == .violation(.alreadyConnected(nsp: "/")))
        #expect(try receive("2[\"a\"]") == .ignore(.clientClosed))
        #expect(machine.close() == [0, 1])
    }

    @Test mutating func connectErrorFromTheClient() throws {
        #expect(try receive("4{\"message\":\"x\"}") == .violation(.connectErrorFromClient(nsp: "/")))
        #expect(try receive("4") == .ignore(.clientClosed))
    }

    // MARK: After leaving

    @Test mutating func packetsOfTheSameBatchAreDropped() throws {
        _ = try receive("0")
        #expect(machine.connected(slot: 0) == true)
        #expect(!machine.awaitsBatchEnd)
        #expect(machine.left(slot: 0) == true)
        #expect(machine.awaitsBatchEnd)
        #expect(try receive("2[\"late\"]") == .ignore(.socketJustLeft))
        #expect(try receive("31[]") == .ignore(.socketJustLeft))
        #expect(try receive("1") == .ignore(.socketJustLeft))
        machine.batchEnded()
        #expect(try receive("2[\"too late\"]") == .violation(.namespaceNotJoined(nsp: "/")))
    }

    @Test mutating func connectingAgainInTheSameBatch() throws {
        _ = try receive("0")
        #expect(machine.connected(slot: 0) == true)
        #expect(machine.left(slot: 0) == true)
        #expect(machine.left(slot: 0) == false)
        #expect(try receive("0") == .connect(slot: 0, nsp: "/", auth: nil))
        // Now it is pending, and events are no longer late ones.
        #expect(try receive("2[\"a\"]") == .violation(.namespaceNotJoined(nsp: "/")))
    }

    @Test mutating func leniently() throws {
        machine = ClientStateMachine(lenientNamespaceErrors: true)
        #expect(try receive("2[\"a\"]") == .ignore(.namespaceNotJoined))
        _ = try receive("0")
        #expect(try receive("2[\"a\"]") == .ignore(.namespaceNotJoined))
        #expect(try receive("1/n") == .ignore(.namespaceNotJoined))
        #expect(machine.connected(slot: 0) == true)
        #expect(try receive("4") == .violation(.connectErrorFromClient(nsp: "/")))
    }

    @Test mutating func nothingHappensAfterClose() throws {
        _ = try receive("0")
        _ = try receive("0/n")
        #expect(machine.connected(slot: 0) == true)
        #expect(machine.close() == [0])
        #expect(machine.connected(slot: 1) == false)
        #expect(machine.connectFailed(slot: 1) == false)
        #expect(machine.left(slot: 0) == false)
        #expect(try receive("0") == .ignore(.clientClosed))
    }

    @Test mutating func slotsThatDoNotExist() throws {
        for slot in [-1, 0, 5, Int.max, Int.min].map({ ClientSlot($0) }) {
            #expect(machine.connected(slot: slot) == false)
            #expect(machine.connectFailed(slot: slot) == false)
            #expect(machine.left(slot: slot) == false)
        }
    }

    // MARK: Limits, at n and n + 1

    @Test mutating func namespaces() throws {
        machine = ClientStateMachine(limits: ClientLimits(maxNamespaces: 3))
        for index in 0..<3 {
            #expect(try receive("0/\(index)") == .connect(slot: ClientSlot(index), nsp: "/\(index)", auth: nil))
        }
        #expect(try receive("0/3") == .refuseConnect(nsp: "/3", .tooManyNamespaces(limit: 3)))
        #expect(machine.connected(slot: 1) == true)
        #expect(machine.left(slot: 1) == true)
        #expect(try receive("0/3") == .connect(slot: 1, nsp: "/3", auth: nil))
        #expect(try receive("0/4") == .refuseConnect(nsp: "/4", .tooManyNamespaces(limit: 3)))
    }

    @Test mutating func namespaceLength() throws {
        let longest = "/" + String(repeating: "n", count: 255)
        #expect(try receive("0" + longest) == .connect(slot: 0, nsp: longest, auth: nil))
        let refusal = ConnectRefusal.namespaceTooLong(limit: 256)
        #expect(try receive("0" + longest + "n") == .refuseConnect(nsp: longest + "n", refusal))
        #expect(refusal.message == "Invalid namespace")
    }

    @Test mutating func authBytes() throws {
        machine = ClientStateMachine(limits: ClientLimits(maxAuthBytes: 12))
        guard case .connect(slot: 0, nsp: "/a", auth: let auth?) = try receive(#"0/a,{"a":"1234"}"#) else {
            Issue.record("12 bytes are allowed")
            return
        }
        #expect(auth.readableBytes == 12)
        let refusal = ConnectRefusal.authTooLarge(limit: 12)
        #expect(try receive(#"0/b,{"a":"12345"}"#) == .refuseConnect(nsp: "/b", refusal))
        #expect(refusal.message == "auth too large: at most 12 bytes are accepted")
        // It took no slot, and the client may try again.
        guard case .connect(slot: 1, nsp: "/b", auth: nil) = try receive("0/b") else {
            Issue.record("no slot was taken")
            return
        }
    }

    @Test mutating func authBytesOfAllNamespaces() throws {
        machine = ClientStateMachine(limits: ClientLimits(maxAuthBytes: 12, maxAuthBytesPerClient: 24))
        for (slot, name) in ["/a", "/b"].enumerated() {
            guard case .connect(slot: ClientSlot(slot), nsp: name, auth: _) = try receive("0\(name),{\"a\":\"1234\"}")
            else {
                Issue.record("24 bytes are allowed")
                return
            }
        }
        let refusal = ConnectRefusal.authTooLargeTogether(limit: 24)
        #expect(try receive("0/c,{}") == .refuseConnect(nsp: "/c", refusal))
        #expect(refusal.message.utf8.starts(with: "auth too large: at most 24 bytes are accepted for all".utf8))
        #expect(try receive("0/c") == .connect(slot: 2, nsp: "/c", auth: nil), "without it costs nothing")
        // What a namespace had is given back when its connection fails, or when the client has left it.
        #expect(machine.connectFailed(slot: 0) == true)
        #expect(machine.connected(slot: 1) == true)
        #expect(machine.left(slot: 1) == true)
        for name in ["/d", "/e"] {
            guard case .connect = try receive("0\(name),{\"a\":\"1234\"}") else {
                Issue.record("\(name) is within the limit")
                return
            }
        }
        #expect(try receive("0/f,{}") == .refuseConnect(nsp: "/f", refusal))
        // One `auth` may always be as large as the limit for one.
        machine = ClientStateMachine(limits: ClientLimits(maxAuthBytes: 12, maxAuthBytesPerClient: 2))
        guard case .connect = try receive(#"0/a,{"a":"1234"}"#) else {
            Issue.record("12 bytes are allowed")
            return
        }
    }

    /// A thousand namespaces joined and left in one batch are not remembered without bound.
    @Test mutating func floodWithinOneBatch() throws {
        for index in 0..<1000 {
            #expect(try receive("0/\(index)") == .connect(slot: 0, nsp: "/\(index)", auth: nil))
            #expect(machine.connected(slot: 0) == true)
            #expect(machine.left(slot: 0) == true)
        }
        #expect(try receive("2/999,[\"a\"]") == .ignore(.socketJustLeft))
        #expect(try receive("2/0,[\"a\"]") == .violation(.namespaceNotJoined(nsp: "/0")))
    }
}
