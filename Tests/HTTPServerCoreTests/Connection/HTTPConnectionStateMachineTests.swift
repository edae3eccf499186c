// Part of socketio-server, MIT licence; see LICENSE.

internal import HTTPServerCore
internal import NIOCore
internal import Testing

/// What a connection does next, without a connection.
@Suite("HTTP connection state machine")
struct HTTPConnectionStateMachineTests {
    typealias Machine = HTTPConnectionStateMachine

    private static func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(1) + .seconds(seconds) }

    /// An open connection, and one that has a request in progress.
    private static func opened() -> Machine {
        var machine = Machine()
        #expect(machine.opened(headBy: at(5)) == true)
        return machine
    }

    private static func serving(
        keepsAlive: Bool = true, isUpgrade: Bool = false, hasBody: Bool = false, expectsContinue: Bool = false
    ) -> Machine {
        var machine = opened()
        machine.headReceived(
            keepsAlive: keepsAlive, isUpgrade: isUpgrade, hasBody: hasBody, expectsContinue: expectsContinue)
        return machine
    }

    private static func answer(_ machine: inout Machine, closes: Bool = false) -> Machine.Ending {
        machine.answerCompleted(closes: closes, budget: 100, bodyBy: at(10))
    }

    // MARK: Reading on, and holding

    @Test func requestsAreServedOneAfterTheOther() {
        var machine = Self.opened()
        for _ in 0..<3 {
            #expect(machine.nextStep() == .readHead)
            machine.headReceived(keepsAlive: true, isUpgrade: false, hasBody: false, expectsContinue: false)
            #expect(machine.nextStep() == .wait && machine.awaitsAnswer)
            #expect(Self.answer(&machine) == .none)
            #expect(machine.nextStep() == .endRequest && machine.isAnswered)
            #expect(machine.requestEnded() == .none)
        }
    }

    @Test func theNextRequestWaitsForTheAnswerToLeave() {
        var machine = Self.serving()
        machine.writeStarted(by: Self.at(30))
        #expect(Self.answer(&machine) == .none)
        #expect(machine.requestEnded() == .none)
        #expect(machine.nextStep() == .wait)
        #expect(machine.writeFinished(nextBy: Self.at(31)) == .none)
        #expect(machine.nextStep() == .readHead)
    }

    @Test func theSocketIsNotReadWhileTooMuchIsHeld() {
        var machine = Self.opened()
        let limit = Machine.highWater
        #expect(machine.mayRead(holding: limit - 1) == true)
        #expect(machine.resumesReading(holding: 0) == false)
        #expect(!machine.mayRead(holding: limit) && machine.owesRead)
        #expect(machine.resumesReading(holding: limit) == false)
        #expect(machine.resumesReading(holding: limit - 1) && !machine.owesRead)
        #expect(machine.resumesReading(holding: 0) == false, "once")
    }

    @Test func openingIsToldOnce() {
        var machine = Self.opened()
        #expect(machine.opened(headBy: Self.at(9)) == false)
        #expect(machine.deadline(idleUntil: Self.at(99)) == Self.at(5))
    }

    // MARK: Bodies

    @Test func aBodyWaitsUntilSomebodyWantsIt() {
        var machine = Self.serving(hasBody: true)
        #expect(machine.nextStep() == .wait && machine.bodyUse == .unclaimed)
        machine.bodyWanted(.collected(limit: 10), by: Self.at(10))
        #expect(machine.nextStep() == .readBody)
        #expect(machine.bodyReceived(4, after: 0, nextBy: Self.at(11)) == .deliver)
        #expect(machine.bodyReceived(6, after: 4, nextBy: Self.at(11)) == .deliver)
        machine.bodyEnded()
        #expect(machine.isBodyComplete && machine.nextStep() == .wait)
        #expect(Self.answer(&machine) == .none)
        #expect(machine.nextStep() == .endRequest)
    }

    @Test func aBodyOneByteOverItsLimitIsRefused() {
        var machine = Self.serving(hasBody: true)
        machine.bodyWanted(.collected(limit: 10), by: Self.at(10))
        #expect(machine.bodyReceived(7, after: 4, nextBy: Self.at(11)) == .refuse)
        #expect(machine.nextStep() == .wait, "until the refusal is written")
    }

    @Test func aStreamIsHeldWhileItsReaderHasEnough() {
        var machine = Self.serving(hasBody: true)
        machine.bodyWanted(.streamed, by: Self.at(10))
        #expect(machine.bodyReceived(1000, after: 0, nextBy: Self.at(20)) == .deliver)
        #expect(machine.deadline(idleUntil: Self.at(99)) == Self.at(20), "each piece has its own time")
        machine.bodyPaused()
        #expect(machine.nextStep() == .wait && machine.deadline(idleUntil: Self.at(99)) == nil)
        machine.bodyWanted(.streamed, by: Self.at(30))
        #expect(machine.nextStep() == .readBody && machine.deadline(idleUntil: Self.at(99)) == Self.at(30))
        machine.bodyUnwanted(budget: 10)
        #expect(machine.bodyReceived(10, after: 0, nextBy: Self.at(40)) == .drop)
    }

    @Test func anAnsweredBodyIsDroppedWithinItsBudget() {
        var machine = Self.serving(hasBody: true)
        #expect(!machine.ends(closing: false, remaining: 100, budget: 100))
        #expect(Self.answer(&machine) == .none)
        #expect(machine.nextStep() == .readBody && machine.bodyUse == .discarded(budget: 100))
        #expect(machine.bodyReceived(60, after: 0, nextBy: Self.at(0)) == .drop)
        #expect(machine.bodyReceived(40, after: 0, nextBy: Self.at(0)) == .drop)
        var copy = machine
        machine.bodyEnded()
        #expect(machine.nextStep() == .endRequest)
        #expect(copy.bodyReceived(1, after: 0, nextBy: Self.at(0)) == .giveUp(.closeOutput))
        #expect(!copy.hasRequest && copy.nextStep() == .wait)
    }

    @Test func aBodyOverTheBudgetEndsTheConnection() {
        let machine = Self.serving(hasBody: true)
        #expect(machine.ends(closing: false, remaining: 101, budget: 100))
        #expect(!machine.ends(closing: false, remaining: nil, budget: 100), "nobody knows its length")
    }

    @Test func continueIsOwedOnceAndBeforeTheAnswer() {
        var machine = Self.serving(hasBody: true, expectsContinue: true)
        #expect(machine.ends(closing: false, remaining: 1, budget: 100), "the client may never send its body")
        #expect(machine.takesContinue() == true)
        #expect(machine.takesContinue() == false)
        #expect(!machine.ends(closing: false, remaining: 1, budget: 100))
        var answered = Self.serving(hasBody: true, expectsContinue: true)
        answered.answerStarted()
        #expect(answered.takesContinue() == false)
    }

    // MARK: Ends

    @Test(arguments: [
        (true, false, false, false), (false, true, false, false), (false, false, true, false),
        (false, false, false, true), (false, false, false, false),
    ])
    func theConnectionEndsWhenEitherSideSaysSo(_ closing: Bool, _ old: Bool, _ upgrade: Bool, _ drains: Bool) {
        var machine = Self.serving(keepsAlive: !old, isUpgrade: upgrade)
        if drains { #expect(machine.drain() == .none, "after the request in progress") }
        #expect(machine.ends(closing: closing, remaining: 0, budget: 100) == (closing || old || upgrade || drains))
    }

    @Test func theLastAnswerIsSentBeforeTheEnd() {
        var machine = Self.serving()
        machine.writeStarted(by: Self.at(30))
        machine.writeStarted(by: Self.at(31))
        #expect(Self.answer(&machine, closes: true) == .afterWrites)
        #expect(machine.phase == .closing(lingers: false) && machine.deadline(idleUntil: Self.at(99)) == Self.at(31))
        #expect(machine.writeFinished(nextBy: Self.at(40)) == .none)
        #expect(machine.deadline(idleUntil: Self.at(99)) == Self.at(40))
        #expect(machine.writeFinished(nextBy: Self.at(50)) == .close)
    }

    @Test func aClientThatStillSendsIsGivenTimeToRead() {
        var machine = Self.serving(hasBody: true)
        machine.writeStarted(by: Self.at(30))
        #expect(Self.answer(&machine, closes: true) == .afterWrites)
        #expect(machine.writeFinished(nextBy: Self.at(50)) == .closeOutput)
        machine.outputClosed(now: Self.at(7))
        #expect(machine.phase == .lingering && machine.deadline(idleUntil: Self.at(99)) == Self.at(9))
        #expect(machine.deadlinePassed() == .close(nil))
        #expect(machine.end(lingering: false) == .none, "it ends already")
    }

    @Test func refusedUpgradesLinger() {
        var machine = Self.serving(isUpgrade: true)
        #expect(Self.answer(&machine, closes: true) == .closeOutput)
    }

    @Test func idleConnectionsDrainAtOnce() {
        var machine = Self.opened()
        #expect(machine.drain() == .close)
        #expect(machine.nextStep() == .wait)
        var busy = Self.serving()
        #expect(busy.drain() == .none)
        #expect(Self.answer(&busy) == .none)
        #expect(busy.requestEnded() == .close)
    }

    @Test func aConnectionOfHTTP10EndsWithItsRequest() {
        var machine = Self.serving(keepsAlive: false)
        #expect(Self.answer(&machine) == .none)
        #expect(machine.requestEnded() == .close)
    }

    @Test func whatIsTakenOverOrDroppedIsOver() {
        var machine = Self.serving(isUpgrade: true)
        machine.dropped()
        #expect(machine.phase == .gone && machine.nextStep() == .wait && !machine.hasRequest)
        #expect(machine.deadline(idleUntil: Self.at(99)) == nil)
        #expect(machine.end(lingering: true) == .none && machine.drain() == .none)
        #expect(Self.answer(&machine) == .none)
    }

    // MARK: Times

    @Test func theFirstHeadHasItsTimeFromTheStart() {
        var machine = Self.opened()
        machine.headIncomplete(holding: 0, headBy: Self.at(50))
        #expect(machine.deadlinePassed() == .close(.headTimeout), "silent: nobody waits for an answer")
        machine.headIncomplete(holding: 3, headBy: Self.at(50))
        #expect(machine.deadline(idleUntil: Self.at(99)) == Self.at(5))
        #expect(machine.deadlinePassed() == .refuse(.headTimeout))
    }

    @Test func laterHeadsHaveTheirTimeFromTheirFirstByte() {
        var machine = Self.serving()
        #expect(Self.answer(&machine) == .none)
        #expect(machine.requestEnded() == .none)
        #expect(machine.deadline(idleUntil: Self.at(20)) == Self.at(20))
        #expect(machine.deadline(idleUntil: Self.at(21)) == Self.at(20), "asked once")
        #expect(machine.deadlinePassed() == .close(nil))
        machine.headIncomplete(holding: 1, headBy: Self.at(23))
        machine.headIncomplete(holding: 2, headBy: Self.at(24))
        #expect(machine.deadline(idleUntil: Self.at(99)) == Self.at(23))
        #expect(machine.deadlinePassed() == .refuse(.headTimeout))
    }

    @Test func bodiesAnswersAndUpgradesHaveTheirTimes() {
        var body = Self.serving(hasBody: true)
        body.bodyWanted(.collected(limit: 1), by: Self.at(10))
        #expect(body.deadline(idleUntil: Self.at(99)) == Self.at(10) && body.deadlinePassed() == .refuse(.bodyTimeout))
        var held = Self.serving()
        #expect(held.deadline(idleUntil: Self.at(99)) == nil, "a held poll has no limit")
        held.writeStarted(by: Self.at(30))
        #expect(held.deadline(idleUntil: Self.at(99)) == Self.at(30) && held.deadlinePassed() == .close(.sendTimeout))
        var upgrade = Self.serving(isUpgrade: true)
        upgrade.leftUnanswered(until: Self.at(1))
        #expect(upgrade.deadline(idleUntil: Self.at(99)) == Self.at(1))
        #expect(upgrade.deadlinePassed() == .close(.unansweredUpgrade))
        var closing = Self.serving()
        closing.writeStarted(by: Self.at(30))
        #expect(Self.answer(&closing, closes: true) == .afterWrites)
        #expect(closing.deadlinePassed() == .close(.sendTimeout))
    }
}
