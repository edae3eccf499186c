// Part of socketio-server, MIT licence; see LICENSE.

package import Logging
package import NIOCore

/// Reads one Redis stream over a connection of its own, which waits in XREAD for new entries. Lives on one event loop.
package final class RedisStreamReader: RedisEndpointCore {
    /// What the owner is told, on the event loop.
    package struct Handlers {
        /// The position from which entries follow is known.
        package var onStart: (RedisStreamID) -> Void = { _ in }
        /// New entries, in order, each once.
        package var onEntries: ([RedisStreamEntry]) -> Void
        /// Entries are missing between those before and those that follow.
        package var onGap: () -> Void = {}
        /// Why the stream cannot be read at this moment; nil when it can again. Told with every change.
        package var onTrouble: (String?) -> Void = { _ in }

        package init(onEntries: @escaping ([RedisStreamEntry]) -> Void) {
            self.onEntries = onEntries
        }
    }

    private let stream: String
    private let client: RedisClientCore
    private let eventLoop: any EventLoop
    private let handlers: Handlers
    private let block: TimeAmount
    private var machine: StreamReadStateMachine
    private var isInTrouble = false

    /// - Parameters:
    ///   - pageSize: The most entries of one reply.
    ///   - block: How long Redis waits for an entry before it answers that there is none, at most a third of the
    ///     interval of the connection's health checks, which Redis answers only afterwards.
    package init(
        stream: String, configuration: RedisConfiguration, eventLoop: any EventLoop, logger: Logger,
        pageSize: Int = 200, block: TimeAmount = .seconds(1), handlers: Handlers
    ) {
        self.stream = stream
        self.eventLoop = eventLoop
        self.handlers = handlers
        self.block = min(block, TimeAmount(configuration.pingInterval) / 3)
        machine = StreamReadStateMachine(pageSize: pageSize)
        client = RedisClientCore(
            configuration: configuration, eventLoop: eventLoop, logger: logger, name: "stream",
            handlers: RedisClientHandlers())
    }

    /// The last entry that was delivered; nil until the beginning is known.
    package var position: RedisStreamID? { machine.isResolved ? machine.position : nil }

    package func start() {
        client.start()
        perform(machine.start())
    }

    package func close() {
        machine.end()
        client.close()
    }

    private func perform(_ action: StreamReadStateMachine.Action) {
        switch action {
        case .none: break
        case .askNewest: ask(.newest(of: stream), RedisStreamEntry.entries) { $0.resolved($1.first?.id) }
        case .askNewestID: ask(.newestID(of: stream), RedisStreamEntry.lone) { $0.resolved($1.first?.id) }
        case .askOldest: ask(.oldest(of: stream), RedisStreamEntry.entries) { $0.checked($1.first?.id) }
        case .askOldestID: ask(.nextID(of: stream, after: .zero), RedisStreamEntry.lone) { $0.checked($1.first?.id) }
        case .askNext(let id):
            ask(.nextID(of: stream, after: id), RedisStreamEntry.lone) { reader, entries in
                let (action, hasGap) = reader.machine.next(entries.first?.id)
                if hasGap { reader.handlers.onGap() }
                reader.perform(action)
            }
        case .read(let id, let count):
            let milliseconds = Int(block.nanoseconds / 1_000_000)
            let command = RESPCommand.read(stream, after: id, count: count, block: max(milliseconds, 1))
            ask(command, waits: block, RedisStreamEntry.read) { $0.deliver($1) }
        case .wait(let time):
            eventLoop.assumeIsolated().scheduleTask(in: time) { [weak self] in
                guard let self else { return }
                perform(machine.retry())
            }
        }
    }

    private func checked(_ id: RedisStreamID?) {
        let (action, hasGap) = machine.oldest(id)
        if hasGap { handlers.onGap() }
        perform(action)
    }

    private func resolved(_ id: RedisStreamID?) {
        let action = machine.newest(id)
        handlers.onStart(machine.position)
        perform(action)
    }

    private func deliver(_ entries: [RedisStreamEntry]) {
        let position = machine.position
        let new = entries.drop { $0.id <= position }
        let action = machine.page(last: entries.last?.id, count: entries.count)
        if !new.isEmpty { handlers.onEntries(Array(new)) }
        perform(action)
    }

    private func ask(
        _ command: RESPCommand, waits: TimeAmount = .zero,
        _ read: @escaping (RESPValue) throws(RedisError) -> [RedisStreamEntry],
        _ done: @escaping (RedisStreamReader, [RedisStreamEntry]) -> Void
    ) {
        let limit = waits + .seconds(5)
        client.send(command, timeout: limit, whenDown: .wait(.seconds(5))) { [weak self] result in
            guard let self else { return }
            if case .failure(let error) = result, error.code == .replyTooLarge {
                return self.perform(self.machine.tooLarge())
            }
            do throws(RedisError) {
                let entries = try read(try result.get())
                self.machine.succeeded()
                self.note(nil)
                done(self, entries)
            } catch {
                self.note(error)
                self.perform(self.machine.failed())
            }
        }
    }

    private func note(_ error: RedisError?) {
        guard isInTrouble != (error != nil) else { return }
        isInTrouble = error != nil
        handlers.onTrouble(error?.description)
    }
}
