// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import Testing

/// Inputs in random order, as hostile clients and unlucky timing give them: what must hold whatever comes.
@Suite("Random walks")
struct StateMachineWalkTests {
    private static let packets: [EnginePacket] = [
        .open(ByteBuffer()), .close, .ping(ByteBuffer()), .ping(ByteBuffer(string: "probe")), .pong(ByteBuffer()),
        .message(.text(ByteBuffer(string: "x"))), .upgrade, .noop,
    ]

    @Test func aSessionFinishesOnceAndStaysFinished() {
        var rng = SeededGenerator(seed: 21)
        for _ in 0..<2_000 {
            var session = SessionStateMachine()
            _ = session.opened()
            var ends = 0
            for _ in 0..<20 {
                let end = Self.step(&session, using: &rng)
                if end != nil { ends += 1 }
                #expect(session.isAlive == (ends == 0))
            }
            #expect(ends <= 1)
            #expect(!(session.isOpen && session.isClosing))
        }
    }

    private static func step(_ session: inout SessionStateMachine, using rng: inout SeededGenerator) -> SessionEnd? {
        switch Int.random(in: 0...11, using: &rng) {
        case 0:
            if case .finish(let end) = session.timerFired() { return end }
        case 1: _ = session.closeRequested()
        case 2: return session.transportFinished()
        case 3: return session.transportClosed()
        case 4: return session.transportFailed(detail: "reset")
        case 5: return session.packetInvalid(.emptyPacket)
        case 6:
            if case .finish(let end) = session.upgraded() { return end }
        default:
            if case .finish(let end) = session.packetReceived(packets[Int.random(in: 0..<8, using: &rng)]) {
                return end
            }
        }
        return nil
    }

    @Test func everyHeldPollIsAnsweredOnce() {
        var rng = SeededGenerator(seed: 22)
        for _ in 0..<2_000 {
            var polling = PollingStateMachine()
            var held = 0
            for _ in 0..<30 {
                held += Self.step(&polling, using: &rng)
                #expect(held == 0 || held == 1)
                #expect(polling.isWritable == (held == 1))
            }
            if polling.closed().poll != nil { held -= 1 }
            #expect(held == 0)
        }
    }

    /// How the number of held polls changes.
    private static func step(_ polling: inout PollingStateMachine, using rng: inout SeededGenerator) -> Int {
        switch Int.random(in: 0...16, using: &rng) {
        case 0...4: return polling.pollReceived(hasPendingPackets: Bool.random(using: &rng)) == .hold ? 1 : 0
        case 5, 6: return polling.flushRequested() ? -1 : 0
        case 7: return polling.noopRequested() ? -1 : 0
        case 8: return polling.pollAborted() ? -1 : 0
        case 9: return polling.closePacketReceived() ? -1 : 0
        case 10: return polling.closeRequested(discard: Bool.random(using: &rng)).poll == nil ? 0 : -1
        case 11: return polling.closed().poll == nil ? 0 : -1
        case 12, 13: _ = polling.postReceived(contentType: nil)
        case 14: _ = polling.postBodyReceived()
        case 15: _ = polling.postFailed()
        default: _ = polling.postFinished(isValid: true)
        }
        return 0
    }

    @Test func thereIsAtMostOneCandidateAndOneUpgrade() {
        var rng = SeededGenerator(seed: 23)
        for _ in 0..<2_000 {
            var upgrade = UpgradeStateMachine()
            var candidates = 0
            var upgrades = 0
            for _ in 0..<30 {
                switch Int.random(in: 0...8, using: &rng) {
                case 0...2:
                    if upgrade.candidateOpened(sessionIsOpen: true) == .accept { candidates += 1 }
                case 3:
                    if upgrade.timedOut() == .dropCandidate { candidates -= 1 }
                case 4:
                    if upgrade.candidateClosed() { candidates -= 1 }
                case 5:
                    if Int.random(in: 0..<4, using: &rng) == 0, upgrade.sessionClosed() { candidates -= 1 }
                case 6:
                    #expect(upgrade.noopTimerFired() == .stop || candidates == 1)
                default:
                    switch upgrade.candidatePacket(Self.packets[Int.random(in: 0..<8, using: &rng)]) {
                    case .complete:
                        candidates -= 1
                        upgrades += 1
                    case .dropCandidate: candidates -= 1
                    case .answerProbe, .ignore: break
                    }
                }
                #expect(candidates == (upgrade.isUpgrading ? 1 : 0))
            }
            #expect(upgrades <= 1)
        }
    }
}
