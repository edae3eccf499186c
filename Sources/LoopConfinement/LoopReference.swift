// Part of socketio-server, MIT licence; see LICENSE.

public import NIOCore

/// Where an object lives: an event loop, and how other threads run work on it.
public protocol LoopHome: Sendable {
    var eventLoop: any EventLoop { get }

    /// Runs `work` on the event loop: at once when called there, otherwise later, in the order of the calls.
    func run(_ work: @escaping @Sendable () -> Void)
}

/// An event loop that receives work from other threads through its own queue.
public struct PlainHome: LoopHome {
    /// The event loop.
    public let eventLoop: any EventLoop

    package init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Runs `work` at once when called on the event loop, otherwise later, in the order of the calls.
    public func run(_ work: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop { work() } else { eventLoop.execute(work) }
    }
}

/// An object that lives on one event loop. It must not be `Sendable`: then the compiler keeps it there, and a call of
/// one of its methods cannot be written elsewhere.
public protocol LoopResident: AnyObject, SendableMetatype {
    associatedtype Home: LoopHome

    /// Where it lives. Any thread may read this, so it must be made of constants.
    var home: Home { get }
}

/// A reference to an object that lives on one event loop, which any thread may hold. It is like ``LoopBound``, but a
/// value: it costs no allocation, and its object must exist already.
///
/// This type and its protocols are `public`, although no product offers them: Swift 6.3 specialises nothing across modules that
/// belongs to a `package` type, `@inlinable` or not, and each use would go through witness tables.
///
/// The object is lent to closures that run on the event loop. It is given only to callers that prove that they are on
/// the loop, either with a `NIOIsolatedEventLoop`, which NIO gives to nobody else, or with
/// ``LoopReference/value(beside:)``.
///
/// The proof for `@unchecked Sendable`:
/// - An object that comes in either comes from its event loop, or nothing else has kept a reference (`sending`).
/// - Other threads only read its `home`, which is made of constants.
/// - It is used where the caller has checked the event loop, or was called by it, just before; debug builds check once
///   more.
/// - The last reference may be given up on any thread: residents have no `deinit` that does more than release what they
///   hold, including atomic numbers.
public struct LoopReference<Resident: LoopResident>: @unchecked Sendable {
    @usableFromInline
    let resident: Resident

    /// To be made on the object's event loop, mostly by the object itself.
    @inlinable
    package init(_ resident: Resident) {
        assert(resident.home.eventLoop.inEventLoop, "made elsewhere than where it lives")
        self.resident = resident
    }

    /// Takes an object that nothing else has a reference to. Any thread.
    @inlinable
    package init(sending resident: sending Resident) {
        self.resident = resident
    }

    /// Where it lives.
    @inlinable
    package var home: Resident.Home { resident.home }

    /// Where it lives.
    @inlinable
    package var eventLoop: any EventLoop { resident.home.eventLoop }

    @inlinable
    var value: Resident {
        assert(resident.home.eventLoop.inEventLoop, "used elsewhere than where it lives")
        return resident
    }

    /// The object, for a caller that is on its event loop.
    @inlinable
    package func value(on eventLoop: NIOIsolatedEventLoop) -> Resident { value }

    /// The object, for another object that lives on the same event loop.
    @inlinable
    package func value(beside neighbour: some LoopResident) -> Resident {
        assert(neighbour.home.eventLoop === resident.home.eventLoop, "they live on different event loops")
        return value
    }

    /// Runs `body` with the object: at once when called on its event loop; from elsewhere on that loop, in the order of
    /// the calls.
    @inlinable
    package func run(_ body: @escaping @Sendable (Resident) -> Void) {
        if eventLoop.inEventLoop { body(value) } else { home.run { body(self.value) } }
    }

    /// Runs `body` with the object on its event loop, always later, even when called there.
    @inlinable
    package func execute(_ body: @escaping @Sendable (Resident) -> Void) {
        eventLoop.execute { body(self.value) }
    }

    /// Runs `body` with the object when called on its event loop; otherwise does nothing and returns nil.
    @inlinable
    package func runIfHere<Result: Sendable>(_ body: (Resident) throws -> Result) rethrows -> Result? {
        guard eventLoop.inEventLoop else { return nil }
        return try body(value)
    }

    /// Runs `body` with the object on its event loop and waits for the result.
    package func get<Result: Sendable>(_ body: @escaping @Sendable (Resident) -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            run { continuation.resume(returning: body($0)) }
        }
    }
}

extension LoopBound {
    /// Binds a value that is made from an object on the same event loop, there and at its first use. Any thread.
    package convenience init<Base>(with base: LoopReference<Base>, make: @escaping @Sendable (Base) -> Value) {
        self.init(on: base.eventLoop) { make(base.value) }
    }

    /// The value, for an object that lives on the same event loop.
    @inlinable
    package func value(beside neighbour: some LoopResident) -> Value {
        assert(neighbour.home.eventLoop === eventLoop, "they live on different event loops")
        return value
    }
}
