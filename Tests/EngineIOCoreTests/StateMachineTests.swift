// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import Testing

private let text = EngineMessage.text(ByteBuffer(string: "hello"))
private let ping = EnginePacket.ping(ByteBuffer())
private let pong = EnginePacket.pong(ByteBuffer())
private let probe = EnginePacket.ping(ByteBuffer(string: "probe"))

@Suite("Session")
struct SessionStateMachineTests {
    private func opened() -> SessionStateMachine {
        var session = SessionStateMachine()
        #expect(!session.isOpen)
        #expect(session.opened() == .pingInterval)
        #expect(session.isOpen)
        return session
    }

    @Test func heartbeat() {
        var session = opened()
        for _ in 0..<3 {
            #expect(session.timerFired() == .sendPing)
            #expect(session.packetReceived(.message(text)) == .deliver(text))
            #expect(session.packetReceived(pong) == .restartPingInterval)
        }
        // A pong nobody asked for restarts the interval too, but arms nothing twice: there is one timer.
        #expect(session.packetReceived(pong) == .restartPingInterval)
        #expect(session.timerFired() == .sendPing)
        #expect(session.timerFired() == .finish(SessionEnd(.pingTimeout)))
        #expect(!session.isAlive)
        #expect(session.timerFired() == .none)
    }

    @Test func packets() {
        var session = opened()
        #expect(session.packetReceived(.noop) == .ignore)
        #expect(session.packetReceived(.open(ByteBuffer())) == .ignore)
        #expect(session.packetReceived(.upgrade) == .ignore)
        #expect(session.isOpen)
        let wrong = SessionEnd(.transportError, detail: "invalid heartbeat direction")
        #expect(session.packetReceived(ping) == .finish(wrong))
        #expect(session.packetReceived(ping) == .ignore)
        #expect(session.packetReceived(.message(text)) == .ignore)
    }

    @Test func closePacketAndBadPacket() {
        var session = opened()
        #expect(session.packetReceived(.close) == .finish(SessionEnd(.transportClose, detail: "close packet")))
        #expect(session.packetInvalid(.emptyPacket) == nil)
        session = opened()
        #expect(session.packetInvalid(.emptyPacket) == SessionEnd(.parseError, detail: "empty packet"))
        #expect(session.packetReceived(.close) == .ignore)
    }

    @Test func orderlyClose() {
        var session = opened()
        #expect(session.closeRequested() == .closeTransport)
        #expect(session.isClosing && !session.isOpen && session.isAlive)
        #expect(session.closeRequested() == .none)
        #expect(session.packetReceived(.message(text)) == .ignore)
        #expect(session.packetReceived(ping) == .ignore)
        #expect(session.packetInvalid(.emptyPacket) == nil)
        #expect(session.transportFinished() == SessionEnd(.forcedClose))
        #expect(session.transportFinished() == nil)
        #expect(session.closeRequested() == .none)
        #expect(session.transportClosed() == nil)
        #expect(session.transportFailed(detail: "late") == nil)
    }

    @Test func closingEndsInEveryOtherWay() {
        var session = opened()
        _ = session.closeRequested()
        #expect(
            session.timerFired()
                == .finish(SessionEnd(.forcedClose, detail: "the client did not fetch the close packet")))
        session = opened()
        _ = session.closeRequested()
        #expect(session.packetReceived(.close) == .finish(SessionEnd(.transportClose)))
        session = opened()
        _ = session.closeRequested()
        #expect(session.transportClosed(detail: "gone") == SessionEnd(.transportClose, detail: "gone"))
        session = opened()
        _ = session.closeRequested()
        #expect(session.transportFailed(detail: "reset") == SessionEnd(.transportError, detail: "reset"))
        session = opened()
        _ = session.closeRequested()
        #expect(session.upgraded() == .finish(SessionEnd(.forcedClose)))
        session = opened()
        #expect(session.transportFinished() == nil)
        #expect(session.transportClosed() == SessionEnd(.transportClose))
    }

    @Test func upgradeKeepsTheHeartbeat() {
        var session = opened()
        #expect(session.upgraded() == .adopt)
        #expect(session.timerFired() == .sendPing)
        // The ping went out on the old transport: a full time-out starts again, and it can end the session.
        #expect(session.upgraded() == .adoptAndRestartPongTimeout)
        #expect(session.timerFired() == .finish(SessionEnd(.pingTimeout)))
        #expect(session.upgraded() == .closeCandidate)
    }
}

