// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import Testing

@testable import HiredisNIO

@Suite("RedisConnectionStateMachine")
struct RedisConnectionStateMachineTests {
    private typealias Machine = RedisConnectionStateMachine<String>

    private func ready(isSubscriber: Bool = false) -> Machine {
        var machine = Machine(isSubscriber: isSubscriber)
        _ = machine.start([])
        return machine
    }

    /// The action in a short form that can be compared.
    private func text(_ action: Machine.ReplyAction) -> String {
        switch action {
        case .none: "-"
        case .ready(let facts): "ready \(facts.refusals) \(facts.outputBufferCuts ?? -1)"
        case .complete(let context, .success(let value)): "\(context) = \(value)"
        case .complete(let context, .failure(let error)): "\(context) ! \(error)"
        case .published(let tag, let outcome): "\(tag) \(outcome)"
        case .deliver(let message): "message \(String(buffer: message.payload))"
        case .subscriptionChanged(let request, .success): "\(request.commandName) \(request.channel)"
        case .subscriptionChanged(let request, .failure(let error)): "\(request.channel) ! \(error.message)"
        case .subscriptionTaken(let kind, let channel): "taken \(kind) \(channel)"
        case .dropped: "dropped"
        case .pong: "pong"
        case .fail(let error): "fail \(error.code)"
        }
    }

    private func reply(_ machine: inout Machine, _ value: RESPValue) -> String { text(machine.received(.value(value))) }

    private func push(_ kind: String, _ channel: String, _ count: Int64) -> RESPValue {
        .array([.bulk(ByteBuffer(string: kind)), .bulk(ByteBuffer(string: channel)), .integer(count)])
    }

    @Test("Logs in step by step")
    func handshake() {
        var machine = Machine()
        let isReadyAtOnce = machine.start([.auth, .clientName, .select, .role, .statistics, .ping])
        #expect(!isReadyAtOnce)
        #expect(reply(&machine, .simple("OK")) == "-")
        #expect(reply(&machine, .error("NOPERM no CLIENT")) == "-")
        #expect(reply(&machine, .simple("OK")) == "-")
        #expect(reply(&machine, .array([.simple("master")])) == "-")
        let info = "# Stats\r\nclient_output_buffer_limit_disconnections:7\r\nx:1\r\n"
        #expect(reply(&machine, .bulk(ByteBuffer(string: info))) == "-")
        #expect(!machine.isReady)
        #expect(reply(&machine, .simple("PONG")) == "ready [\"CLIENT SETNAME: NOPERM no CLIENT\"] 7")
        #expect(machine.isReady)
    }

    @Test("Refusals of the log-in and their kinds")
    func handshakeRefusals() {
        func outcome(_ step: RedisHandshake.Step, _ value: RESPValue) -> String {
            var machine = Machine()
            _ = machine.start([step])
            return reply(&machine, value)
        }
        #expect(outcome(.auth, .error("WRONGPASS invalid")) == "fail authentication")
        #expect(outcome(.auth, .error("ERR Client sent AUTH, but no password is set")) == "fail authentication")
        #expect(outcome(.ping, .error("NOAUTH Authentication required.")) == "fail authentication")
        #expect(outcome(.ping, .error("LOADING Redis is loading")) == "fail loading")
        #expect(outcome(.ping, .error("NOPERM ping")).hasPrefix("ready"))
        #expect(outcome(.select, .error("NOPERM select")) == "fail permission")
        #expect(outcome(.select, .error("ERR DB index is out of range")) == "fail server")
        #expect(outcome(.role, .array([.simple("slave"), .simple("h")])) == "fail notPrimary")
        #expect(outcome(.role, .error("NOPERM role")).hasPrefix("ready"))
        #expect(outcome(.statistics, .error("NOPERM info")) == "ready [] -1")
        #expect(outcome(.clientName, .error("ERR unknown command")).hasPrefix("ready"))
    }

    @Test("A limit on messages that is lower than what Redis says of itself keeps no connection from being ready")
    func tooLargeInTheHandshake() {
        for isSubscriber in [false, true] {
            var machine = Machine(isSubscriber: isSubscriber)
            _ = machine.start([.role, .statistics])
            #expect(reply(&machine, .array([.simple("master")])) == "-")
            #expect(text(machine.received(.tooLarge)) == "ready [] -1")
            var needed = Machine(isSubscriber: isSubscriber)
            _ = needed.start([.role])
            #expect(text(needed.received(.tooLarge)) == "fail replyTooLarge")
        }
    }

    @Test("Answers go to the commands in order")
    func order() {
        var machine = ready()
        machine.append(.command("a", name: "GET", deadline: nil))
        machine.append(.publish(tag: 1))
        machine.append(.publish(tag: 2))
        machine.append(.ping)
        machine.append(.command("b", name: "PUBSUB NUMSUB", deadline: nil))
        machine.append(.command("c", name: "XRANGE", deadline: nil))
        #expect(reply(&machine, .integer(5)) == "a = integer(5)")
        #expect(reply(&machine, .integer(3)) == "1 delivered(receivers: 3)")
        #expect(reply(&machine, .error("READONLY x")) == "2 refused(Redis notPrimary: PUBLISH: READONLY x)")
        #expect(reply(&machine, .simple("PONG")) == "pong")
        #expect(reply(&machine, .error("NOPERM x")) == "b ! Redis permission: PUBSUB NUMSUB: NOPERM x")
        #expect(text(machine.received(.tooLarge)).hasPrefix("c ! Redis replyTooLarge"))
        #expect(reply(&machine, .simple("OK")) == "fail protocolViolation")
    }

