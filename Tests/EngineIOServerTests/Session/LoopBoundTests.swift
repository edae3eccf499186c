// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import NIOPosix
internal import Testing

@testable import LoopConfinement

/// The crossing between event loops and other threads.
@Suite("LoopBound")
struct LoopBoundTests {
    /// What must stay on one event loop.
    private final class Diary {
        var lines: [String] = []
    }

    private static var loop: any EventLoop { MultiThreadedEventLoopGroup.singleton.next() }

    @Test("from elsewhere, calls are made on the event loop, in their order; what is taken along arrives")
    func order() async {
        let loop = Self.loop
        let diary = LoopBound(Diary(), on: loop)
        for number in 0..<100 {
            if number.isMultiple(of: 2) {
                diary.run { $0.lines.append("\(loop.inEventLoop) \(number)") }
            } else {
                diary.run(number) { $0.lines.append("\(loop.inEventLoop) \($1)") }
            }
        }
        #expect(await diary.get { $0.lines } == (0..<100).map { "true \($0)" })
    }

    @Test("on the event loop, calls are made at once, or later when that is asked for")
    func here() async throws {
        let loop = Self.loop
        let diary = LoopBound(Diary(), on: loop)
        let lines = try await loop.submit {
            diary.execute { $0.lines.append("later") }
            diary.run { $0.lines.append("first") }
            diary.run("second") { $0.lines.append($1) }
            return diary.runIfHere { diary in
                diary.lines.append("third")
                return diary.lines
            }
        }.get()
        #expect(lines == ["first", "second", "third"])
        #expect(await diary.get { $0.lines }.last == "later")
    }

    @Test("elsewhere, nothing is done by runIfHere")
    func elsewhere() async {
        let diary = LoopBound(Diary(), on: Self.loop)
        #expect(diary.runIfHere { $0.lines.append("here") } == nil)
        #expect(await diary.get { $0.lines.isEmpty })
    }

    @Test("what is made of something else is made on its event loop, once, when it is first needed")
    func derived() async {
        let loop = Self.loop
        let base = LoopBound(Diary(), on: loop)
        let derived = LoopBound(with: base) { base in
            base.lines.append("made \(loop.inEventLoop)")
            return base
        }
        #expect(await base.get { $0.lines.isEmpty })
        await derived.get { $0.lines.append("used") }
        await derived.get { $0.lines.append("used") }
        #expect(await base.get { $0.lines } == ["made true", "used", "used"])
    }

    @Test("timers that repeat take what stays on the event loop, and end when told")
    func repeated() async throws {
        let loop = Self.loop
        let diary = LoopBound(Diary(), on: loop)
        diary.run { diary in
            _ = loop.assumeIsolated().scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(1)) { task in
                diary.lines.append("tick")
                if diary.lines.count == 3 { task.cancel() }
            }
        }
        try await eventually("three ticks") { await diary.get { $0.lines.count } == 3 }
    }

    #if DEBUG
        @Test("in debug builds what is inside is not reached elsewhere")
        func outside() async {
            await #expect(processExitsWith: .failure) {
                _ = LoopBound([1], on: MultiThreadedEventLoopGroup.singleton.next()).value
            }
        }
    #endif
}