@Suite("Upgrade")
struct UpgradeStateMachineTests {
    private func probed() -> UpgradeStateMachine {
        var upgrade = UpgradeStateMachine()
        #expect(upgrade.candidateOpened(sessionIsOpen: true) == .accept)
        #expect(upgrade.noopTimerFired() == .stop)
        #expect(upgrade.candidatePacket(probe) == .answerProbe)
        #expect(upgrade.isUpgrading)
        return upgrade
    }

    @Test func complete() {
        var upgrade = probed()
        #expect(upgrade.noopTimerFired() == .releasePoll)
        #expect(upgrade.candidatePacket(probe) == .answerProbe)
        #expect(upgrade.noopTimerFired() == .releasePoll)
        #expect(upgrade.candidatePacket(.upgrade) == .complete)
        #expect(!upgrade.isUpgrading)
        // Late timers and second candidates change nothing.
        #expect(upgrade.noopTimerFired() == .stop)
        #expect(upgrade.timedOut() == .ignore)
        #expect(upgrade.candidateClosed() == false)
        #expect(upgrade.candidateOpened(sessionIsOpen: true) == .refuse)
        #expect(upgrade.sessionClosed() == false)
    }

    @Test func upgradeWithoutProbe() {
        var upgrade = UpgradeStateMachine()
        _ = upgrade.candidateOpened(sessionIsOpen: true)
        #expect(upgrade.candidatePacket(.upgrade) == .complete)
    }

    @Test func refusals() {
        var upgrade = UpgradeStateMachine(startedOnWebSocket: true)
        #expect(upgrade.candidateOpened(sessionIsOpen: true) == .refuse)
        upgrade = UpgradeStateMachine()
        #expect(upgrade.candidateOpened(sessionIsOpen: false) == .refuse)
        upgrade = probed()
        #expect(upgrade.candidateOpened(sessionIsOpen: true) == .refuse)
        #expect(upgrade.isUpgrading)
        #expect(upgrade.sessionClosed() == true)
        #expect(upgrade.candidatePacket(.upgrade) == .ignore)
        #expect(upgrade.candidateOpened(sessionIsOpen: true) == .refuse)
    }

    @Test(arguments: [ping, pong, .message(text), .noop, .close, .open(ByteBuffer())])
    func oddPacketsDropTheCandidate(packet: EnginePacket) {
        var upgrade = probed()
        #expect(upgrade.candidatePacket(packet) == .dropCandidate)
        #expect(upgrade.candidatePacket(.upgrade) == .ignore)
        #expect(upgrade.noopTimerFired() == .stop)
        // A new attempt may follow.
        #expect(upgrade.candidateOpened(sessionIsOpen: true) == .accept)
        #expect(upgrade.candidatePacket(packet) == .dropCandidate)
    }

    @Test func otherEndsOfACandidate() {
        var upgrade = probed()
        #expect(upgrade.timedOut() == .dropCandidate)
        #expect(upgrade.timedOut() == .ignore)
        upgrade = probed()
        #expect(upgrade.candidatePacketInvalid() == .dropCandidate)
        upgrade = probed()
        #expect(upgrade.candidateClosed() == true)
        #expect(upgrade.candidateClosed() == false)
        #expect(upgrade.candidateOpened(sessionIsOpen: true) == .accept)
    }
}

@Suite("Polling")
struct PollingStateMachineTests {
    private typealias Close = PollingStateMachine.CloseAction

    @Test func pollsAreHeldOrAnswered() {
        var polling = PollingStateMachine()
        #expect(!polling.isWritable)
        #expect(polling.flushRequested() == false)
        #expect(polling.pollReceived(hasPendingPackets: true) == .answer(.packets))
        #expect(!polling.isWritable)
        #expect(polling.pollReceived(hasPendingPackets: false) == .hold)
        #expect(polling.isWritable)
        #expect(polling.flushRequested() == true)
        #expect(polling.flushRequested() == false)
        #expect(polling.pollReceived(hasPendingPackets: false) == .hold)
        #expect(polling.noopRequested() == true)
        #expect(polling.noopRequested() == false)
        #expect(polling.pollAborted() == false)
        #expect(polling.pollReceived(hasPendingPackets: false) == .hold)
        #expect(polling.pollAborted() == true)
    }