    @Test("Subscriber mode: confirmations, refusals, messages, pongs of both forms")
    func subscriber() {
        var machine = ready(isSubscriber: true)
        for channel in ["a", "b"] {
            machine.append(.subscription(.init(kind: .channel, channel: channel, isUnsubscribe: false)))
        }
        machine.append(.ping)
        machine.append(.subscription(.init(kind: .pattern, channel: "p*", isUnsubscribe: true)))
        machine.append(.ping)
        #expect(reply(&machine, push("subscribe", "a", 1)) == "SUBSCRIBE a")
        let message = RedisMessage(channel: ByteBuffer(string: "a"), payload: ByteBuffer(string: "x"))
        #expect(text(machine.received(.message(message))) == "message x")
        #expect(
            reply(&machine, .error("NOPERM no channel"))
                == "b ! SUBSCRIBE b: NOPERM no channel (the user needs +subscribe and the channel &b)")
        #expect(text(machine.received(.tooLarge)) == "dropped")
        #expect(reply(&machine, .array([.bulk(ByteBuffer(string: "pong")), .bulk(ByteBuffer())])) == "pong")
        #expect(reply(&machine, push("sunsubscribe", "s", 0)) == "taken sharded s")
        #expect(reply(&machine, push("punsubscribe", "p*", 0)) == "PUNSUBSCRIBE p*")
        #expect(reply(&machine, .simple("PONG")) == "pong")
        #expect(reply(&machine, push("subscribe", "other", 1)) == "fail protocolViolation")
    }

    @Test("Confirmations of the wrong shape end the connection")
    func wrongShape() {
        var machine = ready(isSubscriber: true)
        machine.append(.subscription(.init(kind: .channel, channel: "a", isUnsubscribe: false)))
        #expect(reply(&machine, .array([.bulk(ByteBuffer(string: "subscribe"))])) == "fail protocolViolation")
        #expect(reply(&machine, .integer(1)) == "fail protocolViolation")
        var other = ready(isSubscriber: true)
        #expect(reply(&other, .array([])) == "fail protocolViolation")
        #expect(reply(&other, .array([.null, .integer(1)])) == "fail protocolViolation")
    }

    @Test("Deadlines expire from the front; late replies are thrown away")
    func deadlines() {
        var machine = ready()
        let start = NIODeadline.now()
        machine.append(.publish(tag: 1))
        machine.append(.command("a", name: "A", deadline: start + .seconds(1)))
        machine.append(.command("b", name: "B", deadline: start + .seconds(2)))
        let (none, first) = machine.expire(now: start)
        #expect(none.isEmpty && first == start + .seconds(1))
        let (one, second) = machine.expire(now: start + .seconds(1))
        #expect(one.map(\.0) == ["a"] && second == start + .seconds(2))
        #expect(reply(&machine, .integer(0)) == "1 delivered(receivers: 0)")
        #expect(reply(&machine, .integer(1)) == "-")
        #expect(reply(&machine, .integer(2)) == "b = integer(2)")
    }

    @Test("At the end it is known what was never sent")
    func ledger() {
        var machine = ready()
        func append(_ tags: ClosedRange<UInt64>) { for tag in tags { machine.append(.publish(tag: tag)) } }
        append(1...2)
        machine.handedOver(bytes: 20)
        machine.written()
        append(3...4)
        machine.handedOver(bytes: 20)  // the first unwritten batch: a part may be out
        append(5...6)
        machine.handedOver(bytes: 20)
        append(7...7)  // staged only
        #expect(machine.ledger.unwrittenBytes == 40)
        _ = machine.received(.value(.integer(1)))
        let left = machine.closed().map { pending, neverSent in
            guard case .publish(let tag) = pending else { return "?" }
            return "\(tag)\(neverSent ? "" : "?")"
        }
        #expect(left == ["2?", "3?", "4?", "5", "6", "7"])
        #expect(machine.unanswered == 0)
    }

    @Test("Any sequence of replies has an outcome", arguments: 0..<200)
    func random(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var machine = Machine(isSubscriber: seed % 2 == 0)
        _ = machine.start(seed % 3 == 0 ? [] : [.auth, .role, .ping])
        let values: [RESPValue] = [
            .null, .integer(-1), .simple("OK"), .error(""), .error("NOPERM"), .array([]), .array([.array([.null])]),
            push("subscribe", "a", 1), push("unsubscribe", "a", 1), push("message", "a", 1), push("pong", "", 0),
            .bulk(ByteBuffer(repeating: 0xff, count: 3)),
        ]
        for _ in 0..<50 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0: machine.append(.publish(tag: 1))
            case 1: machine.append(.subscription(.init(kind: .channel, channel: "a", isUnsubscribe: false)))
            case 2: machine.append(.command("x", name: "X", deadline: .now()))
            case 3: _ = machine.expire(now: .now())
            default: _ = machine.received(.value(values.randomElement(using: &random) ?? .null))
            }
        }
        _ = machine.closed()
    }
}
