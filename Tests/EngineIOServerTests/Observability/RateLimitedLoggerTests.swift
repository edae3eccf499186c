// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOEmbedded
internal import Testing

@testable internal import EngineIOServer

@Suite struct RateLimitedLoggerTests {
    private enum Kind: String, LogKind {
        case common = "it happened"
        case rare = "something else happened"
        case several = "a few are fine"

        var interval: TimeAmount { self == .rare ? .minutes(1) : .seconds(1) }
        var burst: Int { self == .several ? 3 : 1 }
    }

    /// Keeps what is logged: level, text, metadata.
    private final class Keeper: LogHandler, Sendable {
        private let lines = NIOLockedValueBox<[String]>([])
        private let level = NIOLockedValueBox(Logger.Level.info)
        var metadata: Logger.Metadata {
            get { [:] }
            set {}
        }
        var logLevel: Logger.Level {
            get { level.withLockedValue { $0 } }
            set { level.withLockedValue { $0 = newValue } }
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { nil }
            set {}
        }

        func log(event: LogEvent) {
            let metadata = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }
            lines.withLockedValue { $0.append("\(event.level) \(event.message)" + metadata.joined()) }
        }

        /// What has been logged since the last call.
        func take() -> [String] {
            lines.withLockedValue { lines in
                defer { lines = [] }
                return lines
            }
        }
    }

    private let keeper = Keeper()
    private let loop = EmbeddedEventLoop()
    private let log: RateLimitedLogger<Kind>

    init() {
        let keeper = keeper
        log = RateLimitedLogger(Logger(label: "test") { _ in keeper }, eventLoop: loop)
    }

    @Test func aFloodIsOneLineASecondWithTheNumberOfTheOthers() {
        for number in 0..<1_000 { log.log(.common, ["number": "\(number)"]) }
        #expect(keeper.take() == ["warning it happened number=0"])
        loop.advanceTime(by: .milliseconds(999))
        log.log(.common, ["number": "1000"])
        #expect(keeper.take().isEmpty)
        loop.advanceTime(by: .milliseconds(1))
        for number in 2_000..<2_010 { log.log(.common, ["number": "\(number)"]) }
        #expect(keeper.take() == ["warning it happened leftOut=1000 number=2000"])
    }

    @Test func theCountDoesNotWaitForAnotherLine() {
        for _ in 0..<5 { log.log(.common) }
        #expect(keeper.take() == ["warning it happened"])
        loop.advanceTime(by: .milliseconds(1_099))
        #expect(keeper.take().isEmpty)
        loop.advanceTime(by: .milliseconds(1))
        #expect(keeper.take() == ["warning it happened leftOut=4"])
        // It is a line like any other: the next one has to wait for its second.
        log.log(.common)
        loop.advanceTime(by: .milliseconds(999))
        #expect(keeper.take().isEmpty)
        loop.advanceTime(by: .milliseconds(101))
        #expect(keeper.take() == ["warning it happened leftOut=1"])
        // Nothing more: no line says that nothing was left out.
        loop.advanceTime(by: .minutes(5))
        #expect(keeper.take().isEmpty)
    }

    @Test func theCountKeepsTheReasonAndTheAdvice() {
        for number in 0..<3 {
            log.log(.common, ["number": "\(number)", "reason": "too many", "advice": "have fewer"])
        }
        _ = keeper.take()
        loop.advanceTime(by: .milliseconds(1_100))
        // Whom the last line was about is not said of the others.
        #expect(keeper.take() == ["warning it happened advice=have fewer leftOut=2 reason=too many"])
        loop.advanceTime(by: .seconds(1))
        for _ in 0..<2 { log.log(.common, ["number": "3"]) }
        _ = keeper.take()
        loop.advanceTime(by: .milliseconds(1_100))
        #expect(keeper.take() == ["warning it happened leftOut=1"])
    }

    @Test func kindsAreCountedApart() {
        for _ in 0..<3 {
            log.log(.common)
            log.log(.rare, level: .error)
        }
        #expect(keeper.take() == ["warning it happened", "error something else happened"])
        loop.advanceTime(by: .seconds(59))
        #expect(keeper.take() == ["warning it happened leftOut=2"])
        loop.advanceTime(by: .milliseconds(1_100))
        #expect(keeper.take() == ["error something else happened leftOut=2"])
    }

    @Test func aBurstIsWrittenWhole() {
        for number in 0..<5 { log.log(.several, level: .info, ["number": "\(number)"]) }
        #expect(keeper.take() == (0..<3).map { "info a few are fine number=\($0)" })
        loop.advanceTime(by: .seconds(1))
        log.log(.several, level: .info, ["number": "5"])
        log.log(.several, level: .info, ["number": "6"])
        #expect(keeper.take() == ["info a few are fine leftOut=2 number=5", "info a few are fine number=6"])
    }

    /// A line that the level leaves out is no line, and its metadata is not made.
    @Test func metadataIsMadeForWrittenLinesOnly() {
        var made = 0
        func metadata() -> Logger.Metadata {
            made += 1
            return [:]
        }
        for _ in 0..<100 { log.log(.common, level: .debug, metadata()) }
        #expect(made == 0 && keeper.take().isEmpty)
        for _ in 0..<100 { log.log(.common, metadata()) }
        #expect(made == 1)
        loop.advanceTime(by: .seconds(2))
        #expect(keeper.take() == ["warning it happened", "warning it happened leftOut=99"])
    }

    /// What is written and what is left out are together what happened, whichever threads it happened on.
    @Test func nothingIsLostBetweenThreads() async {
        let (keeper, loop) = (Keeper(), NIOAsyncTestingEventLoop())
        let log = RateLimitedLogger<Kind>(Logger(label: "test") { _ in keeper }, eventLoop: loop)
        await withTaskGroup { group in
            for _ in 0..<4 {
                group.addTask { for _ in 0..<2_500 { log.log(.common) } }
            }
        }
        #expect(keeper.take() == ["warning it happened"])
        await loop.advanceTime(by: .seconds(2))
        #expect(keeper.take() == ["warning it happened leftOut=9999"])
        await loop.shutdownGracefully()
    }
}