    @Test func secondPoll() {
        var polling = PollingStateMachine()
        _ = polling.pollReceived(hasPendingPackets: false)
        #expect(polling.pollReceived(hasPendingPackets: false) == .refuseOverlap)
        #expect(polling.closed() == Close(poll: .close, refusesPost: false, isFinished: true))
        #expect(polling.pollReceived(hasPendingPackets: false) == .refuseClosed)
        #expect(polling.closed() == Close(poll: nil, refusesPost: false, isFinished: true))
    }

    @Test func posts() {
        var polling = PollingStateMachine()
        for contentType in ["text/plain;charset=UTF-8", nil, "application/octet-stream; x=1"] {
            #expect(polling.postReceived(contentType: contentType) == .read)
            #expect(polling.postBodyReceived() == true)
            #expect(polling.postFinished(isValid: true) == .ok)
        }
        #expect(polling.postReceived(contentType: "application/octet-stream") == .refuseContentType)
        #expect(polling.postReceived(contentType: nil) == .read)
        #expect(polling.postReceived(contentType: nil) == .refuseOverlap)
        #expect(polling.closed() == Close(poll: nil, refusesPost: true, isFinished: true))
        #expect(polling.postBodyReceived() == false)
        #expect(polling.postFailed() == false)
        #expect(polling.postReceived(contentType: nil) == .refuseClosed)
    }

    @Test func badPosts() {
        var polling = PollingStateMachine()
        _ = polling.postReceived(contentType: nil)
        #expect(polling.postFailed() == true)
        #expect(polling.closed() == Close(poll: nil, refusesPost: false, isFinished: true))

        polling = PollingStateMachine()
        _ = polling.pollReceived(hasPendingPackets: false)
        _ = polling.postReceived(contentType: nil)
        #expect(polling.postBodyReceived() == true)
        #expect(polling.closed() == Close(poll: .close, refusesPost: false, isFinished: true))
        #expect(polling.postFinished(isValid: false) == .badRequest)
    }

    @Test func closePacketInAPost() {
        var polling = PollingStateMachine()
        _ = polling.pollReceived(hasPendingPackets: false)
        _ = polling.postReceived(contentType: nil)
        _ = polling.postBodyReceived()
        #expect(polling.closePacketReceived() == true)
        #expect(polling.closed() == Close(poll: nil, refusesPost: false, isFinished: true))
        #expect(polling.postFinished(isValid: true) == .ok)
        polling = PollingStateMachine()
        #expect(polling.closePacketReceived() == false)
        #expect(polling.pollReceived(hasPendingPackets: true) == .refuseClosed)
    }

    @Test func orderlyCloseWithAPoll() {
        var polling = PollingStateMachine()
        _ = polling.pollReceived(hasPendingPackets: false)
        _ = polling.postReceived(contentType: nil)
        #expect(
            polling.closeRequested(discard: false)
                == Close(poll: .packetsThenClose, refusesPost: true, isFinished: true)
        )
        #expect(polling.pollReceived(hasPendingPackets: false) == .refuseClosed)
    }

    @Test(arguments: [false, true])
    func orderlyCloseWaitsForAPoll(hasPendingPackets: Bool) {
        var polling = PollingStateMachine()
        _ = polling.postReceived(contentType: nil)
        let waiting = Close(poll: nil, refusesPost: false, isFinished: false)
        #expect(polling.closeRequested(discard: false) == waiting)
        #expect(polling.closeRequested(discard: false) == waiting)
        #expect(polling.postBodyReceived() == true)
        #expect(polling.postFinished(isValid: true) == .ok)
        #expect(polling.postReceived(contentType: nil) == .read)
        #expect(
            polling.pollReceived(hasPendingPackets: hasPendingPackets)
                == .answer(hasPendingPackets ? .packetsThenClose : .noopThenClose))
        #expect(polling.closed() == Close(poll: nil, refusesPost: true, isFinished: true))
    }

    @Test func discardDoesNotWait() {
        var polling = PollingStateMachine()
        #expect(polling.closeRequested(discard: true) == Close(poll: nil, refusesPost: false, isFinished: true))
        polling = PollingStateMachine()
        _ = polling.pollReceived(hasPendingPackets: false)
        #expect(polling.closeRequested(discard: true) == Close(poll: .close, refusesPost: false, isFinished: true))
        polling = PollingStateMachine()
        _ = polling.closeRequested(discard: false)
        #expect(polling.closeRequested(discard: true) == Close(poll: nil, refusesPost: false, isFinished: true))
        #expect(polling.pollReceived(hasPendingPackets: false) == .refuseClosed)
        #expect(polling.closeRequested(discard: false) == Close(poll: nil, refusesPost: false, isFinished: true))
    }
}
